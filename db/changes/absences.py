"""Whether an absence starts a sequence: decided once for each, with its reason in the journal."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from db.actors import INTAKE
from db.changes._journal import Entry, Event, record
from db.changes._patients import NotedRisk, note_risks
from db.changes._sequences import (
    NewEnrolment,
    lock_live_enrolment,
    start_sequences,
    stop_sequence,
    when_quiet,
    with_future_appointment,
)
from db.changes._tasks import NewTask, open_task
from db.changes._worklist import being_called
from db.changes.enrolments import pause_locked
from db.changes.intake import INTAKE_LOCK
from db.engine import Row, fetch, fetch_value
from db.queries.practices import Profile
from db.queries.risk import STANDS
from db.queries.team import closed_days
from db.rules.human_steps import planned_human_steps
from db.rules.plans import Plan, from_json, planned, stricter
from db.rules.risk import ABSENCES_OVER, WITHIN_DAYS, RiskRule
from db.rules.starting import Decline, Start, StartFacts, decide_start, first_due
from db.rules.windows import closing_of
from db.states import LIVE_ENROLMENT, AppointmentStatus, Channel, EnrolmentStatus, Reason, TaskKind, one_of

BATCH = 500
RISK = STANDS.format(day="a.day", rules="$2::text[]")


@dataclass
class Decided:
    enrolled: int = 0
    tasks: int = 0
    history: int = 0
    declined: int = 0

    def add(self, other: "Decided") -> None:
        for name, value in vars(other).items():
            setattr(self, name, getattr(self, name) + value)

    @property
    def total(self) -> int:
        return self.enrolled + self.declined


async def decide_absences(practice: Profile, *, now: datetime, actor: str = INTAKE) -> Decided:
    """Decide one batch of undecided absences, oldest first; call it until `total` is 0."""

    async def change(insist: bool) -> Decided:
        return await decide_in_transaction(practice, now=now, actor=actor, insist=insist)

    return await when_quiet(change)


async def decide_in_transaction(
    practice: Profile, *, now: datetime, actor: str, insist: bool, only: int | None = None
) -> Decided:
    """`only`: this one absence, whatever else waits, such as the rows of a file that is still being read."""
    rows = await _undecided(practice, only)
    batch = _Batch(practice, now, actor, insist, await _surroundings(rows, practice, now))
    for row in rows:
        await _decide(row, batch)
    await batch.start_waiting()
    await record(batch.told, practice=practice.id, actor=actor, now=now)
    await fetch("UPDATE appointment SET undecided = false WHERE id = ANY($1)", [row["id"] for row in rows])
    return batch.decided


@dataclass(frozen=True)
class _Surroundings:
    """What stands around a batch of absences, patient by patient. Patients are locked, so none of it changes but by
    the batch itself."""

    with_future_appointment: frozenset[int]
    with_running_sequence: frozenset[int]
    followed: Mapping[int, Sequence[Row]]  # absences that are followed, or about to be
    closed: tuple[tuple[date, date], ...]  # days on which nobody is at the practice


@dataclass
class _Batch:
    """Sequences of patients who have none are started together at the end; `waiting` holds them. `held`: what the
    sequence that a new one replaces was waiting for."""

    practice: Profile
    now: datetime
    actor: str
    insist: bool
    around: _Surroundings
    decided: Decided = field(default_factory=Decided)
    told: list[Entry] = field(default_factory=list)
    waiting: dict[int, NewEnrolment] = field(default_factory=dict)
    held: dict[int, tuple[Reason, datetime | None]] = field(default_factory=dict)
    _started: set[int] = field(default_factory=set)

    async def start_waiting(self) -> None:
        new, self.waiting = list(self.waiting.values()), {}
        self._started.update(one.patient for one in new)
        await start_sequences(new, practice=self.practice.id, actor=self.actor, now=self.now)
        await self._hold([one.patient for one in new])

    async def _hold(self, patients: Sequence[int]) -> None:
        """Where somebody speaks with the patient, or has something from them to read, the new sequence waits too."""
        held = await being_called(patients) | {one: self.held[one] for one in patients if one in self.held}
        for patient in sorted(held):
            reason, until = held[patient]
            enrolment = await lock_live_enrolment(patient)
            if enrolment is not None:
                await pause_locked(enrolment, reason=reason, actor=self.actor, now=self.now, until=until)

    def may_be_followed(self, patient: int) -> bool:
        """Whether a sequence of this patient may be running, or waits to start."""
        started = patient in self._started or patient in self.waiting
        return started or patient in self.around.with_running_sequence


async def _surroundings(rows: Sequence[Row], practice: Profile, now: datetime) -> _Surroundings:
    patients = list({row["patient"] for row in rows})
    running = await fetch(
        f"SELECT patient, appointment FROM enrolment WHERE patient = ANY($1) AND status IN {one_of(LIVE_ENROLMENT)}",
        patients,
    )
    followed = defaultdict(list)
    for other in await fetch(
        "SELECT id, patient, day, starts_at FROM appointment WHERE patient = ANY($1) "
        f"AND status = '{AppointmentStatus.NO_SHOW}' "
        "AND (undecided OR id = ANY($2))",
        patients,
        [row["appointment"] for row in running],
    ):
        followed[other["patient"]].append(other)
    return _Surroundings(
        with_future_appointment=await with_future_appointment(patients, zone=practice.zone, after=now),
        with_running_sequence=frozenset(row["patient"] for row in running),
        followed=followed,
        closed=await closed_days(practice.id, since=now.date() - timedelta(days=1)),
    )


async def _undecided(practice: Profile, only: int | None) -> Sequence[Row]:
    """A batch of undecided absences, with their patients locked: what is read of them from here on, such as a booking
    made at this very moment, stays as it is until the decision is written."""
    await fetch("SELECT pg_advisory_xact_lock($1, $2)", INTAKE_LOCK, practice.id)
    batch = await fetch(
        "SELECT id, patient FROM appointment WHERE practice = $1 AND undecided AND ($3::bigint IS NULL OR id = $3) "
        "ORDER BY day, starts_at NULLS FIRST, id LIMIT $2 FOR UPDATE",
        practice.id,
        BATCH,
        only,
    )
    if not batch:
        return []
    await fetch("SELECT id FROM patient WHERE id = ANY($1) ORDER BY id FOR UPDATE", [row["patient"] for row in batch])
    return await fetch(
        "SELECT a.id, a.ref, a.day, a.starts_at, a.ends_at, a.status, a.marked_at, a.practitioner, a.patient, "
        "p.ref AS patient_ref, p.minor, p.objected_at, p.language, r.speciality, "
        "p.phone IS NOT NULL AND p.phone_invalid_at IS NULL AND p.phone_kind = 'mobile' AS has_mobile, "
        "p.phone IS NOT NULL AND p.phone_kind IS DISTINCT FROM 'mobile' AS not_a_mobile, "
        "p.email IS NOT NULL AND p.email_invalid_at IS NULL AS has_email, "
        "CASE WHEN $3 THEN (SELECT count(*) FROM appointment o WHERE o.patient = p.id "
        f"AND o.status = '{AppointmentStatus.NO_SHOW}' "
        "AND o.day BETWEEN a.day - $4::int AND a.day) ELSE 0 END AS absences, "
        f"ARRAY(SELECT k.rule::text FROM patient_risk k WHERE k.patient = p.id AND {RISK}) AS risks, "
        "EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = a.practice AND o.channel = 'sms' "
        "AND o.address_index = p.phone_index AND o.ended_at IS NULL) AS sms_off, "
        "EXISTS (SELECT 1 FROM channel_opt_out o WHERE o.practice = a.practice AND o.channel = 'email' "
        "AND o.address_index = p.email_index AND o.ended_at IS NULL) AS email_off "
        "FROM appointment a JOIN patient p ON p.id = a.patient JOIN practitioner r ON r.id = a.practitioner "
        "WHERE a.id = ANY($1) ORDER BY a.day, a.starts_at NULLS FIRST, a.id",
        [row["id"] for row in batch],
        list(practice.settings.risk_rules),
        RiskRule.REPEATED_ABSENCES in practice.settings.risk_rules,
        WITHIN_DAYS,
    )


async def _decide(row: Row, batch: _Batch) -> None:
    if row["absences"] > ABSENCES_OVER and RiskRule.REPEATED_ABSENCES not in row["risks"]:
        row = {**row, "risks": [*row["risks"], RiskRule.REPEATED_ABSENCES]}
        risk = [NotedRisk(row["patient"], row["patient_ref"], RiskRule.REPEATED_ABSENCES, row["day"])]
        await note_risks(risk, practice=batch.practice.id, now=batch.now, actor=batch.actor)
    missed = _missed_start(row, batch.practice)
    decision = decide_start(_facts(row, missed, batch), batch.now)
    decided = batch.decided
    if isinstance(decision, Start):
        await _enrol(row, missed, batch)
        decided.enrolled += 1
        return
    decided.declined += 1
    decided.history += decision.reason is Reason.HISTORY
    batch.told.append(
        Entry(Event.ABSENCE_NOT_FOLLOWED, patient=row["patient_ref"], subject=row["ref"], reason=decision.reason)
    )
    if decision.task is not None and await _task(row, decision, decision.task, batch):
        decided.tasks += 1
    if decision.alert and await _task(row, decision, TaskKind.HIGH_RISK_NOT_ENROLLED, batch):
        decided.tasks += 1


def _missed_start(row: Row, practice: Profile) -> datetime:
    """Without a time of day, an absence counts from the close of that day's window."""
    starts_at: datetime | None = row["starts_at"]
    return starts_at if starts_at is not None else closing_of(row["day"], practice.calendar)


