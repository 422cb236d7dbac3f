"""Move, cancel or confirm what is booked, and take it along as a calendar file.

A form says which appointment its page showed. When that one has changed meanwhile, nothing is done, and the page of the
present one says so.
"""

from collections.abc import Awaitable, Callable

from litestar import Response, post, route
from litestar.params import FromPath

from db.changes.bookings import cancel, confirm, move
from db.clock import now
from db.errors import NotFound, Outdated, SlotTaken
from jobs.messages.calendar import calendar_file, calendar_uid
from portal.forms import patient as forms
from portal.forms.body import posted
from portal.patient.slots import confirm_page, is_open
from portal.patient.visit import Answer, Visit, enter, go_to
from portal.services import AnyRequest, services

CALENDAR = "text/calendar"
FILE_NAME = "rendez-vous.ics"
CHANGED = "?noted=changed"


@route("/r/{token:str}/move", http_method=["GET", "HEAD"])
async def show_move(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token, moving=True)
    return move_page(visit, "now" if visit.page.slots else "none") if _may_change(visit) else go_to(token)


@post("/r/{token:str}/move", status_code=200)
async def change_time(request: AnyRequest, token: FromPath[str]) -> Answer:
    """Choose, then the same again with `confirm`."""
    visit = await enter(request, token, moving=True)
    fields = await posted(request)
    wanted = forms.slot(fields)
    if not _may_change(visit):
        return go_to(token)
    if wanted is None:
        return move_page(visit, "unread", status=400)
    shown = forms.shown(fields)
    if not forms.is_confirmed(fields):
        if shown != visit.mark:
            return go_to(token, CHANGED)
        return confirm_page(visit, wanted) if is_open(visit, wanted) else move_page(visit, "taken", status=409)
    try:
        await move(visit.link_id, starts_at=wanted, shown=shown, now=now())
    except SlotTaken:
        return move_page(await enter(request, token, moving=True), "taken", status=409)
    except Outdated:
        return go_to(token, CHANGED)
    except NotFound:
        pass
    return go_to(token)


@route("/r/{token:str}/cancel", http_method=["GET", "HEAD"])
async def show_cancel(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token)
    return visit.show("cancel") if _may_change(visit) else go_to(token)


@post("/r/{token:str}/cancel", status_code=200)
async def confirm_cancel(request: AnyRequest, token: FromPath[str]) -> Answer:
    return await _change(cancel, request, token)


@post("/r/{token:str}/confirm", status_code=200)
async def confirm_coming(request: AnyRequest, token: FromPath[str]) -> Answer:
    return await _change(confirm, request, token)


async def _change(change: Callable[..., Awaitable[str]], request: AnyRequest, token: str) -> Answer:
    visit = await enter(request, token)
    shown = forms.shown(await posted(request))
    if _may_change(visit):
        try:
            await change(visit.link_id, shown=shown, now=now())
        except Outdated:
            return go_to(token, CHANGED)
        except NotFound:
            pass
    return go_to(token)


@route("/r/{token:str}/appointment.ics", http_method=["GET", "HEAD"])
async def take_along(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token)
    page = visit.page
    if page.booking is None or page.booking.starts_at is None or page.booking.ends_at is None:
        return go_to(token)
    body = calendar_file(
        uid=calendar_uid(page.booking.ref, services(request).config.base_url),
        sequence=page.booking.calendar_sequence,
        starts_at=page.booking.starts_at,
        ends_at=page.booking.ends_at,
        stamped_at=page.booking.updated_at,
        cancelled=False,
        practice=page.practice,
        address=page.address or "",
        language=page.language,
        organizer=None,
    )
    saved = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return Response(body, media_type=CALENDAR, headers=saved)


def _may_change(visit: Visit) -> bool:
    return visit.page.booking is not None and visit.page.booking.can_change


def move_page(visit: Visit, state: str, *, status: int = 200) -> Response[bytes]:
    """`state` is of the move itself (`now`, `none`), or says what went wrong with the choice."""
    words = visit.words
    if state in ("taken", "unread") and visit.page.slots:
        heading, text = getattr(words.slots, f"{state}_heading"), getattr(words.slots, state)
    else:
        heading, text = words.move.heading, words.move.now if visit.page.slots else words.move.none
    return visit.show("move", status=status, heading=heading, text=text)
