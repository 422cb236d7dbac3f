"""No more messages: by channel on the page, or at once from the mail program (RFC 8058)."""

from litestar import Response, post, route
from litestar.params import FromPath

from db.changes.opt_outs import opt_out_by_link
from db.clock import now
from db.states import Channel
from portal.forms import patient as forms
from portal.forms.body import posted
from portal.patient.pretence import Pretence
from portal.patient.visit import Answer, Visit, enter, go_to, rehearse
from portal.services import AnyRequest

BY_PAGE = "page"
ONE_CLICK = "one_click"


@route("/r/{token:str}/stop", http_method=["GET", "HEAD"])
async def show_stop(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
    return stop_page(await enter(request, token, even_expired=True))


@post("/r/{token:str}/stop", status_code=200)
async def stop_channels(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token, even_expired=True)
    chosen = forms.channels(await posted(request))
    if chosen is None:
        return stop_page(visit, unread=True)
    await opt_out_by_link(visit.link_id, channels=chosen, source=BY_PAGE, now=now())
    return go_to(token, "/stop")


@route("/u/{token:str}", http_method=["GET", "HEAD"])
async def show_one_click(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
    visit = await enter(request, token, even_expired=True)
    return (
        stop_page(visit) if Channel.EMAIL in visit.page.opted_out else visit.show("one_click", one_click=f"/u/{token}")
    )


@post("/u/{token:str}", status_code=200)
async def one_click(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
    """A mail provider posts here, as a form of either kind; it has no cookie, follows no redirect, may repeat."""
    visit = await enter(request, token, even_expired=True)
    if visit.pretence is not None:
        return stop_page(await rehearse(request, token, Pretence(stopped=(Channel.EMAIL,))))
    await opt_out_by_link(visit.link_id, channels=[Channel.EMAIL], source=ONE_CLICK, now=now())
    return stop_page(await enter(request, token, even_expired=True))


def stop_page(visit: Visit, *, unread: bool = False) -> Response[bytes]:
    """What is stopped already, and a button for each channel that is not."""
    texts, page = visit.words.stop, visit.page
    stopped = [channel for channel in page.channels if channel in page.opted_out]
    left = [channel for channel in page.channels if channel not in page.opted_out]
    done = [getattr(texts, f"{channel}_done") for channel in stopped] if left else [texts.nothing]
    heading = texts.unread_heading if unread else texts.heading if left and not stopped else texts.done_heading
    return visit.show(
        "stop",
        status=400 if unread else 200,
        heading=heading,
        done=done,
        choices=[(channel, getattr(texts, channel)) for channel in left]
        + ([(forms.BOTH, texts.both)] if len(left) > 1 else []),
        unread=unread,
    )
