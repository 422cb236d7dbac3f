"""The pages behind a rehearsal's link: every form leads where the patient's would, and writes nothing.

Nothing here imports a change. What was "done" goes on in the address (`portal.patient.pretence`).
"""

from dataclasses import replace

from litestar import Response, post, route
from litestar.params import FromPath
from litestar.response import Redirect
from litestar.types import Method

from db.states import Channel
from jobs.messages.calendar import calendar_file, calendar_uid
from portal.forms import patient as forms
from portal.forms.body import posted
from portal.patient.changes import CALENDAR, FILE_NAME, move_page
from portal.patient.guard import dead_link
from portal.patient.pretence import Pretence, read_pretence
from portal.patient.slots import confirm_page, is_open, landing_page, slots_page
from portal.patient.stopping import stop_page
from portal.patient.visit import Answer, Visit, rehearse
from portal.services import AnyRequest, services

AT = "/r/{token:str}/rehearsal/{done:str}"
LOOK: list[Method] = ["GET", "HEAD"]


async def _visit(request: AnyRequest, token: str, done: str, *, moving: bool = False) -> tuple[Visit, Pretence]:
    pretence = read_pretence(done)
    if pretence is None:
        await dead_link(request)
    return await rehearse(request, token, pretence, moving=moving), pretence


def _go(token: str, pretence: Pretence, place: str = "") -> Redirect:
    return Redirect(f"{pretence.base(token)}{place}", status_code=303)


@route(AT, http_method=LOOK)
async def rehearse_page(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Response[bytes]:
    visit, _ = await _visit(request, token, done)
    return landing_page(visit)


@route([f"{AT}/{place}" for place in ("choose", "book", "confirm", "call", "barrier")], http_method=LOOK)
async def rehearse_back(token: FromPath[str], done: FromPath[str]) -> Answer:
    return Redirect(f"/r/{token}/rehearsal/{done}", status_code=303)


@post(f"{AT}/choose", status_code=200)
async def rehearse_choice(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done)
    if pretence.booked is not None:
        return _go(token, pretence)
    wanted = forms.slot(await posted(request))
    if wanted is None:
        return slots_page(visit, "unread", status=400)
    return confirm_page(visit, wanted) if is_open(visit, wanted) else slots_page(visit, "taken", status=409)


@post(f"{AT}/book", status_code=200)
async def rehearse_booking(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done)
    wanted = forms.slot(await posted(request))
    if wanted is None:
        return slots_page(visit, "unread", status=400)
    if pretence.booked is not None:
        return _go(token, pretence)
    if not is_open(visit, wanted):
        return slots_page(visit, "taken", status=409)
    return _go(token, Pretence(wanted, stopped=pretence.stopped))


@route(f"{AT}/move", http_method=LOOK)
async def rehearse_move(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done, moving=True)
    if pretence.booked is None:
        return _go(token, pretence)
    return move_page(visit, "now" if visit.page.slots else "none")


@post(f"{AT}/move", status_code=200)
async def rehearse_new_time(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done, moving=True)
    fields = await posted(request)
    wanted = forms.slot(fields)
    if pretence.booked is None:
        return _go(token, pretence)
    if wanted is None:
        return move_page(visit, "unread", status=400)
    if not is_open(visit, wanted):
        return move_page(visit, "taken", status=409)
    if not forms.is_confirmed(fields):
        return confirm_page(visit, wanted)
    return _go(token, Pretence(wanted, stopped=pretence.stopped))


@route(f"{AT}/cancel", http_method=LOOK)
async def rehearse_cancel(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done)
    return visit.show("cancel") if pretence.booked is not None else _go(token, pretence)


@post(f"{AT}/cancel", status_code=200)
async def rehearse_cancelling(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    _, pretence = await _visit(request, token, done)
    await posted(request)
    if pretence.booked is None:
        return _go(token, pretence)
    return _go(token, Pretence(cancelled=True, stopped=pretence.stopped))


@post(f"{AT}/confirm", status_code=200)
async def rehearse_coming(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    _, pretence = await _visit(request, token, done)
    await posted(request)
    return _go(token, replace(pretence, confirmed=pretence.booked is not None))


@route(f"{AT}/appointment.ics", http_method=LOOK)
async def rehearse_file(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    """It says where it comes from: whoever keeps it must not wait for anybody."""
    visit, pretence = await _visit(request, token, done)
    page, booking = visit.page, visit.page.booking
    if booking is None or booking.starts_at is None or booking.ends_at is None:
        return _go(token, pretence)
    body = calendar_file(
        uid=calendar_uid(f"rehearsal-{visit.link_id}", services(request).config.base_url),
        sequence=0,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        stamped_at=booking.updated_at,
        cancelled=False,
        practice=f"[{visit.words.rehearsal.heading}] {page.practice}",
        address=page.address or "",
        language=page.language,
        organizer=None,
    )
    saved = {"Content-Disposition": f'attachment; filename="{FILE_NAME}"'}
    return Response(body, media_type=CALENDAR, headers=saved)


@post(f"{AT}/call", status_code=200)
async def rehearse_call(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    _, pretence = await _visit(request, token, done)
    await posted(request)
    return _go(token, pretence, "?noted=call")


@post(f"{AT}/barrier", status_code=200)
async def rehearse_barrier(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done)
    if forms.barrier(await posted(request)) is None:
        return visit.show("barrier", status=400)
    return _go(token, pretence, "?noted=barrier")


@route(f"{AT}/stop", http_method=LOOK)
async def rehearse_stop(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Response[bytes]:
    visit, _ = await _visit(request, token, done)
    return stop_page(visit)


@post(f"{AT}/stop", status_code=200)
async def rehearse_stopping(request: AnyRequest, token: FromPath[str], done: FromPath[str]) -> Answer:
    visit, pretence = await _visit(request, token, done)
    chosen = forms.channels(await posted(request))
    if chosen is None:
        return stop_page(visit, unread=True)
    stopped = tuple(channel for channel in Channel if channel in (*pretence.stopped, *chosen))
    return _go(token, replace(pretence, stopped=stopped), "/stop")


HANDLERS = (
    rehearse_page,
    rehearse_back,
    rehearse_choice,
    rehearse_booking,
    rehearse_move,
    rehearse_new_time,
    rehearse_cancel,
    rehearse_cancelling,
    rehearse_coming,
    rehearse_file,
    rehearse_call,
    rehearse_barrier,
    rehearse_stop,
    rehearse_stopping,
)
