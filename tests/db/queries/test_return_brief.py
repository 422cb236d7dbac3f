"""What a practitioner learns of a follow-up before the patient comes back."""

import json
from dataclasses import fields
from typing import Any

import pytest

from db.changes.intake import record_appointments
from db.engine import fetch, fetch_value
from db.queries.practices import Profile
from db.queries.return_brief import ReturnBrief, return_brief
from db.states import AppointmentStatus, CallOutcome, TaskKind, TaskStatus
from tests import factories as f
from tests.patient_files import a_full_file, add_task, rebooked

ADDRESS = "https://logiciel.example/patients/{number}"


async def brief_of(practice: Profile, appointment: int) -> ReturnBrief:
    found = await return_brief(practice.id, appointment)
    assert found is not None
    return found


async def set_address(template: str) -> None:
    await fetch("UPDATE practice SET settings = settings || $1::jsonb", json.dumps({"record_url": template}))


async def test_it_tells_what_was_missed_sent_done_and_booked(practice: Profile) -> None:
    await a_full_file(practice)
    brief = await brief_of(practice, await rebooked("P1"))
    assert (brief.number, brief.practitioner) == ("P1", "Maxime Lefèvre")
    assert (brief.missed_on.isoformat(), brief.missed_at) == ("2026-11-16", f.MISSED_AT)
    assert brief.booked_at is not None
    assert brief.booked_on == brief.booked_at.astimezone(f.PARIS).date()
    assert [(one.message, one.channel, one.status) for one in brief.messages] == [
        ("first", "sms", "sent"),
        ("first", "email", "sent"),
    ]
    steps = {one.kind: one for one in brief.steps}
    assert set(steps) == {"call", "barrier", "reply"}
    assert (steps["call"].at, steps["call"].outcome) == (f.local(17, 9, 20), CallOutcome.REACHED_WILL_BOOK)
    assert brief.barriers == ("transport",)


async def test_what_was_planned_or_cancelled_or_tells_of_health_is_left_out(practice: Profile) -> None:
    await a_full_file(practice)
    for kind in TaskKind:
        await add_task("P1", kind, TaskStatus.CANCELLED)
    for kind in (TaskKind.EMERGENCY, TaskKind.HIGH_RISK_CANCELLED, TaskKind.HIGH_RISK_NOT_ENROLLED):
        await add_task("P1", kind, TaskStatus.DONE, closed_at=f.local(17, 10))
    brief = await brief_of(practice, await rebooked("P1"))
    assert {one.kind for one in brief.steps} == {"call", "barrier", "reply"}


def test_it_has_no_place_for_a_name_a_reason_or_a_text() -> None:
    assert {field.name for field in fields(ReturnBrief)} == {
        "number",
        "record_url",
        "practitioner",
        "booked_on",
        "booked_at",
        "missed_on",
        "missed_at",
        "messages",
        "steps",
        "barriers",
    }


@pytest.mark.parametrize(
    ("key", "template", "expected"),
    [
        ("P1", "", ""),
        ("P1", ADDRESS, "https://logiciel.example/patients/P1"),
        ("a/../b?c=é #1", ADDRESS, "https://logiciel.example/patients/a%2F..%2Fb%3Fc%3D%C3%A9%20%231"),
        ("P1", "https://logiciel.example/?p={number}&q={number}", "https://logiciel.example/?p=P1&q=P1"),
        ("P1", "javascript:alert({number})", ""),
        ("h:0123456789abcdef", ADDRESS, ""),
    ],
)
async def test_the_address_leads_to_the_file_that_the_practice_s_software_knows(
    practice: Profile, key: str, template: str, expected: str
) -> None:
    await set_address(template)
    await f.make_absence(practice, patient_key=key)
    brief = await brief_of(practice, await rebooked(key))
    assert brief.record_url == expected
    assert not brief.number.startswith("h:")


async def test_an_appointment_made_by_telephone_has_its_brief_too(practice: Profile) -> None:
    await a_full_file(practice)
    ahead = f.row(patient_key="P1", status=AppointmentStatus.BOOKED, starts_at=f.local(20, 14))
    await record_appointments([ahead], practice=practice, known=frozenset(), now=f.local(17, 15))
    brief = await brief_of(practice, await fetch_value("SELECT max(id) FROM appointment"))
    assert brief.booked_at == f.local(20, 14)
    assert brief.missed_at == f.MISSED_AT


async def test_the_latest_follow_up_counts_and_not_the_one_before(practice: Profile) -> None:
    await a_full_file(practice)
    await f.make_absence(practice, patient_key="P1", starts_at=f.local(18, 10), now=f.local(18, 10, 10))
    brief = await brief_of(practice, await rebooked_at("P1"))
    assert brief.missed_at == f.local(18, 10)
    assert brief.messages == ()
    assert brief.barriers == ()


async def rebooked_at(key: str) -> int:
    await fetch("UPDATE appointment SET updated_at = $1 WHERE id = $2", f.local(18, 12), made := await rebooked(key))
    return made


async def test_a_later_follow_up_does_not_change_what_was_known(practice: Profile) -> None:
    await a_full_file(practice)
    appointment = await rebooked("P1")
    before = await return_brief(practice.id, appointment)
    starts_at: Any = await fetch_value("SELECT starts_at FROM appointment WHERE id = $1", appointment)
    await fetch("UPDATE appointment SET status = 'cancelled' WHERE id = $1", appointment)
    await f.make_absence(practice, patient_key="P1", starts_at=starts_at, now=starts_at)
    assert await return_brief(practice.id, appointment) == before


async def test_without_a_follow_up_there_is_no_brief(practice: Profile) -> None:
    await f.intake([f.row(patient_key="P1", status=AppointmentStatus.BOOKED, starts_at=f.local(20, 14))], practice)
    appointment = await fetch_value("SELECT id FROM appointment")
    assert await return_brief(practice.id, appointment) is None
    assert await return_brief(practice.id, 404) is None
    assert await return_brief(practice.id + 1, appointment) is None
