"""What each outcome of a call does, and no more: to the messages, to what people still have to do, to the telephone."""

from datetime import timedelta

import pytest

from db.changes._tasks import NewTask, open_task
from db.changes.enrolments import review_enrolments
from db.changes.labels import end_label, set_label
from db.changes.objections import lift_objection, record_objection
from db.changes.outcomes import Follow, Recorded
from db.changes.worklist import claim_task
from db.engine import fetch, fetch_one, fetch_value, transaction
from db.errors import AlreadyClaimed, IllegalTransition, Refused, Undecided
from db.queries.practices import Profile
from db.queries.worklist import task_in_full
from db.rules.risk import RiskRule
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, fates, send, sequence, story
from tests.db.changes.people import (
    ANDREA,
    CALL_DUE,
    CAMILLE,
    CRISIS,
    MAXIME,
    SACHA,
    a_call,
    a_reply,
    ended,
    hand_of,
    make_house,
    open_steps,
    ref_of,
    standing,
    task,
)

NOW = CALL_DUE + timedelta(minutes=5)
AS_PLANNED = {"alert": "planned", "escalation": "planned"}


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


async def agreed(patient_key: str) -> list[str]:
    """The messages that confirm what was agreed on the telephone."""
    rows = await f.deliveries_of(patient_key)
    return [one["message"] for one in rows if one["message"].startswith("agreed")]


async def planned(patient_key: str) -> int:
    return sum(one["status"] == "planned" and one["step"] is not None for one in await f.deliveries_of(patient_key))


@pytest.mark.parametrize(
    ("outcome", "messages", "now_is", "people", "confirmed"),
    [
        ("reached_rebooked", "stopped", ("stopped", "rebooked"), {"alert": "cancelled", "escalation": "cancelled"},
         ["agreed_booked"]),
        ("reached_will_book", "resumed_later", ("paused", "will_book"), AS_PLANNED, ["agreed_later"]),
        ("declined", "stopped", ("stopped", "stopped_by_staff"), AS_PLANNED | {"declined": "open"}, []),
        ("left_message", "resumed", ("active", None), AS_PLANNED, []),
        ("no_answer", "resumed", ("active", None), AS_PLANNED, []),
        ("wrong_number", "resumed", ("active", None), AS_PLANNED | {"delivery_failed": None}, []),
        ("needs_clinical_lead", "waiting", ("paused", "escalated"), {"alert": "planned", "escalation": "open"}, []),
        ("handled", None, ("active", None), AS_PLANNED, []),
        ("nothing_to_do", None, ("active", None), AS_PLANNED, []),
    ],
)  # fmt: skip
async def test_outcome_of_a_claimed_call_does_what_it_says(
    house: Profile,
    outcome: str,
    messages: str | None,
    now_is: tuple[str, str | None],
    people: dict[str, str | None],
    confirmed: list[str],
) -> None:
    absence, ref = await a_call(house)
    key = absence.patient_key
    await claim_task(ref, practice=house.id, by=await hand_of(SACHA), now=NOW)
    assert await ended(ref, CallOutcome(outcome), house, NOW) == Recorded(True, messages)
    assert await sequence(key) == now_is
    expected = {"call": "done"} | {kind: status for kind, status in people.items() if status is not None}
    assert await standing(key) == expected
    assert await agreed(key) == confirmed
    assert bool(await planned(key)) == (now_is[0] != "stopped")
    row = await task(ref)
    assert (row["status"], row["outcome"], row["closed_at"], row["look_at"]) == ("done", outcome, NOW, None)
    phone = await fetch_value("SELECT phone_invalid_at FROM patient WHERE key = $1", key)
    assert phone == (NOW if outcome == "wrong_number" else None)


@pytest.mark.parametrize("outcome", list(CallOutcome))
async def test_recording_it_again_changes_nothing(house: Profile, outcome: CallOutcome) -> None:
    absence, ref = await a_call(house)
    await ended(ref, outcome, house, NOW)
    before = await f.events(), await sequence(absence.patient_key), await standing(absence.patient_key)
    assert await ended(ref, CallOutcome.DECLINED, house, NOW) == Recorded(closed=False)
    assert (await f.events(), await sequence(absence.patient_key), await standing(absence.patient_key)) == before


