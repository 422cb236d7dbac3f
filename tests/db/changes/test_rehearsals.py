from dataclasses import replace
from datetime import timedelta

import pytest

from db.changes.deliveries import Claimed, claim_due
from db.changes.opt_outs import opt_out
from db.changes.rehearsals import Audience, stop_rehearsal
from db.changes.settlements import Outcome, Settlement, expire_leases, record_bounce, settle
from db.crypto import vault
from db.engine import fetch, fetch_value, transaction
from db.errors import NotFound, Refused
from db.queries.practices import Profile
from db.queries.status import status
from db.states import Channel, DeliveryStatus
from tests import factories as f
from tests.rehearsals import BOTH, STAFF_EMAIL, STAFF_PHONE, make_rehearsal, rehearsed_rows

LATER = f.MONDAY + timedelta(minutes=5)
NIGHT = f.local(22, 3)


async def claimed(practice: Profile, channel: Channel = Channel.EMAIL, lane: str = "bulk") -> list[Claimed]:
    claim = await claim_due(practice, lane=lane, channel=channel, limit=50, mail_domain="x.example", now=LATER)
    return claim.going


async def test_every_step_becomes_a_row_that_no_patient_stands_behind(practice: Profile) -> None:
    await make_rehearsal(practice)
    rows = await rehearsed_rows()
    assert [((row["due_at"] - f.MONDAY).seconds, row["message"], row["channel"], row["lane"]) for row in rows] == [
        (0, "first", "sms", "bulk"),
        (0, "first", "email", "bulk"),
        (10, "flexible", "email", "bulk"),
        (10, "case_opened", "email", "human"),
        (20, "brief", "sms", "bulk"),
        (30, "worth", "email", "bulk"),
        (30, "case_opened", "email", "human"),
        (50, "last", "email", "bulk"),
        (50, "case_opened", "email", "human"),
    ]
    assert all((row["patient"], row["enrolment"], row["step"], row["task"]) == (None,) * 4 for row in rows)
    assert await fetch_value("SELECT count(*) FROM task") == 0


async def test_addresses_are_sealed_and_the_journal_names_nobody(practice: Profile) -> None:
    ref = await make_rehearsal(practice)
    for row in await rehearsed_rows():
        address = vault().open(row["address"], owner=row["ref"], field="delivery.address")
        assert address == (STAFF_PHONE if row["channel"] == "sms" else STAFF_EMAIL)
        assert STAFF_EMAIL not in row["detail"]
    (entry,) = await fetch("SELECT * FROM journal WHERE event = 'rehearsal_started'")
    assert (entry["subject_ref"], entry["reason"]) == (ref, "rehearsal")
    assert STAFF_EMAIL not in str(dict(entry))
    assert STAFF_PHONE not in str(dict(entry))


async def test_each_call_is_another_rehearsal(practice: Profile) -> None:
    assert await make_rehearsal(practice) != await make_rehearsal(practice)
    assert len(await rehearsed_rows()) == 18


@pytest.mark.parametrize(
    ("to", "channels"), [(replace(BOTH, phone=None), {"email"}), (replace(BOTH, email=None), {"sms"})]
)
async def test_with_one_address_the_other_channel_is_left_out(
    practice: Profile, to: Audience, channels: set[str]
) -> None:
    await make_rehearsal(practice, to=to)
    assert {row["channel"] for row in await rehearsed_rows()} == channels


@pytest.mark.parametrize("own", ["accueil@tilleuls.example", "dominique@tilleuls.example"])
async def test_the_practices_own_mailbox_and_any_member_of_staff_may_rehearse(practice: Profile, own: str) -> None:
    await make_rehearsal(practice, to=Audience(email=own))


@pytest.mark.parametrize(
    ("to", "says"),
    [
        (Audience(), "--to-email"),
        (Audience(email="stranger@mail.example"), "nobody who works here"),
        (Audience(email="patient@mail.example"), "a patient's"),
        (Audience(phone="+33612345678"), "a patient's"),
        (Audience(phone="+33639980001"), "no more messages"),
    ],
)
async def test_nobody_else_is_written_to(practice: Profile, to: Audience, says: str) -> None:
    await f.make_absence(practice, email="patient@mail.example", phone="+33612345678")
    async with transaction():
        await opt_out(
            practice=practice.id, channel=Channel.SMS, address=vault().index("+33639980001", kind="phone"),
            source="sms", actor="gateway", now=f.MONDAY, insist=True,
        )  # fmt: skip
    with pytest.raises(Refused, match=says):
        await make_rehearsal(practice, to=to)
    assert await rehearsed_rows() == []


async def test_a_member_of_staff_who_has_left_is_not_written_to(practice: Profile) -> None:
    await fetch("UPDATE staff SET active = false")
    with pytest.raises(Refused, match="nobody who works here"):
        await make_rehearsal(practice)


async def test_a_member_of_staff_who_is_a_patient_too_is_not_written_to(practice: Profile) -> None:
    await f.make_absence(practice, email=STAFF_EMAIL)
    with pytest.raises(Refused, match="a patient's"):
        await make_rehearsal(practice)


