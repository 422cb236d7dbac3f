"""See the open slots, choose one, confirm it."""

from datetime import datetime

from litestar import Response, post, route
from litestar.params import FromPath

from db.changes.bookings import book
from db.clock import now
from db.errors import NotFound, SlotTaken
from portal.forms import patient as forms
from portal.forms.body import posted
from portal.patient.view import moment_text
from portal.patient.visit import Answer, Visit, enter, go_to
from portal.services import AnyRequest

# What the page may be asked to say first, by the address that a form leads back to.
NOTED = {"call": "called", "barrier": "barrier_noted", "changed": "changed"}


@route("/r/{token:str}", http_method=["GET", "HEAD"])
async def show_page(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
    return landing_page(await enter(request, token))


@post("/r/{token:str}/choose", status_code=200)
async def choose(request: AnyRequest, token: FromPath[str]) -> Answer:
    """Changes nothing: it shows what would be booked."""
    visit = await enter(request, token)
    if visit.page.booking is not None:
        return go_to(token)
    wanted = forms.slot(await posted(request))
    if wanted is None:
        return slots_page(visit, "unread", status=400)
    if not is_open(visit, wanted):
        return slots_page(visit, "taken", status=409)
    return confirm_page(visit, wanted)


@post("/r/{token:str}/book", status_code=200)
async def confirm(request: AnyRequest, token: FromPath[str]) -> Answer:
    visit = await enter(request, token)
    wanted = forms.slot(await posted(request))
    if wanted is None:
        return slots_page(visit, "unread", status=400)
    try:
        await book(visit.link_id, starts_at=wanted, now=now())
    except SlotTaken:
        return slots_page(await enter(request, token), "taken", status=409)
    except NotFound:
        pass
    return go_to(token)


@route(
    [f"/r/{{token:str}}/{place}" for place in ("choose", "book", "confirm", "call", "barrier")],
    http_method=["GET", "HEAD"],
)
async def back_to_page(token: FromPath[str]) -> Answer:
    """A telephone that wakes up asks again, with GET, for the page that a form had led to."""
    return go_to(token)


def landing_page(visit: Visit) -> Response[bytes]:
    noted = _noted(visit, visit.request.query_params.get("noted", ""))
    return visit.show("booked", noted=noted) if visit.page.booking else slots_page(visit, _state(visit), noted=noted)


def is_open(visit: Visit, moment: datetime) -> bool:
    return any(slot.starts_at == moment for slot in visit.page.slots)


def confirm_page(visit: Visit, wanted: datetime) -> Response[bytes]:
    return visit.show(
        "confirm",
        slot=forms.slot_value(wanted),
        when=moment_text(wanted, visit.page.zone, visit.words),
    )


def slots_page(visit: Visit, state: str, *, status: int = 200, noted: tuple[str, str] | None = None) -> Response[bytes]:
    """`state` names what the page says first: a heading and a sentence under `slots` in the words."""
    texts = visit.words.slots
    heading = getattr(texts, f"{state}_heading", texts.heading)
    if state == "taken" and not visit.page.slots:
        state = "taken_none"
    return visit.show("slots", status=status, heading=heading, text=getattr(texts, state), noted=noted, state=state)


def _state(visit: Visit) -> str:
    if visit.page.was_cancelled:
        return "cancelled"
    return "welcome" if visit.page.slots else "none"


def _noted(visit: Visit, wanted: str) -> tuple[str, str] | None:
    """A heading and a sentence under `noted` in the words."""
    name = NOTED.get(wanted)
    # Where nothing is booked any more, the page says that itself.
    if name is None or (name == "changed" and visit.page.booking is None):
        return None
    return getattr(visit.words.noted, f"{name}_heading"), getattr(visit.words.noted, name)
