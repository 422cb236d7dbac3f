"""From what is known of a patient to what the page shows: words and times in the reader's language."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from types import SimpleNamespace

from babel.dates import format_date

from db.queries.dossier import ChannelState, Dossier, DossierAppointment, DossierCase, LatestSequence
from db.queries.finding import Found
from db.queries.journal import StoryEntry
from db.queries.people import Label
from db.rules.risk import RiskRule
from db.rules.telephones import display
from db.states import AppointmentStatus, Channel, EnrolmentStatus
from portal.staff.permissions import May, may
from portal.staff.session import SignedIn
from portal.staff.views import Option, capital, teller_of
from portal.staff.words import words_for
from portal.telling import ABOUT_A_RULE, Teller

# The story of a long acquaintance opens at a touch.
LATEST_TOLD = 60
TAGS = {EnrolmentStatus.ACTIVE: "good", EnrolmentStatus.PAUSED: "warn"}
CAN = {EnrolmentStatus.ACTIVE: frozenset({"pause", "stop"}), EnrolmentStatus.PAUSED: frozenset({"resume", "stop"})}
# Found by counting, never set by hand.
COUNTED = frozenset({RiskRule.REPEATED_ABSENCES})


@dataclass(frozen=True, slots=True)
class ChannelView:
    name: str
    address: str = field(repr=False)
    href: str = field(repr=False)
    state: str
    tag: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SequenceView:
    """`can`: what may be done with it now, which is nothing once it is over. `first_day` is the first on which a pause
    may end."""

    ref: str
    state: str
    tag: str
    facts: tuple[str, ...]
    can: frozenset[str]
    first_day: str


@dataclass(frozen=True, slots=True)
class CaseView:
    href: str
    text: str
    remarks: str
    pressing: bool


@dataclass(frozen=True, slots=True)
class Event:
    time: str
    text: str
    case: str


@dataclass(frozen=True, slots=True)
class Day:
    title: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class LabelView:
    """`rule` is empty for whoever may only know that there is one."""

    rule: str
    text: str
    since: str


@dataclass(frozen=True, slots=True)
class AppointmentView:
    when: str
    status: str
    practitioner: str


@dataclass(frozen=True, slots=True)
class DossierView:
    """`here` is the page's own address; `next` what comes first of what is planned, `then` the rest; `more` how many
    entries of the story it leaves out."""

    here: str
    name: str = field(repr=False)
    number: str
    tags: tuple[str, ...]
    objection: str
    channels: tuple[ChannelView, ...]
    sequence: SequenceView | None
    next: Event | None
    then: tuple[Event, ...]
    cases: tuple[CaseView, ...]
    appointments: tuple[AppointmentView, ...]
    labels: tuple[LabelView, ...]
    rules: tuple[Option, ...]
    story: tuple[Day, ...]
    more: int


@dataclass(frozen=True, slots=True)
class FoundLine:
    href: str
    name: str = field(repr=False)
    number: str
    last: str


@dataclass(frozen=True, slots=True)
class FoundView:
    """`heading` says how many; `hint` what to do where nobody, or too many, were found."""

    heading: str
    hint: str
    lines: tuple[FoundLine, ...]


@dataclass(frozen=True)
class _Reader:
    teller: Teller
    texts: SimpleNamespace
    country: str
    now: datetime
    knows_rules: bool


def dossier_view(found: Dossier, *, me: SignedIn, now: datetime, whole: bool = False) -> DossierView:
    texts = words_for(me.language).dossier
    reader = _Reader(teller_of(me), texts, me.practice.country, now, knows_rules=may(me.role, May.SET_LABELS))
    card = found.card
    entries = found.story.entries if whole else found.story.entries[-LATEST_TOLD:]
    first, *rest = _ahead(found, reader) or (None,)
    return DossierView(
        here=f"/staff/patients/{card.ref}",
        name=f"{card.first_name} {card.last_name}".strip() or texts.no_name,
        number=card.number,
        tags=tuple(text for text, on in ((texts.priority, card.labels), (texts.minor, found.minor)) if on),
        objection=texts.objected.format(moment=reader.teller.moment(card.objected_at)) if card.objected_at else "",
        channels=tuple(_channel(one, reader) for one in found.channels),
        sequence=_sequence(found.sequence, reader) if found.sequence else None,
        next=first,
        then=tuple(one for one in rest if one),
        cases=tuple(_case(one, reader) for one in found.open_cases),
        appointments=tuple(_appointment(one, reader) for one in found.appointments),
        labels=tuple(_label(one, reader) for one in card.labels),
        rules=_rules(me, reader),
        story=_story(entries, found, reader),
        more=len(found.story.entries) - len(entries),
    )


def found_view(found: Found, *, me: SignedIn) -> FoundView:
    texts, teller = words_for(me.language).search, teller_of(me)
    lines = tuple(
        FoundLine(
            href=f"/staff/patients/{one.ref}",
            name=f"{one.first_name} {one.last_name}".strip() or texts.no_name,
            number=one.number,
            last=texts.last.format(day=teller.day(one.last_day)) if one.last_day else "",
        )
        for one in found.patients
    )
    if not lines:
        return FoundView(texts.none_heading, texts.none, ())
    heading = texts.too_many if found.more else texts.several
    return FoundView(heading.format(count=len(lines)), texts.narrow if found.more else "", lines)


def _channel(one: ChannelState, reader: _Reader) -> ChannelView:
    texts, teller = reader.texts, reader.teller
    states = (
        ("missing", one.address is None),
        ("opted_out", one.opted_out_since is not None),
        ("invalid", one.invalid_since is not None),
        ("not_a_mobile", not one.can),
    )
    state = next((name for name, holds in states if holds), "works")
    remarks = []
    if one.opted_out_since is not None:
        said = teller.words.of("sources", one.opted_out_by)
        remarks.append(texts.opted_out_since.format(moment=teller.moment(one.opted_out_since), source=said))
    if one.invalid_since is not None:
        remarks.append(texts.invalid_since.format(moment=teller.moment(one.invalid_since)))
    if one.shared:
        remarks.append(texts.shared)
    address = one.address or ""
    is_phone = one.channel == Channel.SMS
    return ChannelView(
        name=texts.phone if is_phone else texts.email,
        address=display(address, reader.country) if is_phone and address else address,
        href=f"tel:{address}" if is_phone and address else "",
        state=texts.channel_states[state],
        tag="good" if state == "works" else "warn",
        remarks=tuple(remarks),
    )


def _sequence(one: LatestSequence, reader: _Reader) -> SequenceView:
    texts, teller = reader.texts, reader.teller
    paused = one.status is EnrolmentStatus.PAUSED
    why = teller.words.of("reasons", one.reason)
    facts = [
        texts.plan.format(plan=teller.words.of("plans", one.plan)),
        texts.missed_on.format(day=teller.day(one.missed_on)),
        texts.started.format(moment=teller.moment(one.started_at)),
        texts.ended.format(moment=teller.moment(one.ended_at), reason=why) if one.ended_at else "",
        texts.why.format(reason=why) if paused and why else "",
        texts.resumes.format(moment=teller.moment(one.resume_at)) if paused and one.resume_at else "",
    ]
    tomorrow = reader.now.astimezone(teller.zone).date() + timedelta(days=1)
    return SequenceView(
        ref=one.ref,
        state=texts.sequence_states[one.status],
        tag=TAGS.get(one.status, ""),
        facts=tuple(filter(None, facts)),
        can=CAN.get(one.status, frozenset()),
        first_day=tomorrow.isoformat(),
    )


def _ahead(found: Dossier, reader: _Reader) -> tuple[Event, ...]:
    """The messages and what people will do, in one order of time."""
    teller = reader.teller
    lines = [(one.due_at, teller.planned(one)) for one in found.story.ahead]
    lines += [(one.due_at, teller.step(one)) for one in found.story.steps_ahead]
    return tuple(Event(teller.moment(at), text, "") for at, text in sorted(lines, key=lambda line: line[0]))


def _case(one: DossierCase, reader: _Reader) -> CaseView:
    of, label = reader.teller.words.of, reader.teller.words.label
    remarks = (
        of("task_statuses", one.status),
        label("holder").format(name=one.holder)
        if one.holder
        else label("assignee").format(name=one.assignee)
        if one.assignee
        else "",
        label("deadline").format(moment=reader.teller.moment(one.deadline_at)) if one.deadline_at else "",
    )
    return CaseView(
        href=f"/staff/cases/{one.ref}",
        text=capital(of("tasks", one.kind)),
        remarks=", ".join(filter(None, remarks)),
        pressing=one.pressing,
    )


def _appointment(one: DossierAppointment, reader: _Reader) -> AppointmentView:
    when = reader.teller.moment(one.starts_at) if one.starts_at else reader.teller.day(one.day)
    status = _status(one.status, reader)
    return AppointmentView(when, f"{status} ({reader.texts.online})" if one.online else status, one.practitioner)


def _status(status: str, reader: _Reader) -> str:
    statuses: dict[str, str] = reader.texts.statuses
    return statuses[AppointmentStatus(status)]


def _label(one: Label, reader: _Reader) -> LabelView:
    texts, teller = reader.texts, reader.teller
    since = texts.since.format(moment=teller.moment(one.since))
    until = texts.until.format(day=teller.day(one.until)) if one.until else texts.no_end
    return LabelView(
        rule=one.rule if reader.knows_rules else "",
        text=capital(teller.words.of("risk_rules", one.rule)) if reader.knows_rules else texts.priority,
        since=f"{since}, {until}",
    )


def _rules(me: SignedIn, reader: _Reader) -> tuple[Option, ...]:
    """Those that the practice uses and a person may set, the practitioner's own judgement first."""
    rules = [rule for rule in me.practice.settings.risk_rules if rule not in COUNTED]
    rules.sort(key=lambda rule: rule is not RiskRule.PRACTITIONER_LABEL)
    return tuple(Option(rule, capital(reader.teller.words.of("risk_rules", rule))) for rule in rules)


def _story(entries: Sequence[StoryEntry], found: Dossier, reader: _Reader) -> tuple[Day, ...]:
    """The latest first, day by day."""
    zone, teller = reader.teller.zone, reader.teller
    days = groupby(reversed(entries), key=lambda entry: entry.at.astimezone(zone).date())
    return tuple(
        Day(
            title=capital(format_date(day, teller.words.date, locale=teller.words.language)),
            events=tuple(_event(entry, found, reader) for entry in group),
        )
        for day, group in days
    )


def _event(entry: StoryEntry, found: Dossier, reader: _Reader) -> Event:
    if entry.event in ABOUT_A_RULE and not reader.knows_rules:
        entry = replace(entry, reason=None)
    said, name = reader.teller.event(entry), found.names.get(entry.actor)
    return Event(
        time=reader.teller.time(entry.at),
        text=f"{said} ({name})" if name else said,
        case=f"/staff/cases/{entry.subject}" if entry.subject in found.cases else "",
    )
