"""A practitioner's label on a patient, set or ended at any time. A running sequence becomes the high-risk one."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from db.changes._human_steps import HumanStepsOf, plan_human_steps
from db.changes._journal import Entry, Event, record
from db.changes._sequences import NewEnrolment, lock_live_enrolment, start_sequences, stop_sequence, when_quiet
from db.changes.enrolments import pause_locked
from db.engine import Row, fetch, fetch_one, fetch_value
from db.errors import NotFound, Refused
from db.queries.practices import Profile
from db.queries.team import closed_days
from db.rules.human_steps import PlannedHumanStep, crisis_alerts, planned_human_steps
from db.rules.plans import Plan, PlannedTouchpoint, from_json, planned, stricter
from db.rules.risk import RiskRule
from db.rules.windows import closing_of, local_day
from db.states import AppointmentStatus, Channel, EnrolmentStatus, Reason


async def set_label(
    patient: str,
    *,
    rule: RiskRule,
    practice: Profile,
    until: date | None = None,
    actor: str,
    now: datetime,
) -> bool:
    """`patient` is our reference; `until` the last day of the label. False when it stood like this already.

    Raises `Refused` for a rule that the practice has switched off, or an end that is past.
    """
    if rule not in practice.settings.risk_rules:
        raise Refused(f"This practice does not use the rule {rule}: switch it on in practice.toml.")
    if until is not None and until < local_day(now, practice.calendar):
        raise Refused("A label cannot end in the past: end it instead.")

    async def change(insist: bool) -> bool:
        row = await _lock_patient(patient, practice.id)
        changed = await fetch_value(
            "INSERT INTO patient_risk (patient, rule, since, until) VALUES ($1, $2, $3, $4) "
            "ON CONFLICT (patient, rule) WHERE ended_at IS NULL DO UPDATE SET until = $4 "
            "WHERE patient_risk.until IS DISTINCT FROM $4 RETURNING id",
            row["id"],
            rule,
            now,
            until,
        )
        if changed is None:
            return False
        entry = Entry(
            Event.LABEL_SET, patient=patient, reason=rule, data={"until": until.isoformat()} if until else None
        )
        await record([entry], practice=practice.id, actor=actor, now=now)
        await _raise_to_high_risk(row, _Label(changed, rule), practice, actor, now, insist)
        return True

    return await when_quiet(change)


async def end_label(patient: str, *, rule: RiskRule, practice: Profile, actor: str, now: datetime) -> bool:
    """False when it did not stand. What runs goes on: a sequence keeps its plan, people end their steps themselves."""

    async def change(_insist: bool) -> bool:
        row = await _lock_patient(patient, practice.id)
        ended = await fetch_value(
            "UPDATE patient_risk SET ended_at = $3 WHERE patient = $1 AND rule = $2 AND ended_at IS NULL RETURNING id",
            row["id"],
            rule,
            now,
        )
        if ended is None:
            return False
        entry = Entry(Event.LABEL_ENDED, patient=patient, reason=rule)
        await record([entry], practice=practice.id, actor=actor, now=now)
        return True

    return await when_quiet(change)


async def _lock_patient(ref: str, practice: int) -> Row:
    row = await fetch_one("SELECT id, ref FROM patient WHERE ref = $1 AND practice = $2 FOR UPDATE", ref, practice)
    if row is None:
        raise NotFound(f"There is no patient {ref} in this practice.")
    return row


RUNNING = """
SELECT e.practitioner, e.appointment, e.plan, e.speciality, e.language, e.late_entry, e.status, e.reason, e.resume_at,
       a.day, a.starts_at
FROM enrolment e JOIN appointment a ON a.id = e.appointment WHERE e.id = $1
"""


@dataclass(frozen=True, slots=True)
class _Label:
    """`id` is the label's row: the same rule set again later is another one."""

    id: int
    rule: RiskRule

    @property
    def crisis(self) -> bool:
        return self.rule is RiskRule.CRISIS


