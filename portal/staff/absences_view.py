"""From a day's appointments to what the page shows of each: its state in words, what follows, what may be said."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from types import SimpleNamespace

from babel.dates import format_date

from db.queries.agenda_day import DayAppointment, Followed
from db.rules.folding import folded
from db.states import LIVE_ENROLMENT, AppointmentStatus, EnrolmentStatus
from portal.forms.staff_patient import Said
from portal.staff.session import SignedIn
from portal.staff.views import capital, teller_of
from portal.staff.words import words_for
from portal.telling import Teller

PAGE = "/staff/absences"
ONE_DAY = timedelta(days=1)
MISSED = (AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT)


@dataclass(frozen=True, slots=True)
class Act:
    """A button; `kind` is its look."""

    said: Said
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Line:
    """One appointment. `acts` stand beside it, `more` behind a word; `said` is what came of the last press on it."""

    ref: str
    time: str
    name: str = field(repr=False)
    number: str
    dossier: str
    status: str
    tag: str
    said: str
    remarks: tuple[str, ...]
    case: str
    acts: tuple[Act, ...]
    more: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class Practitioner:
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class DayView:
    """`here` is where its forms lead; `today` where the present day is, unless it is shown; `notice` what the page says
    first, unless the line that it is about says it."""

    title: str
    iso: str
    here: str
    before: str
    after: str
    today: str
    practitioners: tuple[Practitioner, ...]
    notice: str


@dataclass(frozen=True)
class _Reader:
    """`late_within`: what is called off later than that is called off late."""

    teller: Teller
    texts: SimpleNamespace
    now: datetime
    late_within: timedelta
    at: str
    notice: str

    @property
    def today(self) -> date:
        return self.now.astimezone(self.teller.zone).date()


def day_view(
    appointments: Sequence[DayAppointment], *, day: date, me: SignedIn, now: datetime, at: str = ""
) -> DayView:
    """Whoever receives patients finds their own first; then everybody by name. `at` is the line that has something to
    tell."""
    words = words_for(me.language)
    notice = vars(words.notices).get(me.notice, "")
    late_within = timedelta(hours=me.practice.settings.cancel_notice_hours)
    reader = _Reader(teller_of(me), words.absences, now, late_within, at, notice)
    appointments = sorted(appointments, key=lambda one: (one.staff != me.id, folded(one.practitioner)))
    title = format_date(day, reader.teller.words.date, locale=words.code)
    return DayView(
        title=capital(title),
        iso=day.isoformat(),
        here=f"{PAGE}/{day}",
        before=f"{PAGE}/{day - ONE_DAY}",
        after=f"{PAGE}/{day + ONE_DAY}",
        today="" if day == reader.today else PAGE,
        practitioners=tuple(
            Practitioner(name, tuple(_line(one, reader) for one in group))
            for name, group in groupby(appointments, key=lambda one: one.practitioner)
        ),
        notice="" if any(one.ref == at for one in appointments) else notice,
    )


def _line(one: DayAppointment, reader: _Reader) -> Line:
    name = f"{one.first_name} {one.last_name}".strip()
    acts, more = _acts(one, reader)
    if not acts and len(more) == 1:
        acts, more = more, ()
    return Line(
        ref=one.ref,
        time=reader.teller.time(one.starts_at) if one.starts_at else reader.texts.no_time,
        name=name or reader.texts.number.format(number=one.number),
        number=one.number if name else "",
        dossier=f"/staff/patients/{one.patient}",
        status=reader.texts.statuses[one.status],
        tag="warn" if one.status in MISSED else "good" if one.status is AppointmentStatus.ATTENDED else "",
        said=reader.notice if one.ref == reader.at else "",
        remarks=tuple(_remarks(one, reader)),
        case=f"/staff/cases/{one.case}" if one.case and one.status in (*MISSED, AppointmentStatus.CANCELLED) else "",
        acts=tuple(Act(said, _act(said, one, reader), "") for said in acts),
        more=tuple(Act(said, _act(said, one, reader), "quiet") for said in more),
    )


def _act(said: Said, one: DayAppointment, reader: _Reader) -> str:
    in_time = said is Said.CANCELLED and one.begins_at - reader.now >= reader.late_within
    text: str = reader.texts.cancelled_in_time if in_time else reader.texts.acts[said]
    return text


def _acts(one: DayAppointment, reader: _Reader) -> tuple[tuple[Said, ...], tuple[Said, ...]]:
    if one.status in MISSED:
        other = Said.NOT_BROUGHT if one.status is AppointmentStatus.NO_SHOW else Said.ABSENT
        return (Said.WITHDRAWN,), (Said.ATTENDED, other, Said.CANCELLED)
    if one.status is AppointmentStatus.CANCELLED:
        return ((Said.RESTORED,) if one.cancelled_here else ()), ()
    missed = (Said.NOT_BROUGHT, Said.ABSENT) if one.minor else (Said.ABSENT, Said.NOT_BROUGHT)
    begun = missed if one.begins_at <= reader.now else ()
    if one.status is AppointmentStatus.ATTENDED:
        return (), begun
    return (begun[:1], (*begun[1:], Said.CANCELLED)) if begun else ((), (Said.CANCELLED,))


def _remarks(one: DayAppointment, reader: _Reader) -> list[str]:
    texts, followed = reader.texts, one.followed
    said = [texts.minor] if one.minor else []
    if one.online:
        said.append(texts.online)
    if one.status in MISSED:
        if one.declined:
            said.append(texts.declined.format(reason=reader.teller.words.of("reasons", one.declined)))
        elif followed is not None:
            said += _follow_up(followed, reader)
    elif followed is not None:
        # Whatever had ended its follow-up before.
        said.append(_counted(texts, "withdrawn", followed.left))
    return said


def _follow_up(followed: Followed, reader: _Reader) -> list[str]:
    texts, teller = reader.texts, reader.teller
    if followed.status not in LIVE_ENROLMENT:
        return [texts.ended.format(reason=teller.words.of("reasons", followed.reason))]
    if followed.status == EnrolmentStatus.PAUSED:
        return [texts.paused.format(reason=teller.words.of("reasons", followed.reason))]
    if followed.left:
        return [_counted(texts, "running", followed.left)]
    if followed.next_due is None:
        return []
    today = followed.next_due.astimezone(teller.zone).date() == reader.today
    moment = teller.time(followed.next_due) if today else teller.moment(followed.next_due)
    return [(texts.first_due_today if today else texts.first_due).format(moment=moment)]


def _counted(texts: SimpleNamespace, name: str, count: int) -> str:
    form = "none" if count == 0 else "one" if count == 1 else "many"
    said: str = getattr(texts, f"{name}_{form}")
    return said.format(count=count)
