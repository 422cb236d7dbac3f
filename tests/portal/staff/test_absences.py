"""The day over HTTP: what is said of an appointment and taken back, by whom, and every refusal."""

import html
from dataclasses import replace
from datetime import timedelta

import pytest

from db.changes.bookings import book
from db.changes.enrolments import stop_by_staff
from db.changes.practices import save_practice
from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import Profile, all_practices
from db.rules.intake_row import IntakeRow
from db.states import AppointmentStatus, Role
from tests import factories as f
from tests.db.changes.acts import FIRST_DUE, send, sequence, slots_of
from tests.portal.checker import said
from tests.portal.staff.conftest import StaffClient
from tests.portal.staff.desk import Desk

TODAY = "/staff/absences"
DAY = "/staff/absences/2026-11-16"
BOOKED = AppointmentStatus.BOOKED
NASTY = "<script>alert('é')</script>\"'><img src=x>"


async def expected(practice: Profile, **changes: object) -> tuple[IntakeRow, str]:
    row = f.row(**{"status": BOOKED, **changes})
    await f.intake([row], practice)
    ref: str = await fetch_value("SELECT ref FROM appointment WHERE key = $1", f"n:{row.appointment_key}")
    return row, ref


async def tell(desk: Desk, ref: str, said_: str, day: str = DAY) -> str:
    """Say it, and go where the answer leads: what the page says first."""
    answer = await desk.post(f"{day}/{ref}", {"said": said_})
    assert answer.status_code == 303
    where = answer.headers["location"]
    assert where.startswith(f"{day}?notice=absence_") or "notice=day_unread" in where
    assert f"&at={ref}#" in where
    assert where.endswith(f"#a-{ref}")
    return await seen(desk, where)


async def seen(desk: Desk, path: str = TODAY) -> str:
    return " ".join(html.unescape(said(await desk.page(path.partition("#")[0]))).split())


async def status(ref: str) -> str:
    found: str = await fetch_value("SELECT status FROM appointment WHERE ref = $1", ref)
    return found


async def test_day_shows_who_was_expected_by_practitioner_and_time(
    staff_client: StaffClient, practice: Profile
) -> None:
    await expected(practice, practitioner="Sasha Dubois", starts_at=f.local(16, 9), first_name="Noa", last_name="Roy")
    await expected(practice, starts_at=f.local(16, 15), first_name="Sam", last_name="Petit")
    await expected(practice, starts_at=f.local(17, 15), first_name="Demain", last_name="Seulement")
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk)
    assert "Lundi 16 novembre 2026" in text
    assert text.index("Maxime Lefèvre") < text.index("15:00 Sam Petit") < text.index("Sasha Dubois")
    await expected(practice, practitioner="Élise Marchand")
    text = await seen(desk)
    assert text.index("Élise Marchand") < text.index("Maxime Lefèvre")
    assert "09:00 Noa Roy" in text
    assert "Demain" not in text
    assert "15:00 Demain Seulement" in await seen(desk, "/staff/absences/2026-11-17")


async def test_absence_is_marked_and_withdrawn_without_a_trace(staff_client: StaffClient, practice: Profile) -> None:
    row, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    text = await tell(desk, ref, "absent")
    assert "L’absence est notée." in text
    assert "Premier message à 10:40. Retirée d’ici là, l’absence ne laisse aucune trace" in text
    text = await tell(desk, ref, "withdrawn")
    assert "L’absence a été retirée. Aucun message n’était parti." in text
    assert await status(ref) == "booked"
    assert await sequence(row.patient_key) == ("stopped", "no_show_withdrawn")
    actors = {one["actor"] for one in await fetch("SELECT actor FROM journal WHERE event = 'absence_marked'")}
    camille = await fetch_value("SELECT ref FROM staff WHERE role = 'front_desk'")
    assert actors == {f"staff:{camille}"}


async def test_whoever_receives_patients_finds_their_own_first(staff_client: StaffClient, practice: Profile) -> None:
    await expected(practice, practitioner="Ada Arnaud")
    await expected(practice, practitioner="Sasha Dubois")
    desk = await staff_client(Role.PRACTITIONER)
    assert (text := await seen(desk)).index("Ada Arnaud") < text.index("Sasha Dubois")
    mine = "SELECT id FROM staff WHERE role = 'practitioner' ORDER BY id LIMIT 1"
    await fetch(f"UPDATE practitioner SET staff = ({mine}) WHERE name = 'Sasha Dubois'")
    assert (text := await seen(desk)).index("Sasha Dubois") < text.index("Ada Arnaud")