async def test_without_a_practitioner_there_are_no_pages_to_rehearse(database: None) -> None:
    practice = await f.make_practice(practitioners=())
    with pytest.raises(Refused, match="practitioner"):
        await make_rehearsal(practice)


async def test_it_leaves_at_any_hour_and_says_what_came_with_it(practice: Profile) -> None:
    await make_rehearsal(practice, speciality="dental", language="en", now=NIGHT)
    claim = await claim_due(
        practice,
        lane="bulk",
        channel=Channel.EMAIL,
        limit=50,
        mail_domain="x.example",
        now=NIGHT + timedelta(minutes=1),
    )
    first = claim.going[0]
    assert (first.first_name, first.speciality, first.language) == ("Alix", "dental", "en")
    assert str(first.missed_on) == "2026-11-16"
    assert first.address == STAFF_EMAIL
    assert first.practitioner is not None
    assert len(claim.going) == 4


@pytest.mark.parametrize("outcome", [one for one in Outcome if one not in (Outcome.SENT, Outcome.DELIVERED)])
async def test_whatever_fails_in_a_rehearsal_asks_nobody_for_anything(practice: Profile, outcome: Outcome) -> None:
    await make_rehearsal(practice)
    for channel, lane in ((Channel.EMAIL, "bulk"), (Channel.SMS, "bulk"), (Channel.EMAIL, "human")):
        going = await claimed(practice, channel, lane)
        results = [Settlement(one.id, one.attempts, outcome, LATER, code="x") for one in going]
        await settle(results, practice=practice.id, now=LATER)
    assert await fetch_value("SELECT count(*) FROM task") == 0
    assert await fetch_value("SELECT count(*) FROM channel_opt_out") == 0
    assert await fetch_value("SELECT count(*) FROM staff WHERE email_invalid_at IS NOT NULL") == 0
    assert len(await rehearsed_rows()) == 9


async def test_a_bounce_and_a_lease_that_runs_out_ask_nobody_either(practice: Profile) -> None:
    await make_rehearsal(practice)
    bounced, *_ = await claimed(practice)
    await settle([Settlement(bounced.id, 1, Outcome.SENT, LATER)], practice=practice.id, now=LATER)
    assert await record_bounce(reference=bounced.ref, permanent=True, code="5.1.1", now=LATER)
    await fetch("UPDATE delivery SET attempts = 99 WHERE status = 'claimed'")
    await expire_leases(now=LATER + timedelta(minutes=1))
    assert await fetch_value("SELECT count(*) FROM task") == 0


async def test_the_journal_tells_a_rehearsal_from_the_real_thing(practice: Profile) -> None:
    await make_rehearsal(practice)
    going = await claimed(practice)
    await settle(
        [Settlement(one.id, one.attempts, Outcome.SENT, LATER) for one in going], practice=practice.id, now=LATER
    )
    told = await fetch_value(
        "SELECT count(*) FROM journal WHERE event = 'message_sent' AND data ->> 'rehearsal' = 'true'"
    )
    assert told == len(going) == 4


async def test_an_answer_of_stop_holds_for_a_rehearsal_too(practice: Profile) -> None:
    await make_rehearsal(practice)
    async with transaction():
        await opt_out(
            practice=practice.id, channel=Channel.SMS, address=vault().index(STAFF_PHONE, kind="phone"),
            source="sms", actor="gateway", now=LATER, insist=True,
        )  # fmt: skip
    assert await claimed(practice, Channel.SMS) == []
    assert len(await claimed(practice)) == 4
    stopped = [row for row in await rehearsed_rows() if row["channel"] == "sms"]
    assert {(row["status"], row["reason"]) for row in stopped} == {("cancelled", "channel_opt_out")}


async def test_rehearsals_are_never_counted(practice: Profile) -> None:
    before = await status(practice.id, now=f.MONDAY)
    await make_rehearsal(practice)
    going = await claimed(practice)
    failed = [Settlement(one.id, one.attempts, Outcome.FAILED, LATER, code="x") for one in going]
    await settle(failed, practice=practice.id, now=LATER)
    assert await status(practice.id, now=LATER + timedelta(hours=1)) == before


async def test_stopping_cancels_what_has_not_left_and_nothing_else(practice: Profile) -> None:
    other = await make_rehearsal(practice)
    ref = await make_rehearsal(practice)
    absence = await f.make_absence(practice)
    assert await stop_rehearsal(ref, practice=practice.id, actor="staff:x", now=LATER) == 9
    assert await stop_rehearsal(ref, practice=practice.id, actor="staff:x", now=LATER) == 0
    stopped = [row for row in await rehearsed_rows() if row["status"] == DeliveryStatus.CANCELLED]
    assert {row["reason"] for row in stopped} == {"by_hand"}
    assert len(stopped) == 9
    assert {row["status"] for row in await f.deliveries_of(absence.patient_key)} == {"planned"}
    assert await stop_rehearsal(other, practice=practice.id, actor="staff:x", now=LATER) == 9
    with pytest.raises(NotFound):
        await stop_rehearsal("nothing", practice=practice.id, actor="staff:x", now=LATER)