def _facts(row: Row, missed: datetime, batch: _Batch) -> StartFacts:
    settings = batch.practice.settings
    # What else stands for the patient matters only to an absence that could still be followed.
    recent = batch.now - missed <= timedelta(days=settings.max_age_days)
    return StartFacts(
        status=AppointmentStatus(row["status"]),
        missed_start=missed,
        minor=row["minor"],
        high_risk=bool(row["risks"]),
        has_objection=row["objected_at"] is not None,
        has_future_appointment=recent and row["patient"] in batch.around.with_future_appointment,
        newer_absence_running=recent and _newer_absence(row, missed, batch),
        has_usable_phone=row["has_mobile"],
        has_usable_email=row["has_email"],
        opted_out=frozenset(
            channel for channel, off in ((Channel.SMS, row["sms_off"]), (Channel.EMAIL, row["email_off"])) if off
        ),
        max_age_days=settings.max_age_days,
        history_days=settings.history_days,
    )


def _newer_absence(row: Row, missed: datetime, batch: _Batch) -> bool:
    """A later absence of the patient that is followed already, or is about to be."""
    others = (other for other in batch.around.followed.get(row["patient"], ()) if other["id"] != row["id"])
    return any(_missed_start(other, batch.practice) > missed for other in others)


async def _enrol(row: Row, missed: datetime, batch: _Batch) -> None:
    practice, now = batch.practice, batch.now
    plan = practice.settings.plan_for(row["speciality"], high_risk=bool(row["risks"]))
    if batch.may_be_followed(row["patient"]):
        await batch.start_waiting()
        running = await lock_live_enrolment(row["patient"])
        if running is not None:
            plan = stricter(plan, await _plan_of(running["id"]))
            if running["status"] == EnrolmentStatus.PAUSED and running["reason"] != Reason.WILL_BOOK:
                batch.held[row["patient"]] = Reason(running["reason"]), running["resume_at"]
            await stop_sequence(running, Reason.SUPERSEDED, actor=batch.actor, now=now, insist=batch.insist)
    first = first_due(missed_start=missed, marked_at=row["marked_at"] or now, timed=row["starts_at"] is not None)
    due = max(first.due_at, now)
    batch.waiting[row["patient"]] = NewEnrolment(
        patient=row["patient"],
        patient_ref=row["patient_ref"],
        practitioner=row["practitioner"],
        appointment=row["id"],
        plan=plan,
        speciality=row["speciality"],
        language=row["language"] or practice.language,
        late_entry=first.late_entry,
        touchpoints=planned(plan, missed_on=row["day"], first_due=due, calendar=practice.calendar),
        human_steps=planned_human_steps(
            plan,
            missed_on=row["day"],
            missed_start=missed,
            first_due=due,
            hours_of=lambda role: practice.on_call(role, batch.around.closed),
            crisis=RiskRule.CRISIS in row["risks"],
        ),
    )


