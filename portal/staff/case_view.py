"""From a case to what its part of a page shows: words and times in the reader's language, nothing to work out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from db.changes.outcomes import Follow
from db.changes.worklist import LONGEST_PROMISE
from db.queries.journal import StoryEntry
from db.queries.practices import Profile
from db.queries.today import Colleague, Messages, Patient, TodayCase
from db.queries.worklist import CaseEvent
from db.rules.acting import CALLS, CLINICAL_ROLES, may_act, may_be_given, may_give_on
from db.rules.ladder import LADDER
from db.rules.telephones import display
from db.states import PLAIN_OUTCOMES, CallOutcome, Reason, Role, TaskKind, TaskStatus
from portal.forms.case import A_MINUTE, Chosen
from portal.staff.permissions import May, may
from portal.staff.session import SignedIn
from portal.staff.typeset import typeset
from portal.staff.views import Option, capital
from portal.staff.words import words_for
from portal.telling import Teller

AFTER_A_CALL = tuple(outcome for outcome in CallOutcome if outcome not in PLAIN_OUTCOMES)
# Whom a case may be given to besides a person.
ROLES = (*LADDER, Role.FRONT_DESK, Role.ADMIN)
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Fact:
    """`alert`: it stands out."""

    name: str
    text: str
    alert: bool = False


@dataclass(frozen=True, slots=True)
class PatientView:
    name: str = field(repr=False)
    number: str
    phone: str | None = field(repr=False)
    phone_text: str = field(repr=False)
    remark: str
    dossier: str


@dataclass(frozen=True, slots=True)
class Draft:
    """A form that came back unfinished: which one is open, what it said, and what is missing."""

    form: str
    problem: str
    outcome: str = ""
    follow: str = ""
    at: str = ""
    note: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Later:
    """The first and the last moment that may be promised, and what the field holds: local times of the practice."""

    first: str
    last: str
    value: str
    hint: str


@dataclass(frozen=True, slots=True)
class Telling:
    """One line of what happened with the case."""

    at: str
    text: str


@dataclass(frozen=True, slots=True)
class CaseView:
    """`can` names what the reader may do now, `not_yours` says who may where they may not; `back` is the query that
    says from which page a form was sent, and `alone` that this is the page of the case itself."""

    ref: str
    href: str
    back: str
    alone: bool
    what: str
    level: str
    pressing: str
    state: str
    not_yours: str
    is_mine: bool
    facts: tuple[Fact, ...]
    patient: PatientView | None
    text: str | None = field(repr=False)
    note: str | None = field(repr=False)
    welfare_check: tuple[str, ...]
    can: frozenset[str]
    mark: str
    note_mark: str
    outcomes: tuple[Option, ...]
    follows: tuple[Option, ...]
    follow_hint: str
    people: tuple[Option, ...]
    roles: tuple[Option, ...]
    later: Later
    draft: Draft | None
    timeline: tuple[Telling, ...] = ()


@dataclass(frozen=True)
class Reader:
    """Who reads, from which page, whom they may give a case to, and the rows of those who work today."""

    me: SignedIn
    teller: Teller
    now: datetime
    back: Chosen
    colleagues: Sequence[Colleague]
    there: frozenset[int]

    @property
    def practice(self) -> Profile:
        return self.me.practice

    def say(self, name: str, /, **values: object) -> str:
        return say(self.me, name, **values)

    def typeset(self, text: str) -> str:
        return typeset(text, self.teller.words.language)

    def moment(self, moment: datetime) -> str:
        """Of today, the time is enough."""
        zone = self.teller.zone
        if moment.astimezone(zone).date() == self.now.astimezone(zone).date():
            return self.say("today_at", time=self.teller.time(moment))
        return self.teller.moment(moment)


def concerns(case: TodayCase, me: SignedIn) -> bool:
    """Whether they may act on the case, as the changes themselves decide it."""
    return may_act(me.role, case.kind, given=me.id in case.given)


def may_free(case: TodayCase, me: SignedIn, there: frozenset[int]) -> bool:
    """Whether they may give it to somebody."""
    return may_give_on(me.role, case.kind, given=me.id in case.given, left=_is_left(case, there))


def _is_left(case: TodayCase, there: frozenset[int]) -> bool:
    """Whoever has claimed it does not work today."""
    return case.status is TaskStatus.CLAIMED and case.holder_id is not None and case.holder_id not in there


def say(me: SignedIn, name: str, /, **values: object) -> str:
    text: str = getattr(words_for(me.language).today, name)
    return text.format(**values)


def case_view(
    case: TodayCase, reader: Reader, *, draft: Draft | None = None, timeline: Sequence[CaseEvent] = ()
) -> CaseView:
    """Without what was written, where the case does not concern the reader: whose case it is, they may know."""
    of = reader.teller.words.of
    barrier = f" ({of('barriers', case.barrier)})" if case.barrier else ""
    mine = case.status is TaskStatus.CLAIMED and case.holder_id == reader.me.id
    level = ("crisis" if case.crisis else "urgent" if case.urgent else "") if case.is_open else ""
    escalation = case.kind is TaskKind.ESCALATION and case.is_open and case.crisis
    concerned = concerns(case, reader.me)
    return CaseView(
        ref=case.ref,
        href=f"/staff/cases/{case.ref}",
        back=reader.back.query(),
        alone=reader.back.case,
        what=reader.typeset(capital(of("tasks", case.kind)) + barrier),
        level=level,
        pressing=reader.teller.words.label(level) if level else "",
        state=_state(case, reader),
        not_yours=_not_yours(case, reader) if case.is_open and not concerned else "",
        is_mine=mine,
        facts=tuple(_facts(case, reader)),
        patient=_patient(case.patient, reader) if case.patient and may(reader.me.role, May.SEE_DOSSIER) else None,
        text=case.text if concerned else None,
        note=case.note if concerned else None,
        welfare_check=reader.practice.settings.welfare_check if escalation else (),
        can=_can(case, reader),
        mark=case.mark,
        note_mark=case.note_mark,
        outcomes=_outcomes(case, reader, draft),
        follows=_follows(case, reader, draft),
        follow_hint=reader.say(
            "follow_hint", handled=capital(of("outcomes", PLAIN_OUTCOMES[0])), nothing=of("outcomes", PLAIN_OUTCOMES[1])
        ),
        people=tuple(_person(one, reader) for one in _takers(case, reader)),
        roles=_roles(case, reader),
        later=_later(reader, draft),
        draft=draft,
        timeline=tuple(_told(event, reader) for event in timeline),
    )


def outcomes_of(case: TodayCase) -> tuple[CallOutcome, ...]:
    """How such a case may end, the likeliest first."""
    if case.patient is None:
        return PLAIN_OUTCOMES
    calls = tuple(one for one in AFTER_A_CALL if _fits(one, case.kind))
    return (*calls, *PLAIN_OUTCOMES) if case.kind in CALLS else (*PLAIN_OUTCOMES, *calls)


def _fits(outcome: CallOutcome, kind: TaskKind) -> bool:
    """An escalation is with whoever decides already."""
    return not (outcome is CallOutcome.NEEDS_CLINICAL_LEAD and kind is TaskKind.ESCALATION)


def _can(case: TodayCase, reader: Reader) -> frozenset[str]:
    if case.status is TaskStatus.PLANNED:
        return frozenset()
    if not concerns(case, reader.me):
        return frozenset({"reassign"} if may_free(case, reader.me, reader.there) else ())
    if not case.is_open:
        return frozenset({"note"})
    can = {"reassign", "escalate", "note"}
    held = case.holder_id == reader.me.id
    if case.status is not TaskStatus.CLAIMED:
        can |= {"claim", "outcome", "later"}
        can |= {"acknowledge"} if case.status is TaskStatus.OPEN else {"release"} if held else set()
    elif held:
        can |= {"outcome", "later", "release"}
    elif case.holder_id is None:
        # Claimed at the terminal of the installation, by nobody in particular.
        can |= {"outcome", "release"}
    return frozenset(can)


def _not_yours(case: TodayCase, reader: Reader) -> str:
    """Who may act, and whom to tell what one knows."""
    roles = ", ".join(reader.teller.words.of("roles", role) for role in LADDER if role in CLINICAL_ROLES)
    whom = case.holder if case.status is TaskStatus.CLAIMED and not _is_left(case, reader.there) else case.assignee
    said = reader.say("not_yours", roles=roles)
    return f"{said} {reader.say('not_yours_tell', name=whom)}" if whom else said


def _state(case: TodayCase, reader: Reader) -> str:
    status, said = case.status, reader.teller.words.of("task_statuses", case.status)
    if status is TaskStatus.OPEN:
        return reader.say("state_open")
    if status is TaskStatus.PLANNED:
        return reader.say("state_planned", moment=reader.moment(case.due_at))
    if not case.is_open:
        ended = case.closed_at or case.due_at
        return reader.say("state_ended", status=capital(said), moment=reader.moment(ended))
    name = f"state_{status}"
    moment = reader.moment(case.held_since or case.due_at)
    if case.holder_id == reader.me.id:
        return reader.say(f"{name}_by_you", moment=moment)
    return reader.say(name, name=case.holder or reader.say("somebody"), moment=moment)


def _facts(case: TodayCase, reader: Reader) -> list[Fact]:
    say, of = reader.say, reader.teller.words.of
    found: list[Fact | None] = [
        _deadline(case, reader),
        Fact(say("absent"), say("absent_holder", name=case.holder)) if _is_left(case, reader.there) else None,
        Fact(say("promised"), reader.moment(case.promised_at)) if case.promised_at else None,
        Fact(say("for_whom"), whom) if case.is_open and (whom := case.assignee or of("roles", case.role)) else None,
        Fact(say("fallback"), case.fallback) if case.is_open and case.fallback not in (None, case.assignee) else None,
        Fact(say("since"), reader.moment(case.due_at)) if case.is_open else None,
        Fact(say("missed_on"), reader.teller.day(case.missed_on)) if case.missed_on else None,
        Fact(say("reason"), of("reasons", case.reason)) if case.reason else None,
        Fact(say("outcome"), of("outcomes", case.outcome)) if case.outcome else None,
        Fact(say("messages"), _messages(case.messages, reader)) if case.patient else None,
    ]
    return [replace(fact, text=reader.typeset(fact.text)) for fact in found if fact is not None]


def _deadline(case: TodayCase, reader: Reader) -> Fact | None:
    if case.deadline_at is None or not case.is_open:
        return None
    moment = reader.moment(case.deadline_at)
    said = f"{moment} ({reader.say('overdue')})" if case.overdue else moment
    nudged = f" {reader.say('nudged')}" if case.nudged else ""
    return Fact(reader.say("deadline"), said + nudged, alert=case.overdue)


def _messages(messages: Messages | None, reader: Reader) -> str:
    if messages is None:
        return reader.say("messages_none")
    if not messages.paused:
        return reader.say("messages_running")
    until = messages.resumes_at
    said = reader.say("messages_paused_until", moment=reader.moment(until)) if until else reader.say("messages_paused")
    why = reader.teller.words.of("reasons", messages.reason)
    return f"{said} ({why})" if why else said


def _patient(patient: Patient, reader: Reader) -> PatientView:
    name = f"{patient.first_name} {patient.last_name}".strip()
    broken = reader.say("phone_broken") if patient.phone and not patient.phone_works else ""
    return PatientView(
        name=name or reader.say("no_name"),
        number=reader.say("number", number=patient.number),
        phone=patient.phone,
        phone_text=display(patient.phone, reader.practice.country) if patient.phone else "",
        remark=broken if patient.phone else reader.say("phone_none"),
        dossier=f"/staff/patients/{patient.ref}",
    )


def _outcomes(case: TodayCase, reader: Reader, draft: Draft | None) -> tuple[Option, ...]:
    of, given = reader.teller.words.of, draft.outcome if draft else ""
    return tuple(Option(one, capital(of("outcomes", one)), one == given) for one in outcomes_of(case))


def _follows(case: TodayCase, reader: Reader, draft: Draft | None) -> tuple[Option, ...]:
    """Asked where messages wait for a decision that some outcomes do not take."""
    if case.messages is None or case.messages.reason != Reason.REPLIED:
        return ()
    given = draft.follow if draft else ""
    return tuple(Option(one, reader.say(f"follow_{one}"), one == given) for one in Follow)


def _person(one: Colleague, reader: Reader) -> Option:
    return Option(one.ref, f"{one.name} ({reader.teller.words.of('roles', one.role)})")


def _takers(case: TodayCase, reader: Reader) -> list[Colleague]:
    """Whoever may act on the case chooses freely; the administration, among those who give care."""
    by_right = concerns(case, reader.me)
    return [one for one in reader.colleagues if may_be_given(one.role, case.kind, by_right=by_right)]


def _roles(case: TodayCase, reader: Reader) -> tuple[Option, ...]:
    """Those that somebody has, and whoever is on call; the practitioner's means the one who treats the patient."""
    takers = _takers(case, reader)
    there = {one.role for one in takers}
    on_call = next((one for one in takers if one.ref == reader.practice.settings.on_call_person), None)
    found = [Option(role, capital(reader.teller.words.of("roles", role))) for role in ROLES if role in there]
    if on_call is not None:
        found.append(Option(on_call.ref, reader.say("on_call", name=on_call.name)))
    return tuple(found)


def _later(reader: Reader, draft: Draft | None) -> Later:
    local = reader.now.astimezone(reader.teller.zone).replace(tzinfo=None, second=0, microsecond=0)
    start = local.replace(minute=0) + QUARTER * ceil((local.minute + 60) / 15)
    first, last, usual = (f"{one:{A_MINUTE}}" for one in (local, local + LONGEST_PROMISE, start))
    hint = reader.say("later_hint", days=LONGEST_PROMISE.days)
    return Later(first, last, draft.at if draft and draft.form == "later" else usual, hint)


def _told(event: CaseEvent, reader: Reader) -> Telling:
    """A colleague by name: the page is for those who work there."""
    entry = StoryEntry(event.at, event.event, event.actor, event.reason, None, None, event.data, event.task)
    said = reader.teller.event(entry)
    told = reader.typeset(said if event.who is None else f"{said} ({event.who})")
    return Telling(reader.teller.moment(event.at), told)
