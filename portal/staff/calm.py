"""The calm pages of the staff's part: what happened, in words, and where to go on."""

import re
import traceback
from typing import Any
from urllib.parse import urlencode, urlsplit

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.response import Redirect
from redis.exceptions import RedisError

from db.errors import MessageUnderWay, NotFound, Refused
from portal.patient.guard import SAFE_METHODS
from portal.render import HTML
from portal.services import AnyRequest, services
from portal.staff.problems import ForeignForm, NotAllowed, NotSignedIn, TooManyTries
from portal.staff.render import page, partial_of, plain_page
from portal.staff.session import BACKGROUND, SignedIn
from portal.staff.words import Words, languages, words_for

log = structlog.get_logger()

SIGN_IN = "/staff/sign-in"
WAIT_SECONDS = "60"
# Paths of our own pages, which hold references only.
_OWN = re.compile(r"/staff(/[\w.-]+)+", re.ASCII)


def own_page(to: str) -> str:
    """The path that was asked for before signing in, if it is one of ours; else nothing."""
    inside = _OWN.fullmatch(to) is not None and not to.startswith((SIGN_IN, "/staff/demo"))
    return to if inside and ".." not in to and len(to) <= 200 else ""


def words_of(request: AnyRequest) -> Words:
    """Whoever has not signed in reads the language that their browser asks for, else the practice's."""
    asked = [
        part.partition(";")[0].strip()[:2].lower() for part in request.headers.get("accept-language", "").split(",")
    ]
    contact = services(request).contact
    return words_for(next((code for code in asked if code in languages()), contact.language if contact else ""))


def on_not_signed_in(request: AnyRequest, _problem: Exception) -> Response[Any]:
    if is_swap(request):
        to = own_page(_path_of(request.headers.get("hx-current-url", "")))
        return Response(b"", status_code=401, headers={"HX-Redirect": _sign_in(to)})
    to = own_page(request.scope["path"]) if request.method in SAFE_METHODS else ""
    return Redirect(_sign_in(to), status_code=303)


def _path_of(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _sign_in(to: str) -> str:
    return f"{SIGN_IN}?{urlencode({'to': to})}" if to else SIGN_IN


def is_swap(request: AnyRequest) -> bool:
    return request.headers.get("hx-request") == "true"


def on_not_allowed(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 403, "not_allowed")


def on_foreign_form(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 403, "foreign")


def on_too_many(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 429, "too_many")


def on_missing(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 404, "missing")


def on_refusal(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 409, "refused")


def on_busy(request: AnyRequest, _problem: Exception) -> Response[str]:
    return problem_page(request, 503, "busy")


def on_redis_away(request: AnyRequest, problem: Exception) -> Response[str]:
    log.warning("sessions_away", error=type(problem).__qualname__)
    return problem_page(request, 503, "away")


def on_http_error(request: AnyRequest, problem: HTTPException) -> Response[str]:
    status = problem.status_code
    name = {403: "foreign", 404: "missing", 413: "too_long"}.get(status, "broken" if status >= 500 else "unread")
    return problem_page(request, status, name)


def on_crash(request: AnyRequest, problem: Exception) -> Response[str]:
    # The frames without the message, which may quote a value.
    frames = traceback.extract_tb(problem.__traceback__)
    log.error(
        "staff_request_failed",
        error=type(problem).__qualname__,
        frames=[f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    )
    return problem_page(request, 500, "broken")


def problem_page(request: AnyRequest, status: int, name: str) -> Response[str]:
    """`words.problems.<name>` and its heading; for htmx, only that, at the top of the page that stays. A page that asks
    by itself stays as it is: its own script says that it is not up to date."""
    me: SignedIn | None = request.scope["state"].get("me")
    words = words_for(me.language) if me is not None else words_of(request)
    said = {"heading": words.problems[f"{name}_heading"], "text": words.problems[name]}
    headers = {"Retry-After": WAIT_SECONDS} if status in (429, 503) else {}
    if BACKGROUND in request.headers:
        return Response("", status_code=status, media_type=HTML, headers=headers | {"HX-Reswap": "none"})
    if is_swap(request):
        swap = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML show:window:top"}
        return partial_of("staff_problem", status=status, headers=headers | swap, words=words, **said)
    if me is not None:
        return page("problem", me, status=status, headers=headers, **said)
    return plain_page("problem", words, status=status, headers=headers, **said)


EXCEPTION_HANDLERS: dict[int | type[Exception], Any] = {
    NotSignedIn: on_not_signed_in,
    NotAllowed: on_not_allowed,
    ForeignForm: on_foreign_form,
    TooManyTries: on_too_many,
    NotFound: on_missing,
    Refused: on_refusal,
    MessageUnderWay: on_busy,
    RedisError: on_redis_away,
    HTTPException: on_http_error,
    500: on_crash,
}
