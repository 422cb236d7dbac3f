"""Words that were written while a session ended: they stay on the page, or are given back to be copied. Nothing of them
is kept, and nothing is done."""

from typing import Any

from litestar import Request, Response
from litestar.enums import ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from db.queries.tones import TextKey
from db.states import Channel
from portal.forms.texts import text_form
from portal.services import AnyRequest
from portal.staff.calm import is_swap, on_foreign_form, on_not_signed_in, words_of
from portal.staff.problems import ForeignForm, NotSignedIn
from portal.staff.render import partial_of, plain_page
from portal.staff.session import form_of
from portal.staff.text_frame import CSS
from portal.staff.text_views import address, editable

POSTED = "posted_text"


class KeepPosted(ASGIMiddleware):
    """Reads the form before anybody asks who posts it: a handler of exceptions cannot wait for it."""

    scopes = (ScopeType.HTTP,)

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        scope["state"][POSTED] = await form_of(request)
        await next_app(scope, receive, send)


def _on_ended(request: AnyRequest, problem: Exception) -> Response[Any]:
    return _stay(request, 401) if is_swap(request) else _give_back(request, 401) or on_not_signed_in(request, problem)


def _on_changed(request: AnyRequest, problem: Exception) -> Response[Any]:
    """Somebody has signed in anew beside the form: it holds the token of the session before."""
    return _stay(request, 403) if is_swap(request) else _give_back(request, 403) or on_foreign_form(request, problem)


def _stay(request: AnyRequest, status: int) -> Response[str]:
    """Whoever has been away for long goes on typing: the page stays as it is, with words that nobody else has."""
    words = words_of(request)
    said = {"heading": words.text_problems.signed_out_heading, "text": words.text_problems.signed_out}
    swap = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML show:window:top"}
    return partial_of("staff_problem", status=status, headers=swap, words=words, **said)


def _give_back(request: AnyRequest, status: int) -> Response[str] | None:
    """The page shows what was posted to whoever posted it, and knows nothing of the practice; forms of other sites have
    been refused before."""
    names = request.path_params
    key = TextKey(*(str(names.get(name)) for name in TextKey._fields))
    form = text_form(request.scope["state"].get(POSTED, {}), has_subject=key.channel == Channel.EMAIL)
    if key not in editable() or not (form.words.body or form.words.subject):
        return None
    return plain_page(
        "text_kept", words_of(request), status=status, texts_css=CSS, key=key, at=address(key), written=form.words
    )


# What a route that takes the form of a text has besides its own.
KEPT: dict[str, Any] = {
    "middleware": [KeepPosted()],
    "exception_handlers": {NotSignedIn: _on_ended, ForeignForm: _on_changed},
}