async def test_line_that_was_pressed_says_what_came_of_it(staff_client: StaffClient, practice: Profile) -> None:
    """Above the day it would move the lines under a hand that is about to press again."""
    _, ref = await expected(practice)
    _, other = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(DAY)
    answer = await desk.post(f"{DAY}/{ref}", {"said": "absent"})
    tree = await desk.page(answer.headers["location"].partition("#")[0])
    lines = {one.get("id"): one for one in tree.iter("li") if (one.get("id") or "").startswith("a-")}
    (status_line,) = [one for one in tree.iter("p") if one.get("role") == "status"]
    assert status_line in list(lines[f"a-{ref}"].iter())
    assert status_line not in list(lines[f"a-{other}"].iter())
    assert status_line.get("autofocus") is not None
    assert [one.get("data-hx-replace-url") for one in tree.iter("div") if one.get("id") == "day"] == [DAY]
    assert "L’absence est notée." in await seen(desk, f"{DAY}?notice=absence_absent&at=somebody")


async def test_cancellation_is_late_only_within_the_practice_s_notice(
    staff_client: StaffClient, practice: Profile
) -> None:
    await expected(practice, starts_at=f.local(17, 9), first_name="Demain")
    await expected(practice, starts_at=f.local(17, 18), first_name="Soir")
    desk = await staff_client(Role.FRONT_DESK)
    text = await seen(desk, "/staff/absences/2026-11-17")
    assert "Noter une annulation tardive : Demain Martin" in text
    assert "Noter une annulation : Soir Martin" in text
    assert "Noter une absence" not in text


async def test_page_says_how_far_the_follow_up_is(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.CARE_COORDINATOR)
    await tell(desk, ref, "absent")
    clock.move_to(FIRST_DUE + timedelta(minutes=5))
    await send(practice, FIRST_DUE + timedelta(minutes=5))
    assert "Parcours de relance en cours : 2 messages sont partis." in await seen(desk)
    assert "2 messages étaient déjà partis" in await tell(desk, ref, "attended")
    assert await status(ref) == "attended"


async def test_absence_withdrawn_after_its_follow_up_ended_says_what_had_left(
    staff_client: StaffClient, practice: Profile
) -> None:
    row, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await tell(desk, ref, "absent")
    clock.move_to(FIRST_DUE + timedelta(minutes=5))
    await send(practice, FIRST_DUE + timedelta(minutes=5))
    running = (await f.enrolment_of(row.patient_key))["ref"]
    await stop_by_staff(running, practice=practice.id, actor="staff:x", now=FIRST_DUE + timedelta(minutes=6))
    assert "Parcours de relance terminé : arrêté par l’équipe." in await seen(desk, DAY)
    assert "L’absence a été retirée. 2 messages étaient déjà partis." in await tell(desk, ref, "withdrawn")


@pytest.mark.parametrize(
    ("told", "notice", "becomes"),
    [
        ("not_brought", "l’équipe prendra contact", "was_not_brought"),
        ("cancelled", "L’annulation est notée.", "cancelled"),
    ],
)
async def test_other_words_of_an_appointment(
    staff_client: StaffClient, practice: Profile, told: str, notice: str, becomes: str
) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.PRACTITIONER)
    assert notice in await tell(desk, ref, told)
    assert await status(ref) == becomes
    assert "rien n’a changé" in await tell(desk, ref, told)
    assert await fetch_value("SELECT count(*) FROM enrolment") == 0