async def _raise_to_high_risk(
    patient: Row, label: _Label, practice: Profile, actor: str, now: datetime, insist: bool
) -> None:
    """Replace a running sequence by the high-risk one, keeping what was already sent; under a crisis flag alert two
    people now, whatever the hour, where a sequence runs or an absence is recent."""
    enrolment = await lock_live_enrolment(patient["id"])
    if enrolment is None:
        if label.crisis:
            await _alert(patient, await _recent_absence(patient, practice, now), None, label, practice, now)
        return
    running = await fetch_one(RUNNING, enrolment["id"])
    assert running is not None
    plan, old = practice.settings.plan_for(running["speciality"], high_risk=True), from_json(running["plan"])
    if stricter(old, plan) is old:
        if label.crisis:
            await _alert(patient, running["appointment"], enrolment["id"], label, practice, now)
        return
    await stop_sequence(enrolment, Reason.SUPERSEDED, actor=actor, now=now, insist=insist)
    sent = await _sent(running["appointment"])
    new = NewEnrolment(
        patient=patient["id"],
        patient_ref=patient["ref"],
        practitioner=running["practitioner"],
        appointment=running["appointment"],
        plan=plan,
        speciality=running["speciality"],
        language=running["language"],
        late_entry=running["late_entry"],
        touchpoints=_messages_left(plan, running, sent, practice, now),
        human_steps=await _human_steps(plan, running, practice, label.crisis, now),
    )
    await start_sequences([new], practice=practice.id, actor=actor, now=now)
    fresh = await lock_live_enrolment(patient["id"])
    if fresh is not None and running["status"] == EnrolmentStatus.PAUSED:
        # Whatever the messages waited for, they still do.
        reason = Reason(running["reason"])
        await pause_locked(fresh, reason=reason, actor=actor, now=now, until=running["resume_at"])


async def _alert(
    patient: Row, appointment: int | None, enrolment: int | None, label: _Label, practice: Profile, now: datetime
) -> None:
    if appointment is None:
        return
    alerts = HumanStepsOf(patient["id"], enrolment, appointment, f"label:{label.id}", crisis_alerts(now))
    await plan_human_steps([alerts], practice=practice.id, now=now)


async def _recent_absence(patient: Row, practice: Profile, now: datetime) -> int | None:
    """The latest one that is not history yet."""
    since = local_day(now, practice.calendar) - timedelta(days=practice.settings.history_days)
    found: int | None = await fetch_value(
        "SELECT id FROM appointment WHERE patient = $1 AND status = ANY($2) AND day >= $3 ORDER BY day DESC, id DESC "
        "LIMIT 1",
        patient["id"],
        [AppointmentStatus.NO_SHOW, AppointmentStatus.WAS_NOT_BROUGHT],
        since,
    )
    return found


async def _sent(appointment: int) -> dict[tuple[str, Channel], datetime]:
    """What left for this absence, in whichever sequence, and when."""
    rows = await fetch(
        "SELECT d.message, d.channel, max(d.sent_at) AS sent_at FROM delivery d JOIN enrolment e ON e.id = d.enrolment "
        "WHERE e.appointment = $1 AND d.step IS NOT NULL AND d.sent_at IS NOT NULL GROUP BY d.message, d.channel",
        appointment,
    )
    return {(row["message"], Channel(row["channel"])): row["sent_at"] for row in rows}


def _messages_left(
    plan: Plan, running: Row, sent: dict[tuple[str, Channel], datetime], practice: Profile, now: datetime
) -> tuple[PlannedTouchpoint, ...]:
    """What the patient has not had, from the last moment that has come on: what lies before it would only repeat it."""
    last_sent: dict[Channel, datetime] = {}
    for (_, channel), at in sent.items():
        last_sent[channel] = max(at, last_sent.get(channel, at))
    due = planned(plan, missed_on=running["day"], first_due=now, calendar=practice.calendar, last_sent=last_sent)
    today = local_day(now, practice.calendar)
    come = [index for index, day in enumerate(plan.days) if (today - running["day"]).days >= day]
    return tuple(one for one in due if (one.message, one.channel) not in sent and one.step >= max(come, default=0))


async def _human_steps(
    plan: Plan, running: Row, practice: Profile, crisis: bool, now: datetime
) -> tuple[PlannedHumanStep, ...]:
    """All of them: what would have been due is due now."""
    closed = await closed_days(practice.id, since=local_day(now, practice.calendar))
    return planned_human_steps(
        plan,
        missed_on=running["day"],
        missed_start=running["starts_at"] or closing_of(running["day"], practice.calendar),
        first_due=now,
        hours_of=lambda role: practice.on_call(role, closed),
        crisis=crisis,
    )
