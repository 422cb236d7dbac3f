"""Staff pages: `templates/staff/<name>.html`, which extends `layouts/staff.html`.

What every template has besides its own context:

    me            who asks (`SignedIn`)
    words         their language's texts, `words.<section>.<name>`; `words.dates` writes dates
    csrf_input    the hidden field of every form: {{ csrf_input }}
    allows        what the role may do: {% if allows("edit_texts") %}
    nav, notice   what the layout shows; a page is led to with a notice by `seeing("/staff/today", notice="saved")`,
                  whose words stand in the section `notices`

The layout's blocks: `title`, `content`, and `aside` where a page has one. Nothing is compressed: a page holds the
session's token beside what others have written, and the size of a compressed answer would tell of it.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

from litestar import Response
from litestar.response import Redirect
from markupsafe import Markup

from portal.render import HTML, ROOT, templates
from portal.staff.permissions import May, may
from portal.staff.session import CSRF_FIELD, SignedIn
from portal.staff.words import Words, words_for


def _versioned(name: str) -> str:
    """The address of a static file of ours, which changes with what the file holds."""
    return f"/static/{name}?v={hashlib.sha256((ROOT / 'static' / name).read_bytes()).hexdigest()[:12]}"


CSS, SCRIPT = _versioned("css/staff.css"), _versioned("js/staff.js")

# In the order in which the pages show them: the word's name, the address, what it needs.
NAVIGATION = (
    ("today", "/staff/today", May.SEE_WORKLIST),
    ("absences", "/staff/absences", May.MARK_ABSENCES),
    ("dossier", "/staff/patients", May.SEE_DOSSIER),
    ("texts", "/staff/texts", May.SEE_TEXTS),
)


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    href: str
    current: bool


def page(
    name: str, me: SignedIn, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response[str]:
    return _answer(f"staff/{name}.html", me, status, headers, context)


def partial(
    name: str, me: SignedIn, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response[str]:
    """What htmx swaps, `templates/partials/<name>.html`: the same part that the page includes."""
    return _answer(f"partials/{name}.html", me, status, headers, context)


def seeing(to: str, *, notice: str | None = None) -> Redirect:
    """After a change: the page at `to` (which has no query yet), saying `words.notices.<notice>` first."""
    return Redirect(to if notice is None else f"{to}?notice={notice}", status_code=303)


def plain_page(
    name: str, words: Words, *, status: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Response[str]:
    """A page for whoever is not signed in: the same layout without its navigation."""
    html = templates().get_template(f"staff/{name}.html")
    shown = {"me": None, "nav": (), "notice": "", "words": words, "css": CSS, "script": SCRIPT, **context}
    return Response(html.render(**shown), status_code=status, media_type=HTML, headers=headers)


def partial_of(name: str, *, status: int, headers: dict[str, str], **context: Any) -> Response[str]:
    """A partial that needs nobody: what went wrong."""
    html = templates().get_template(f"partials/{name}.html").render(**context)
    return Response(html, status_code=status, media_type=HTML, headers=headers)


def csrf_input(token: str) -> Markup:
    return Markup('<input type="hidden" name="{}" value="{}">').format(CSRF_FIELD, token)


def _answer(
    template: str, me: SignedIn, status: int, headers: dict[str, str] | None, context: dict[str, Any]
) -> Response[str]:
    words = words_for(me.language)
    shown = {
        "me": me,
        "words": words,
        "css": CSS,
        "script": SCRIPT,
        "csrf_input": csrf_input(me.csrf),
        "allows": lambda need: may(me.role, May(need)),
        "nav": _navigation(me),
        "notice": vars(words.notices).get(me.notice, ""),
        **context,
    }
    html = templates().get_template(template).render(**shown)
    return Response(html, status_code=status, media_type=HTML, headers={"Vary": "HX-Request", **(headers or {})})


def _navigation(me: SignedIn) -> tuple[Entry, ...]:
    return tuple(Entry(name, href, me.path.startswith(href)) for name, href, need in NAVIGATION if may(me.role, need))