async def test_cancellation_by_a_click_is_taken_back(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await tell(desk, ref, "cancelled")
    assert "Le rendez-vous est rétabli." in await tell(desk, ref, "restored")
    assert await status(ref) == "booked"


async def test_reason_of_an_absence_without_follow_up_is_said(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice, phone=None, phone_kind=None, email=None)
    desk = await staff_client(Role.FRONT_DESK)
    text = await tell(desk, ref, "absent")
    assert "Pas de parcours de relance : ni numéro de mobile ni adresse e-mail utilisables." in text
    assert "Voir ce qui reste à faire" in text


async def test_refusals_are_kind_and_change_nothing(staff_client: StaffClient, practice: Profile) -> None:
    missed = await f.make_absence(practice, starts_at=f.local(16, 9))
    (link, *_) = await f.link_ids(missed.patient_key)
    (first, *_) = await slots_of(link, f.MONDAY)
    online = await book(link, starts_at=first, now=f.MONDAY)
    _, ahead = await expected(practice, starts_at=f.local(16, 17))
    _, cancelled = await expected(practice, status=AppointmentStatus.CANCELLED)
    desk = await staff_client(Role.FRONT_DESK)
    assert "n’a pas encore commencé" in await tell(desk, ahead, "absent")
    assert "a changé entre-temps" in await tell(desk, cancelled, "absent")
    clock.move_to(first + timedelta(minutes=5))
    desk = await staff_client(Role.CARE_COORDINATOR)
    assert "Pris en ligne." in await tell(desk, online, "absent", f"/staff/absences/{first.date()}")
    assert [await status(one) for one in (ahead, cancelled, online)] == ["booked", "cancelled", "no_show"]


async def test_what_cannot_be_read_changes_nothing(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    assert "n’a pas pu être lu" in await tell(desk, ref, "everything")
    for day in ("2026-02-30", "tomorrow", "0001-01-01", "9999-12-31"):
        assert (await desk.get(f"{TODAY}/{day}")).status_code == 404
        assert (await desk.post(f"{TODAY}/{day}/{ref}", {"said": "absent"})).status_code == 404
        assert (await desk.get(TODAY, params={"day": day})).headers["location"] == f"{TODAY}?notice=day_unread"
    assert (await desk.get(TODAY, params={"day": "2026-11-17"})).headers["location"] == f"{TODAY}/2026-11-17"
    odd = await desk.post(f"{DAY}/x%0d%0aset-cookie:a=b", {"said": "everything"})
    assert "a=b" not in odd.headers.get("set-cookie", "")
    assert await status(ref) == "booked"


async def test_appointment_of_another_practice_is_not_there(staff_client: StaffClient, practice: Profile) -> None:
    await save_practice(replace(f.new_practice(staff=f.EVERY_ROLE), key="chenes"), now=f.MONDAY)
    other = next(one for one in await all_practices() if one.key == "chenes")
    row, ref = await expected(other, first_name="Ailleurs")
    desk = await staff_client(Role.ADMIN)
    assert "Ailleurs" not in await seen(desk)
    for told in ("absent", "not_brought", "cancelled", "withdrawn", "attended", "restored"):
        assert (await desk.post(f"{DAY}/{ref}", {"said": told})).status_code == 404
    assert await status(ref) == "booked"
    assert await f.enrolment_of(row.patient_key) is None


async def test_form_without_its_token_is_refused(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    assert (await desk.post(f"{DAY}/{ref}", {"said": "absent"}, csrf=False)).status_code == 403
    assert await status(ref) == "booked"


async def test_names_are_shown_as_they_are_written(staff_client: StaffClient, practice: Profile) -> None:
    await expected(practice, first_name=NASTY, last_name=NASTY, practitioner=NASTY, patient_key=NASTY)
    desk = await staff_client(Role.FRONT_DESK)
    answer = await desk.get(TODAY)
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert NASTY in html.unescape(answer.text)


async def test_whoever_saw_a_day_stands_in_the_security_log(staff_client: StaffClient, practice: Profile) -> None:
    await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(DAY)
    (row,) = await fetch("SELECT actor, data::text AS data FROM security_log WHERE event = 'looked_up'")
    assert row["actor"].startswith("staff:")
    assert row["data"] == '{"agenda": "2026-11-16", "patients": 1}'


async def test_whoever_uses_script_gets_the_same_page(staff_client: StaffClient, practice: Profile) -> None:
    _, ref = await expected(practice)
    desk = await staff_client(Role.FRONT_DESK)
    await desk.get(TODAY)
    answer = await desk.swap(f"{DAY}/{ref}", {"said": "absent"})
    assert answer.status_code == 303
    shown = await desk.swap(answer.headers["location"].partition("#")[0])
    assert '<main id="main"' in shown.text
    assert "L’absence est notée." in shown.text