async def test_who_will_book_is_left_alone_for_48_hours(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.REACHED_WILL_BOOK, house, NOW)
    for hours, expected in ((47, "paused"), (48, "active")):
        await review_enrolments(now=NOW + timedelta(hours=hours))
        assert (await sequence(absence.patient_key))[0] == expected


async def test_reply_of_somebody_who_will_book_waits_for_a_person(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.REACHED_WILL_BOOK, house, NOW)
    await a_reply(house, absence, NOW + timedelta(hours=1))
    await review_enrolments(now=NOW + timedelta(hours=60))
    assert await sequence(absence.patient_key) == ("paused", "replied")


async def test_claim_of_another_case_outlasts_the_48_hours(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.REACHED_WILL_BOOK, house, NOW)
    other = NewTask(TaskKind.CALL_REQUEST, "other", NOW, patient=(await task(ref))["patient"])
    async with transaction():
        await open_task(other, practice=house.id, actor="patient", now=NOW)
    request = await ref_of(TaskKind.CALL_REQUEST)
    await claim_task(request, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    late = NOW + timedelta(hours=49)
    await review_enrolments(now=late)
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    assert await ended(request, CallOutcome.NO_ANSWER, house, late, who=CAMILLE) == Recorded(True, "resumed")


async def test_under_a_crisis_flag_a_rebooking_ends_the_messages_and_nothing_that_people_do(house: Profile) -> None:
    absence, ref = await a_call(house, risk_rules=CRISIS)
    before = await standing(absence.patient_key)
    await ended(ref, CallOutcome.REACHED_REBOOKED, house, NOW)
    assert await sequence(absence.patient_key) == ("stopped", "rebooked")
    assert await standing(absence.patient_key) == before | {"call": "done"}
    alert = await fetch_one("SELECT ref FROM task WHERE kind = 'alert' AND status = 'open' ORDER BY id LIMIT 1")
    assert alert is not None
    await ended(alert["ref"], CallOutcome.HANDLED, house, NOW, who=None)
    assert (await task(alert["ref"]))["status"] == "done"


async def test_who_declines_becomes_the_practitioner_s_to_decide_and_only_once(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.DECLINED, house, NOW)
    declined = await ref_of(TaskKind.DECLINED, absence.patient_key)
    assert (await task_in_full(house.id, declined)).assignee == MAXIME
    await ended(declined, CallOutcome.DECLINED, house, NOW, who=MAXIME)
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'declined'") == 1
    await open_steps(f.local(19, 9))
    assert (await standing(absence.patient_key))["alert"] == "skipped"


async def test_nobody_answering_leaves_alert_and_escalation_to_come(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.NO_ANSWER, house, NOW)
    await open_steps(f.local(21, 9))
    assert await standing(absence.patient_key) == {"call": "done", "alert": "open", "escalation": "open"}


async def test_after_a_wrong_number_the_emails_go_on_and_no_sms(house: Profile) -> None:
    absence, ref = await a_call(house)
    await send(house, CALL_DUE)
    await ended(ref, CallOutcome.WRONG_NUMBER, house, NOW)
    await send(house, f.local(18, 10))
    await send(house, f.local(19, 10))
    found = await fates(absence.patient_key)
    assert found["brief", "sms"] == ("skipped", "no_address")
    assert found["worth", "email"][0] == "sent"


@pytest.mark.parametrize("running", [True, False], ids=["follow-up runs", "follow-up is over"])
async def test_wrong_number_without_a_mailbox_is_a_task(house: Profile, running: bool) -> None:
    absence, ref = await a_call(house, email=None)
    if not running:
        await fetch("UPDATE enrolment SET status = 'completed', ended_at = $1", NOW)
    await ended(ref, CallOutcome.WRONG_NUMBER, house, NOW)
    assert (await standing(absence.patient_key))["unreachable"] == "open"
    unreachable = await ref_of(TaskKind.UNREACHABLE, absence.patient_key)
    await ended(unreachable, CallOutcome.WRONG_NUMBER, house, NOW, who=None)
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'unreachable'") == 1


async def test_escalation_that_a_call_asked_for_is_for_the_clinical_lead_today(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.NEEDS_CLINICAL_LEAD, house, NOW)
    escalation = await task_in_full(house.id, await ref_of(TaskKind.ESCALATION, absence.patient_key))
    assert (escalation.status, escalation.assignee) == ("open", ANDREA)
    assert escalation.deadline_at == f.local(17, 19, 30)
    await ended(escalation.ref, CallOutcome.HANDLED, house, NOW, who=ANDREA)
    assert await sequence(absence.patient_key) == ("active", None)
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'escalation'") == 1


async def test_escalation_is_opened_where_the_plan_has_none(house: Profile) -> None:
    absence = await f.make_absence(house)
    ref = await a_reply(house, absence, NOW)
    await ended(ref, CallOutcome.NEEDS_CLINICAL_LEAD, house, NOW, who=CAMILLE)
    assert await standing(absence.patient_key) == {"reply": "done", "escalation": "open"}
    assert (await sequence(absence.patient_key))[0] == "paused"
    with pytest.raises(Undecided):
        await ended(await ref_of(TaskKind.ESCALATION), CallOutcome.HANDLED, house, NOW, who=ANDREA)
    await ended(await ref_of(TaskKind.ESCALATION), CallOutcome.NO_ANSWER, house, NOW, who=ANDREA)
    assert await sequence(absence.patient_key) == ("active", None)


@pytest.mark.parametrize(
    ("follow", "messages", "now_is"),
    [
        (Follow.RESUME, "resumed", ("active", None)),
        (Follow.STOP, "stopped", ("stopped", "stopped_by_staff")),
    ],
)
async def test_reply_that_is_handled_wants_a_word_on_the_messages(
    house: Profile, follow: Follow, messages: str, now_is: tuple[str, str | None]
) -> None:
    absence = await f.make_absence(house)
    ref = await a_reply(house, absence, NOW)
    with pytest.raises(Undecided, match="whether it goes on or ends"):
        await ended(ref, CallOutcome.HANDLED, house, NOW, who=CAMILLE)
    row = await task(ref)
    assert (row["status"], row["body"] is None, row["outcome"]) == ("open", False, None)
    assert await ended(ref, CallOutcome.HANDLED, house, NOW, who=CAMILLE, follow=follow) == Recorded(True, messages)
    assert await sequence(absence.patient_key) == now_is
    assert (await task(ref))["body"] is None


async def test_of_two_replies_the_last_one_decides(house: Profile) -> None:
    absence = await f.make_absence(house)
    first, second = [await a_reply(house, absence, NOW, provider) for provider in ("SM1", "SM2")]
    assert await ended(first, CallOutcome.HANDLED, house, NOW, follow=Follow.RESUME) == Recorded(True, "waiting")
    assert await sequence(absence.patient_key) == ("paused", "replied")
    assert await ended(second, CallOutcome.NO_ANSWER, house, NOW) == Recorded(True, "resumed")


@pytest.mark.parametrize("outcome", [one for one in CallOutcome if one not in ("handled", "nothing_to_do")])
async def test_task_about_no_patient_has_no_outcome_of_a_call(house: Profile, outcome: CallOutcome) -> None:
    async with transaction():
        await open_task(NewTask(TaskKind.UNKNOWN_SENDER, "x", NOW), practice=house.id, actor="gateway", now=NOW)
    ref = await ref_of(TaskKind.UNKNOWN_SENDER)
    with pytest.raises(Refused, match="about no patient: record handled or nothing_to_do"):
        await ended(ref, outcome, house, NOW)
    assert (await ended(ref, CallOutcome.HANDLED, house, NOW)).closed


async def test_case_that_somebody_has_is_closed_by_nobody_else(house: Profile) -> None:
    _, ref = await a_call(house)
    await claim_task(ref, practice=house.id, by=await hand_of(SACHA), now=NOW)
    with pytest.raises(AlreadyClaimed) as refusal:
        await ended(ref, CallOutcome.NO_ANSWER, house, NOW, who=ANDREA)
    assert refusal.value.holder == SACHA
    assert (await task(ref))["status"] == "claimed"


async def test_what_was_cancelled_is_not_done(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.REACHED_REBOOKED, house, NOW)
    with pytest.raises(IllegalTransition, match="This task is cancelled"):
        await ended(await ref_of(TaskKind.ALERT, absence.patient_key), CallOutcome.HANDLED, house, NOW)


async def test_note_given_with_the_outcome_is_sealed_and_stands_nowhere_else(house: Profile) -> None:
    _, ref = await a_call(house)
    await ended(ref, CallOutcome.NO_ANSWER, house, NOW, note="Voix lasse")
    assert (await task_in_full(house.id, ref, with_note=True)).note == "Voix lasse"
    assert b"Voix" not in (await task(ref))["note"]
    for table in ("journal", "delivery", "enrolment", "patient"):
        assert "Voix" not in str(await fetch(f"SELECT * FROM {table}"))


async def test_family_that_shares_a_telephone_decides_for_each(house: Profile) -> None:
    one = await f.make_absence(house)
    two = await f.make_absence(house, phone=one.phone)
    first = await a_reply(house, one, NOW)
    await ended(first, CallOutcome.HANDLED, house, NOW, who=CAMILLE, follow=Follow.STOP)
    assert (await sequence(one.patient_key))[0] == "stopped"
    assert await sequence(two.patient_key) == ("paused", "replied")
    other = await ref_of(TaskKind.REPLY, two.patient_key)
    await ended(other, CallOutcome.HANDLED, house, NOW, who=CAMILLE, follow=Follow.RESUME)
    assert await sequence(two.patient_key) == ("active", None)


async def ref_of_patient(key: str) -> str:
    found: str = await fetch_value("SELECT ref FROM patient WHERE key = $1", key)
    return found


@pytest.mark.parametrize("rule", [RiskRule.PRACTITIONER_LABEL, RiskRule.CRISIS])
async def test_label_on_a_patient_who_waits_for_an_answer_keeps_the_messages_waiting(
    house: Profile, rule: RiskRule
) -> None:
    absence = await f.make_absence(house)
    await send(house, FIRST_DUE)
    reply = await a_reply(house, absence, f.local(16, 12))
    patient = await ref_of_patient(absence.patient_key)
    await set_label(patient, rule=rule, practice=house, actor="staff:x", now=f.local(16, 13))
    assert (await f.enrolment_of(absence.patient_key))["plan_name"] == "high_risk"
    assert await sequence(absence.patient_key) == ("paused", "replied")
    await ended(reply, CallOutcome.HANDLED, house, NOW, who=CAMILLE, follow=Follow.RESUME)
    assert await sequence(absence.patient_key) == ("active", None)


async def test_crisis_flag_alerts_two_people_each_time_it_is_set_and_once_for_each(house: Profile) -> None:
    absence, _ = await a_call(house)
    patient = await ref_of_patient(absence.patient_key)
    count = "SELECT count(*) FROM task WHERE kind = 'alert' AND crisis"
    for expected in (2, 4):
        for _ in range(2):
            await set_label(patient, rule=RiskRule.CRISIS, practice=house, actor="staff:x", now=NOW)
        assert await fetch_value(count) == expected
        await end_label(patient, rule=RiskRule.CRISIS, practice=house, actor="staff:x", now=NOW)


@pytest.mark.parametrize(("days", "alerts"), [(3, 2), (9, 0)], ids=["recent", "history"])
async def test_crisis_flag_after_the_follow_up_alerts_where_the_absence_is_recent(
    house: Profile, days: int, alerts: int
) -> None:
    absence = await f.make_absence(house)
    patient = await ref_of_patient(absence.patient_key)
    await record_objection(patient, practice=house.id, actor="staff:x", now=NOW)
    now = NOW + timedelta(days=days)
    await set_label(patient, rule=RiskRule.CRISIS, practice=house, actor="staff:x", now=now)
    await open_steps(now)
    assert await fetch_value("SELECT count(*) FROM task WHERE kind = 'alert' AND status = 'open'") == alerts


async def test_objection_stops_messages_tells_staff_and_leaves_the_call(house: Profile) -> None:
    absence, _ = await a_call(house)
    patient = await ref_of_patient(absence.patient_key)
    told = [await record_objection(patient, practice=house.id, actor="staff:x", now=NOW) for _ in range(2)]
    assert told == [True, False]
    assert await sequence(absence.patient_key) == ("stopped", "objection")
    found = await standing(absence.patient_key)
    assert (found["call"], found["objection"]) == ("open", "open")
    lifted = [await lift_objection(patient, practice=house.id, actor="staff:x", now=NOW) for _ in range(2)]
    assert lifted == [True, False]
    assert await sequence(absence.patient_key) == ("stopped", "objection")
    assert await story("objected", "objection_lifted") == [("objected", None), ("objection_lifted", None)]
    found = await standing(absence.patient_key)
    # What it asked of people is void with it; nothing else is.
    assert (found["call"], found["objection"]) == ("open", "cancelled")
    assert await story("task_cancelled") == [("task_cancelled", "by_hand")]