async def _plan_of(enrolment: int) -> Plan:
    return from_json(await fetch_value("SELECT plan FROM enrolment WHERE id = $1", enrolment))


async def _task(row: Row, decision: Decline, kind: TaskKind, batch: _Batch) -> bool:
    if kind is TaskKind.UNREACHABLE and decision.reason is Reason.UNREACHABLE and row["not_a_mobile"]:
        kind = TaskKind.NOT_A_MOBILE
    task = NewTask(
        kind=kind,
        dedupe=f"{kind}:{row['ref']}",
        due_at=batch.now,
        patient=row["patient"],
        patient_ref=row["patient_ref"],
        appointment=row["id"],
        reason=decision.reason,
        urgent=kind is TaskKind.HIGH_RISK_NOT_ENROLLED,
        crisis=kind is TaskKind.HIGH_RISK_NOT_ENROLLED and RiskRule.CRISIS in row["risks"],
        data={"appointment": row["ref"]},
    )
    return await open_task(task, practice=batch.practice.id, actor=batch.actor, now=batch.now)


async def practices_with_undecided(before: datetime) -> Sequence[int]:
    """Practices with absences that an import recorded before `before` and never came back to decide."""
    rows = await fetch("SELECT DISTINCT practice FROM appointment WHERE undecided AND updated_at < $1", before)
    return [row["practice"] for row in rows]
