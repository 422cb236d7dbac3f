"""The worklist's moves: exclusive, told to those concerned, harmless when repeated, refused in a sentence."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from db.actors import Hand
from db.changes import worklist
from db.changes._tasks import NewTask, open_task
from db.changes.enrolments import stop_by_staff
from db.changes.labels import set_label
from db.changes.watching import look_again
from db.crypto import vault
from db.engine import fetch, fetch_value, transaction
from db.errors import AlreadyClaimed, NotFound, Refused
from db.queries.practices import Profile
from db.queries.worklist import task_in_full
from db.rules.ladder import TOP
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from db.rules.windows import Hours
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes.acts import sequence, story
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
    ref_of,
    standing,
    task,
)

Move = Callable[[str, Profile, Hand, datetime], Awaitable[Any]]
NOW = CALL_DUE + timedelta(minutes=5)
SOON = NOW + timedelta(hours=3)


async def ack(ref: str, practice: Profile, by: Hand, now: datetime = NOW) -> Any:
    return await worklist.acknowledge_task(ref, practice=practice.id, by=by, now=now)


async def claim(ref: str, practice: Profile, by: Hand, now: datetime = NOW) -> Any:
    return await worklist.claim_task(ref, practice=practice.id, by=by, now=now)


async def release(ref: str, practice: Profile, by: Hand, now: datetime = NOW) -> Any:
    return await worklist.release_task(ref, practice=practice.id, by=by, now=now)


async def assign(ref: str, practice: Profile, by: Hand, now: datetime = NOW, to: str = "clinical_lead") -> Any:
    return await worklist.reassign_task(ref, practice=practice.id, to=to, by=by, now=now)


async def escalate(ref: str, practice: Profile, by: Hand, now: datetime = NOW) -> Any:
    return await worklist.escalate_task(ref, practice=practice.id, by=by, now=now)


async def later(ref: str, practice: Profile, by: Hand, now: datetime = NOW, until: datetime = SOON) -> Any:
    return await worklist.postpone_task(ref, practice=practice.id, until=until, by=by, now=now)


MOVES = (ack, claim, release, assign, escalate, later)


@pytest.fixture
async def house(database: None) -> Profile:
    return await make_house()


async def told(ref: str) -> list[tuple[str, str]]:
    """What members of staff were told of a task: (message, name)."""
    rows = await fetch(
        "SELECT d.message, s.name FROM delivery d JOIN staff s ON s.id = d.staff JOIN task t ON t.id = d.task "
        "WHERE t.ref = $1 ORDER BY d.id",
        ref,
    )
    return [(row["message"], row["name"]) for row in rows]


async def name_of(staff: int | None) -> str | None:
    found: str | None = await fetch_value("SELECT name FROM staff WHERE id = $1", staff)
    return found


async def test_of_two_who_claim_at_the_same_moment_one_has_it_and_the_other_is_told_who(house: Profile) -> None:
    _, ref = await a_call(house)
    hands = {name: await hand_of(name) for name in (SACHA, ANDREA)}
    results = await asyncio.gather(*(claim(ref, house, by) for by in hands.values()), return_exceptions=True)
    assert results.count(True) == 1
    [winner] = [name for name, result in zip(hands, results, strict=True) if result is True]
    [refusal] = [result for result in results if isinstance(result, AlreadyClaimed)]
    assert refusal.holder == winner
    assert str(refusal) == f"{winner} has this case already."
    assert await name_of((await task(ref))["claimed_by"]) == winner
    assert await story("task_claimed") == [("task_claimed", None)]


async def test_a_task_about_no_patient_is_claimed_once_as_well(house: Profile) -> None:
    async with transaction():
        await open_task(NewTask(TaskKind.UNKNOWN_SENDER, "x", NOW), practice=house.id, actor="gateway", now=NOW)
    ref = await ref_of(TaskKind.UNKNOWN_SENDER)
    hands = [await hand_of(name) for name in (SACHA, ANDREA, CAMILLE)]
    results = await asyncio.gather(*(claim(ref, house, by) for by in hands), return_exceptions=True)
    assert results.count(True) == 1
    assert sum(isinstance(result, AlreadyClaimed) for result in results) == 2


@pytest.mark.parametrize("move", [ack, claim, later], ids=lambda move: move.__name__)
async def test_doing_it_again_changes_nothing(house: Profile, move: Move) -> None:
    _, ref = await a_call(house)
    sacha = await hand_of(SACHA)
    assert [await move(ref, house, sacha, NOW) for _ in range(3)] == [True, False, False]
    assert len(await story("task_acknowledged", "task_claimed", "task_postponed")) == 1


async def test_whoever_has_it_may_say_again_that_they_saw_it(house: Profile) -> None:
    _, ref = await a_call(house)
    sacha = await hand_of(SACHA)
    await claim(ref, house, sacha)
    assert await ack(ref, house, sacha) is False
    with pytest.raises(AlreadyClaimed, match=SACHA):
        await ack(ref, house, await hand_of(ANDREA))


async def test_seen_stays_open_to_everybody(house: Profile) -> None:
    _, ref = await a_call(house)
    await ack(ref, house, await hand_of(CAMILLE))
    assert (await task(ref))["status"] == "acknowledged"
    assert await claim(ref, house, await hand_of(SACHA))
    row = await task(ref)
    assert (await name_of(row["acknowledged_by"]), await name_of(row["claimed_by"])) == (CAMILLE, SACHA)


async def test_claim_holds_the_messages_and_release_lets_them_go_on(house: Profile) -> None:
    absence, ref = await a_call(house)
    deadline = (await task(ref))["deadline_at"]
    await claim(ref, house, await hand_of(SACHA))
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    assert (await standing(absence.patient_key))["alert"] == "planned"
    assert await release(ref, house, await hand_of(SACHA))
    assert await sequence(absence.patient_key) == ("active", None)
    row = await task(ref)
    assert (row["status"], row["claimed_by"], row["deadline_at"]) == ("open", None, deadline)
    assert await release(ref, house, await hand_of(SACHA)) is False


async def test_release_goes_back_to_the_person_of_the_role(house: Profile) -> None:
    _, ref = await a_call(house)
    await claim(ref, house, await hand_of(ANDREA))
    await release(ref, house, await hand_of(ANDREA))
    assert await name_of((await task(ref))["assignee"]) == SACHA


async def test_release_of_a_claim_leaves_the_messages_to_whoever_reads_a_reply(house: Profile) -> None:
    absence, ref = await a_call(house)
    sacha = await hand_of(SACHA)
    await claim(ref, house, sacha)
    await a_reply(house, absence, NOW)
    await release(ref, house, sacha)
    assert await sequence(absence.patient_key) == ("paused", "replied")


async def test_reply_that_is_dealt_with_leaves_the_messages_to_whoever_calls(house: Profile) -> None:
    """And they are let go on with the call, though a reply had paused them first."""
    absence, ref = await a_call(house)
    reply = await a_reply(house, absence, NOW)
    await claim(ref, house, await hand_of(SACHA))
    await worklist.claim_task(reply, practice=house.id, by=await hand_of(CAMILLE), now=NOW)
    await ended(reply, CallOutcome.NO_ANSWER, house, NOW, who=CAMILLE)
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    await release(ref, house, await hand_of(SACHA))
    assert await sequence(absence.patient_key) == ("active", None)


async def test_claim_while_the_patient_has_time_to_book_keeps_that_time(house: Profile) -> None:
    absence, ref = await a_call(house)
    await ended(ref, CallOutcome.REACHED_WILL_BOOK, house, NOW)
    async with transaction():
        await open_task(
            NewTask(TaskKind.CALL_REQUEST, "y", NOW, patient=(await task(ref))["patient"]),
            practice=house.id,
            actor="patient",
            now=NOW,
        )
    request = await ref_of(TaskKind.CALL_REQUEST)
    await claim(request, house, await hand_of(CAMILLE))
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    await release(request, house, await hand_of(CAMILLE))
    assert await sequence(absence.patient_key) == ("paused", "will_book")
    assert (await f.enrolment_of(absence.patient_key))["resume_at"] == NOW + timedelta(hours=48)


@pytest.mark.parametrize(
    ("to", "who", "role"),
    [
        ("clinical_lead", ANDREA, "clinical_lead"),
        ("practitioner", MAXIME, "practitioner"),
        (CAMILLE, CAMILLE, "front_desk"),
    ],
)
async def test_task_is_given_to_a_role_or_a_person_who_is_told(house: Profile, to: str, who: str, role: str) -> None:
    absence, ref = await a_call(house)
    if to == CAMILLE:
        to = await fetch_value("SELECT ref FROM staff WHERE name = $1", CAMILLE)
    await claim(ref, house, await hand_of(SACHA))
    assert await assign(ref, house, await hand_of(SACHA), to=to)
    row = await task(ref)
    assert (row["status"], await name_of(row["assignee"]), row["role"], row["claimed_by"]) == ("open", who, role, None)
    assert (await told(ref))[-1] == ("case_moved", who)
    assert await sequence(absence.patient_key) == ("active", None)
    assert await assign(ref, house, await hand_of(SACHA), to=to) is False
    assert await story("task_reassigned") == [("task_reassigned", "by_hand")]


async def test_giving_it_to_whoever_has_claimed_it_takes_nothing_from_them(house: Profile) -> None:
    _, ref = await a_call(house)
    await claim(ref, house, await hand_of(ANDREA))
    assert await assign(ref, house, await hand_of(SACHA), to="clinical_lead") is False
    assert (await task(ref))["status"] == "claimed"


@pytest.mark.parametrize(
    "why", ["alerts = 'none'", "email_invalid_at = created_at"], ids=["wants no alerts", "mail comes back"]
)
async def test_person_who_cannot_be_told_is_refused(house: Profile, why: str) -> None:
    _, ref = await a_call(house)
    await fetch(f"UPDATE staff SET {why} WHERE name = $1", ANDREA)
    person = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    with pytest.raises(Refused, match="cannot be told of a case"):
        await assign(ref, house, await hand_of(SACHA), to=person)
    assert await name_of((await task(ref))["assignee"]) == SACHA


async def test_stranger_is_refused_as_a_target(house: Profile) -> None:
    _, ref = await a_call(house)
    with pytest.raises(Refused, match="choose somebody else"):
        await assign(ref, house, await hand_of(SACHA), to="nobody")


async def test_role_that_nobody_has_is_refused_as_a_target(database: None) -> None:
    house = await make_house(staff=(replace(f.EVERY_ROLE[1], fallback=None), f.EVERY_ROLE[2]), practitioners=())
    await f.make_absence(house, phone=None, phone_kind=None, email=None)
    ref = await ref_of(TaskKind.UNREACHABLE)
    with pytest.raises(Refused, match="Nobody of this role"):
        await assign(ref, house, await hand_of(SACHA), to="front_desk")


async def test_escalation_by_hand_goes_up_until_nobody_is_left(house: Profile) -> None:
    _, ref = await a_call(house)
    who = []
    while await escalate(ref, house, await hand_of(SACHA)):
        who.append(await name_of((await task(ref))["assignee"]))
    assert who[0] == ANDREA
    assert len(who) == len(set(who)) <= 3
    assert [name for message, name in await told(ref) if message == "case_moved"] == who


async def test_above_the_ladder_a_case_keeps_the_hours_of_whoever_has_it(database: None) -> None:
    late = Hours(time(14), time(16), step_at=time(14))
    house = await make_house(settings=Settings(on_call={"admin": late}))
    _, ref = await a_call(house)
    while await escalate(ref, house, await hand_of(SACHA)):
        pass
    row = await task(ref)
    assert (row["role"], await name_of(row["assignee"])) == (TOP, "Dominique Petit")
    # They hear of it at two: the time after which they are nudged runs from then on, not from the practice's opening.
    assert row["look_at"] == f.local(17, 14)
    await look_again(now=f.local(17, 14))
    assert (await task(ref))["look_at"] == f.local(17, 14, 30)


async def test_promised_call_is_the_caller_s_and_is_not_asked_for_before(house: Profile) -> None:
    absence, ref = await a_call(house)
    await later(ref, house, await hand_of(SACHA))
    row = await task(ref)
    assert (row["status"], row["promised_at"], row["look_at"]) == ("claimed", SOON, SOON)
    assert row["acknowledged_at"] == NOW
    assert await sequence(absence.patient_key) == ("paused", "claimed")
    with pytest.raises(AlreadyClaimed, match=SACHA):
        await later(ref, house, await hand_of(ANDREA), until=SOON + timedelta(hours=1))


@pytest.mark.parametrize("by", [timedelta(0), timedelta(minutes=-1), timedelta(days=15)])
async def test_call_is_promised_for_a_time_that_can_be_kept(house: Profile, by: timedelta) -> None:
    _, ref = await a_call(house)
    with pytest.raises(Refused, match="next 14 days"):
        await later(ref, house, await hand_of(SACHA), until=NOW + by)


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
async def test_what_is_done_is_nobody_s_any_more(house: Profile, move: Move) -> None:
    _, ref = await a_call(house)
    await ended(ref, CallOutcome.NO_ANSWER, house, NOW)
    with pytest.raises(Refused, match="This task is done"):
        await move(ref, house, await hand_of(SACHA), NOW)
    assert (await task(ref))["status"] == "done"


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
async def test_what_is_not_due_yet_is_nobody_s_so_far(house: Profile, move: Move) -> None:
    absence, _ = await a_call(house)
    ref = await ref_of(TaskKind.ESCALATION, absence.patient_key)
    with pytest.raises(Refused, match="not due yet"):
        await move(ref, house, await hand_of(SACHA), NOW)
    assert (await task(ref))["status"] == "planned"


@pytest.mark.parametrize("move", MOVES, ids=lambda move: move.__name__)
async def test_task_of_another_practice_is_not_found(house: Profile, move: Move) -> None:
    _, ref = await a_call(house)
    other = type(house)(**{**{n: getattr(house, n) for n in house.__dataclass_fields__}, "id": house.id + 1})
    with pytest.raises(NotFound):
        await move(ref, other, await hand_of(SACHA), NOW)


async def test_every_move_is_in_the_journal_with_who_made_it(house: Profile) -> None:
    absence, ref = await a_call(house)
    sacha, andrea = await hand_of(SACHA), await hand_of(ANDREA)
    await ack(ref, house, sacha)
    await claim(ref, house, sacha)
    await release(ref, house, sacha)
    await assign(ref, house, sacha)
    await later(ref, house, andrea)
    await worklist.add_note(ref, practice=house.id, note="Voix lasse", by=andrea, now=NOW)
    await ended(ref, CallOutcome.LEFT_MESSAGE, house, SOON, who=ANDREA)
    case = await task_in_full(house.id, ref)
    assert [(one.event, one.who) for one in case.timeline] == [
        ("task_opened", None),
        ("task_acknowledged", SACHA),
        ("task_claimed", SACHA),
        ("task_released", SACHA),
        ("task_reassigned", SACHA),
        ("task_postponed", ANDREA),
        ("note_added", ANDREA),
        ("task_closed", ANDREA),
    ]
    subjects = await fetch("SELECT DISTINCT patient_ref FROM journal WHERE subject_ref = $1", ref)
    assert len(subjects) == 1
    assert "Voix" not in str(await fetch("SELECT * FROM journal"))
    assert absence.patient_key == case.patient


async def test_note_is_sealed_replaced_and_removed(house: Profile) -> None:
    _, ref = await a_call(house)
    sacha = await hand_of(SACHA)
    for text in ("Voix lasse", "Voix claire"):
        await worklist.add_note(ref, practice=house.id, note=f"  {text}\n", by=sacha, now=NOW)
    sealed = (await task(ref))["note"]
    assert b"Voix" not in sealed
    assert vault().open(sealed, owner=ref, field="task.note") == "Voix claire"
    assert (await task_in_full(house.id, ref)).note is None
    assert (await task_in_full(house.id, ref, with_note=True)).note == "Voix claire"
    assert "Voix" not in repr(await task_in_full(house.id, ref, with_note=True))
    await ended(ref, CallOutcome.NO_ANSWER, house, NOW)
    assert (await task_in_full(house.id, ref, with_note=True)).note == "Voix claire"
    await worklist.add_note(ref, practice=house.id, note=" ", by=sacha, now=NOW)
    assert (await task(ref))["note"] is None


async def test_escalation_under_a_crisis_flag_carries_the_practice_s_own_check(database: None) -> None:
    check = ("Appeler le numéro du dossier", "Prévenir la direction")
    house = await make_house(settings=Settings(welfare_check=check))
    absence, ref = await a_call(house, risk_rules=CRISIS)
    calmer, _ = await a_call(house)
    escalations = [await ref_of(TaskKind.ESCALATION, one.patient_key) for one in (absence, calmer)]
    assert [(await task_in_full(house.id, one)).welfare_check for one in escalations] == [check, ()]
    assert (await task_in_full(house.id, ref)).welfare_check == ()


async def test_escalation_that_somebody_asks_for_is_under_the_flag_that_the_patient_has_by_now(house: Profile) -> None:
    """The label came after the follow-up and after the reply, which stands under none."""
    absence = await f.make_absence(house)
    reply = await a_reply(house, absence, NOW)
    enrolment = (await f.enrolment_of(absence.patient_key))["ref"]
    await stop_by_staff(enrolment, practice=house.id, actor="staff:x", now=NOW)
    patient: str = await fetch_value("SELECT ref FROM patient")
    await set_label(patient, rule=RiskRule.CRISIS, practice=house, actor="staff:x", now=NOW)
    await ended(reply, CallOutcome.NEEDS_CLINICAL_LEAD, house, NOW)
    assert (await task(await ref_of(TaskKind.ESCALATION)))["crisis"]


async def test_person_on_leave_is_stood_in_for_when_a_task_is_given_to_them(house: Profile) -> None:
    _, ref = await a_call(house)
    person = await fetch_value("SELECT ref FROM staff WHERE name = $1", ANDREA)
    await fetch(
        "INSERT INTO staff_absence (practice, staff, starts_on, ends_on, stand_in) "
        "SELECT a.practice, a.id, $1, $1, m.id FROM staff a, staff m WHERE a.name = $2 AND m.name = $3",
        NOW.date(),
        ANDREA,
        MAXIME,
    )
    await assign(ref, house, await hand_of(SACHA), to=person)
    assert await name_of((await task(ref))["assignee"]) == MAXIME
