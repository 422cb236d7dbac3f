"""Templates in, compressed answers out."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from jinja2.ext import Extension
from litestar import Request, Response
from markupsafe import Markup

from portal.compress import gzipped
from portal.patient.words import Words
from portal.styles import STYLES

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("layouts", "components", "partials", "patient", "staff")
HTMX = "vendor/htmx-2.0.10.min.js"

HTML = "text/html"
VARY = "Accept-Encoding, HX-Request"


class _Compact(Extension):
    """Drops the indentation of the templates: it is for us, and would travel with every page."""

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        return "\n".join(line for line in map(str.strip, source.splitlines()) if line)


@cache
def templates() -> Environment:
    """Every template compiled, with the values that no request changes."""
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        auto_reload=False,
        cache_size=-1,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=[_Compact],
    )
    environment.globals["styles"] = Markup(STYLES)  # noqa: S704 - our own file
    # Complete without it: a checkout that has not fetched it yet simply has no script.
    environment.globals["htmx"] = f"/static/{HTMX}" if (ROOT / "static" / HTMX).exists() else None
    for folder in FOLDERS:
        for file in (ROOT / "templates" / folder).glob("*.html"):
            environment.get_template(f"{folder}/{file.name}")
    return environment


def page(
    request: Request[Any, Any, Any],
    partial: str,
    *,
    words: Words,
    status: int = 200,
    headers: dict[str, str] | None = None,
    common: str = "",
    **values: Any,
) -> Response[bytes]:
    """The page around `partials/<partial>.html`, or that partial alone when htmx asks for what to swap.

    `common` is a part of it that other pages have too, as the very same text.
    """
    swap = request.headers.get("hx-request") == "true"
    name = f"partials/{partial}.html"
    layout = name if swap else "layouts/patient.html"
    html = templates().get_template(layout).render(words=words, partial=name, swap=swap, **values)
    sent = {"Vary": VARY} | (headers or {})
    if "gzip" not in request.headers.get("accept-encoding", ""):
        return Response(html.encode(), status_code=status, media_type=HTML, headers=sent)
    sent["Content-Encoding"] = "gzip"
    return Response(gzipped(html, common), status_code=status, media_type=HTML, headers=sent)
