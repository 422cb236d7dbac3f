"""Aujourd'hui: what waits for a person, each case with its moves in place; and one case by itself, which is where Slack
leads to.

Without script each move is a form, a change and a page. With it, htmx swaps the case alone, and asks every second
whether anything has changed elsewhere: 204 while nothing has.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from db.changes.look_ups import Seen, record_cases_seen
from db.clock import now
from db.errors import NotFound
from db.queries.today import (
    Asked,
    TodayCase,
    Worklist,
    case_today,
    case_version,
    colleagues,
    who_is_there,
    worklist_today,
    worklist_version,
)
from db.queries.worklist import task_in_full
from db.rules.windows import local_day
from db.states import TaskKind
from portal.forms import case as forms
from portal.forms.body import posted
from portal.forms.case import Chosen
from portal.services import AnyRequest
from portal.staff.case_moves import OK, Answer, Move, make_move
from portal.staff.case_view import CaseView, Draft, Reader, case_view, say
from portal.staff.permissions import May, guard, may
from portal.staff.render import page, partial
from portal.staff.session import SignedIn
from portal.staff.slack_link import slack_trouble_said
from portal.staff.views import Option, teller_of
from portal.staff.words import words_for

AT_ONCE = 50
NOTHING_NEW = 204
TODAY = "/staff/today"

Shown = Response[str] | Response[None] | Redirect


@dataclass(frozen=True, slots=True)
class TodayView:
    """`news` is where a browser asks what has changed since; `earlier` and `later` are the pages beside this one."""

    news: str
    count: str
    pressing: str
    cases: tuple[CaseView, ...]
    chosen: Chosen
    shown: str
    earlier: str
    later: str
    kinds: tuple[Option, ...]


@get("/today", guards=[guard(May.SEE_WORKLIST)])
async def show_today(request: AnyRequest, me: NamedDependency[SignedIn]) -> Shown:
    query = dict(request.query_params)
    return await today_page(me, forms.chosen(query), said=_said(me, query.get("said", "")))


@get("/today/news", guards=[guard(May.SEE_WORKLIST)])
async def today_news(request: AnyRequest, me: NamedDependency[SignedIn]) -> Shown:
    """The list anew, or nothing where it stands as the browser shows it."""
    query, moment = dict(request.query_params), now()
    if query.get("version") == await _version_of_list(me, moment):
        return Response(None, status_code=NOTHING_NEW)
    return partial("staff_worklist", me, today=await _today(me, forms.chosen(query), moment), swap=False)


@get("/cases/{ref:str}", guards=[guard(May.SEE_WORKLIST)])
async def show_case(request: AnyRequest, ref: FromPath[str], me: NamedDependency[SignedIn]) -> Shown:
    _must_be_reference(ref)
    return await case_page(me, ref, said=_said(me, request.query_params.get("said", "")))


@get("/cases/{ref:str}/news", guards=[guard(May.SEE_WORKLIST)])
async def case_news(request: AnyRequest, ref: FromPath[str], me: NamedDependency[SignedIn]) -> Shown:
    _must_be_reference(ref)
    moment = now()
    if request.query_params.get("version") == await _version_of_case(me, ref, moment):
        return Response(None, status_code=NOTHING_NEW)
    return partial("staff_case_whole", me, **await _case(me, ref, moment), swap=False)


@post("/cases/{ref:str}/{move:str}", status_code=200, guards=[guard(May.SEE_WORKLIST, May.ACT_ON_CASES)])
async def act(request: AnyRequest, ref: FromPath[str], move: FromPath[str], me: NamedDependency[SignedIn]) -> Shown:
    if move not in tuple(Move):
        raise NotFound("There is no such move.")
    _must_be_reference(ref)
    back = forms.chosen(dict(request.query_params))
    answer = await make_move(Move(move), ref, me=me, fields=await posted(request), now=now())
    if request.headers.get("hx-request") == "true":
        return await _swapped(me, ref, back, answer)
    if answer.status == OK:
        place = f"/staff/cases/{ref}" if back.case else TODAY
        return Redirect(f"{place}{back.query(at='', said=answer.said)}#case-{ref}", status_code=303)
    if back.case:
        return await case_page(me, ref, problem=answer.problem, draft=answer.draft, status=answer.status)
    return await today_page(me, back, problem=answer.problem, draft=answer.draft, about=ref, status=answer.status)


HANDLERS = [show_today, today_news, show_case, case_news, act]


async def today_page(
    me: SignedIn,
    chosen: Chosen,
    *,
    said: str = "",
    problem: str = "",
    draft: Draft | None = None,
    about: str = "",
    status: int = OK,
) -> Shown:
    """`draft` is an unfinished form of the case `about`, which is shown even where the list leaves it out."""
    today = await _today(me, chosen, now(), draft=draft, about=about)
    slack = await slack_trouble_said(me)
    return page("today", me, status=status, today=today, slack=slack, said=said, problem=problem, swap=False)


async def case_page(
    me: SignedIn, ref: str, *, said: str = "", problem: str = "", draft: Draft | None = None, status: int = OK
) -> Shown:
    shown = await _case(me, ref, now(), draft=draft)
    slack = await slack_trouble_said(me)
    return page("case", me, status=status, **shown, slack=slack, said=said, problem=problem, swap=False)


async def _swapped(me: SignedIn, ref: str, back: Chosen, answer: Answer) -> Shown:
    """The case alone, and what is to be said of it."""
    moment = now()
    case = await case_today(me.practice.id, ref, now=moment)
    await _note_look_ups(me, [case], moment)
    shown = case_view(case, await _reader(me, back, moment), draft=answer.draft)
    said = _said(me, answer.said)
    return partial(
        "staff_case_swap", me, status=answer.status, case=shown, said=said, problem=answer.problem, swap=True
    )


async def _today(
    me: SignedIn, chosen: Chosen, moment: datetime, *, draft: Draft | None = None, about: str = ""
) -> TodayView:
    # First the version: what changes between the two reads is then asked for again, never missed.
    version = await _version_of_list(me, moment)
    asked = Asked(
        mine=me.id if chosen.mine else None,
        unclaimed=chosen.unclaimed,
        kind=chosen.kind,
        skip=(chosen.page - 1) * AT_ONCE,
        most=AT_ONCE,
    )
    found = await worklist_today(me.practice.id, asked, now=moment)
    cases = list(found.cases)
    if draft is not None and all(case.ref != about for case in cases):
        cases.insert(0, await case_today(me.practice.id, about, now=moment))
    await _note_look_ups(me, cases, moment)
    reader = await _reader(me, chosen, moment)
    views = tuple(case_view(case, reader, draft=draft if case.ref == about else None) for case in cases)
    return _today_view(me, chosen, version, found, views)


def _today_view(me: SignedIn, chosen: Chosen, version: str, found: Worklist, views: tuple[CaseView, ...]) -> TodayView:
    tasks = teller_of(me).words.of
    first, last = (chosen.page - 1) * AT_ONCE + 1, (chosen.page - 1) * AT_ONCE + len(found.cases)
    counted = "count_none" if not found.total else "count_one" if found.total == 1 else "count"
    pressing = found.crisis or found.urgent or found.overdue
    beside = Chosen(chosen.mine, chosen.unclaimed, chosen.kind)
    return TodayView(
        news=f"{TODAY}/news{chosen.query(version=version)}",
        count=say(me, counted, total=found.total),
        pressing=say(me, "count_pressing", crisis=found.crisis, urgent=found.urgent, overdue=found.overdue)
        if pressing
        else "",
        cases=views,
        chosen=chosen,
        shown=say(me, "shown", first=first, last=last, total=found.total) if found.total > len(found.cases) else "",
        earlier=f"{TODAY}{beside.query()}" if chosen.page > 1 else "",
        later=f"{TODAY}{beside.query(page=str(chosen.page + 1))}" if last < found.total and found.cases else "",
        kinds=tuple(Option(kind, tasks("tasks", kind), kind == chosen.kind) for kind in TaskKind),
    )


async def _case(me: SignedIn, ref: str, moment: datetime, *, draft: Draft | None = None) -> dict[str, Any]:
    version = await _version_of_case(me, ref, moment)
    case = await case_today(me.practice.id, ref, now=moment)
    await _note_look_ups(me, [case], moment)
    told = (await task_in_full(me.practice.id, ref)).timeline
    view = case_view(case, await _reader(me, Chosen(case=True), moment), draft=draft, timeline=told)
    return {"case": view, "news": f"/staff/cases/{ref}/news?version={version}"}


async def _reader(me: SignedIn, back: Chosen, moment: datetime) -> Reader:
    return Reader(
        me=me,
        teller=teller_of(me),
        now=moment,
        back=back,
        colleagues=await colleagues(me.practice.id),
        there=await who_is_there(me.practice, now=moment),
    )


async def _note_look_ups(me: SignedIn, cases: Sequence[TodayCase], moment: datetime) -> None:
    """Whose name this answer shows."""
    if not may(me.role, May.SEE_DOSSIER):
        return
    seen = [Seen(case.patient.ref, case.ref) for case in cases if case.patient is not None]
    await record_cases_seen(seen, practice=me.practice.id, actor=me.hand.actor, now=moment)


async def _version_of_list(me: SignedIn, moment: datetime) -> str:
    return _of_today(await worklist_version(me.practice.id, now=moment), me, moment)


async def _version_of_case(me: SignedIn, ref: str, moment: datetime) -> str:
    return _of_today(await case_version(me.practice.id, ref, now=moment), me, moment)


def _of_today(version: str, me: SignedIn, moment: datetime) -> str:
    """A page says of some moments that they are today: it is another one tomorrow."""
    return f"{version}-{local_day(moment, me.practice.calendar):%j}"


def _must_be_reference(ref: str) -> None:
    """The database takes no text with a NUL in it."""
    if not (ref.isascii() and ref.isalnum()):
        raise NotFound("This is no reference.")


def _said(me: SignedIn, name: str) -> str:
    """Only what a page may say; anybody can write an address."""
    return getattr(words_for(me.language).today, f"said_{name}", "") if name else ""
