import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.clock import clock
from db.engine import fetch, fetch_value
from db.queries.practices import only_practice
from db.states import AppointmentStatus
from tests import factories
from tests.factories import PARIS
from tests.portal.checker import check_page, main_text, said
from tests.portal.conftest import FORM, Site, everything


async def bookings() -> int:
    found: int = await fetch_value("SELECT count(*) FROM appointment WHERE source = 'reprise' AND status = 'booked'")
    return found


async def test_the_page_shows_what_it_may_and_nothing_else(site: Site, token: str) -> None:
    tree = await site.page(f"/r/{token}")
    text = said(tree)
    for expected in (
        "Les Tilleuls",
        "Choisissez le moment qui vous convient",
        "Avec Maxime Lefèvre",
        "50 minutes",
        "24 heures à l’avance",
        "01 42 00 00 00",
        "Demander un appel",
        "Quelque chose rend votre venue difficile",
        "Ne plus recevoir de messages",
        "112",
        "3114",
    ):
        assert expected in text
    assert {link.get("href") for link in tree.iter("a")} >= {"tel:+33142000000", "tel:15", "sms:114", "tel:3114"}


async def test_slots_stand_by_day_in_the_zone_of_the_practice(site: Site, token: str) -> None:
    tree = await site.page(f"/r/{token}")
    days = {said(day[0]): [said(button) for button in day.iter("button")] for day in tree.iter("fieldset")}
    assert days["Mardi 17 novembre"] == ["11:00", "14:00", "15:00", "16:00", "17:00"]
    assert days["Mardi 1er décembre"][0] == "09:00"
    assert [said(week) for week in tree.iter("h2")][:2] == ["Semaine du 16 novembre", "Semaine du 23 novembre"]


async def test_each_button_carries_the_start_that_it_shows(site: Site, token: str) -> None:
    tree = await site.page(f"/r/{token}")
    buttons = [button for button in tree.iter("button") if button.get("name") == "slot"]
    assert len(buttons) > 100
    for button in buttons:
        assert re.fullmatch(r"2026-1[12]-\d\dT\d\d:\d\dZ", button.attrib["value"])
        assert f"{datetime.fromisoformat(button.attrib['value']).astimezone(PARIS):%H:%M}" == said(button)
    last = datetime.fromisoformat(buttons[-1].attrib["value"])
    assert timedelta(days=26) < last - factories.MONDAY <= timedelta(days=29)


async def test_only_the_first_weeks_are_open_until_touched(site: Site, token: str) -> None:
    weeks = [week for week in (await site.page(f"/r/{token}")).iter("details") if list(week.iter("fieldset"))]
    assert ["open" in week.attrib for week in weeks] == [True, False, False, False, False]


async def test_choosing_shows_what_would_be_booked_and_changes_nothing(site: Site, token: str) -> None:
    before = await everything()
    answer = await site.post(f"/r/{token}/choose", {"slot": "2026-11-18T09:00Z"})
    assert answer.status_code == 200
    text = main_text(check_page(answer, site.app))
    assert "mercredi 18 novembre à 10:00" in text
    assert "Avec Maxime Lefèvre" in text
    assert await everything() == before


async def test_booking_leads_back_to_a_page_that_says_so(site: Site, token: str) -> None:
    answer = await site.post(f"/r/{token}/book", {"slot": "2026-11-18T09:00Z"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}")
    tree = await site.page(f"/r/{token}")
    text = main_text(tree)
    assert "Votre rendez-vous est réservé" in text
    assert "mercredi 18 novembre à 10:00" in text
    assert "4 rue des Tilleuls" in text
    targets = [link.get("href") for link in tree.iter("a")]
    assert targets.index(f"/r/{token}/move") < targets.index(f"/r/{token}/cancel")
    assert f"/r/{token}/appointment.ics" in targets
    assert not list(tree.iter("fieldset"))


async def test_booking_twice_is_harmless(site: Site, token: str) -> None:
    for slot in ("2026-11-18T09:00Z", "2026-11-18T09:00Z", "2026-11-19T09:00Z"):
        assert (await site.post(f"/r/{token}/book", {"slot": slot})).status_code == 303
    assert await bookings() == 1
    assert "mercredi 18 novembre" in main_text(await site.page(f"/r/{token}"))


async def test_choosing_after_booking_leads_to_the_booking(site: Site, token: str) -> None:
    await site.book_first(token)
    answer = await site.post(f"/r/{token}/choose", {"slot": "2026-11-19T09:00Z"})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}")


async def test_the_loser_of_a_race_sees_the_other_slots_and_a_kind_word(site: Site) -> None:
    practice = await factories.make_practice()
    clock.move_to(factories.MONDAY)
    tokens = [await factories.make_link(practice) for _ in range(200)]
    form = {"slot": "2026-11-18T09:00Z"}
    answers = await asyncio.gather(*(site.client.post(f"/r/{token}/book", data=form, headers=FORM) for token in tokens))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 199
    loser = check_page(next(answer for answer in answers if answer.status_code == 409), site.app)
    assert "Cet horaire vient d’être pris" in main_text(loser)
    offered = [button.get("value") for button in loser.iter("button")]
    assert "2026-11-18T09:00Z" not in offered
    assert "2026-11-18T10:00Z" in offered
    assert await bookings() == 1


async def test_choosing_what_has_just_been_taken_says_so_too(site: Site, token: str) -> None:
    practice = await only_practice()
    await site.post(f"/r/{await factories.make_link(practice)}/book", {"slot": "2026-11-18T09:00Z"})
    answer = await site.post(f"/r/{token}/choose", {"slot": "2026-11-18T09:00Z"})
    assert answer.status_code == 409


@pytest.mark.parametrize(
    "slot",
    [
        "",
        "x",
        "2026-11-18",
        "2026-11-18T09:00",
        "2026-13-45T99:99Z",
        "0001-01-01T00:00+23:59",
        "9" * 5000,
        "\0",
        "é",
        "<b>",
    ],
)
@pytest.mark.parametrize("place", ["choose", "book"])
async def test_a_slot_that_cannot_be_read_gets_the_slots_again(site: Site, token: str, slot: str, place: str) -> None:
    answer = await site.post(f"/r/{token}/{place}", {"slot": slot})
    assert answer.status_code in (400, 409)
    assert len(list(check_page(answer, site.app).iter("fieldset"))) > 10
    assert await bookings() == 0


@pytest.mark.parametrize("slot", ["2026-11-18T09:01Z", "2026-11-15T09:00Z", "2027-11-18T09:00Z", "1970-01-01T00:00Z"])
async def test_a_slot_that_was_never_offered_is_not_booked(site: Site, token: str, slot: str) -> None:
    answer = await site.post(f"/r/{token}/book", {"slot": slot})
    assert answer.status_code == 409
    assert await bookings() == 0


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", None, 400),
        (b"slot=2026-11-18T09:00Z", "text/plain", 415),
        (b'{"slot": "2026-11-18T09:00Z"}', "application/json", 415),
        (b"--x\r\n", "multipart/form-data; boundary=x", 415),
        (b"\xff\xfe", "application/x-www-form-urlencoded", 400),
        (b"slot=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"a=1" for _ in range(50)), "application/x-www-form-urlencoded", 400),
        (b"slot=2026-11-18T09:00Z&slot=2026-11-18T10:00Z", "application/x-www-form-urlencoded", 400),
        (b"a" * 20_000, "application/x-www-form-urlencoded", 413),
    ],
)
async def test_what_no_form_of_ours_sends_gets_a_calm_page(
    site: Site, token: str, content: bytes, kind: str | None, status: int
) -> None:
    headers = FORM | ({"content-type": kind} if kind else {})
    answer = site.checked(await site.client.post(f"/r/{token}/book", content=content, headers=headers))
    assert answer.status_code == status
    assert await bookings() == 0


async def test_with_no_open_slot_the_page_gives_the_telephone(site: Site, token: str) -> None:
    practice = await only_practice()
    await fetch(
        "INSERT INTO closure (practice, starts_on, ends_on) VALUES ($1, '2026-11-01', '2027-02-01')", practice.id
    )
    tree = await site.page(f"/r/{token}")
    assert "Trouvons un moment ensemble" in main_text(tree)
    assert "01 42 00 00 00" in main_text(tree)
    assert not list(tree.iter("fieldset"))


@pytest.mark.parametrize("place", ["choose", "book", "call", "barrier"])
async def test_a_telephone_that_wakes_up_on_a_forms_page_finds_the_way_back(site: Site, token: str, place: str) -> None:
    answer = await site.get(f"/r/{token}/{place}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}")


@pytest.mark.parametrize(
    ("language", "code", "heading", "day"),
    [
        ("en", "en", "Choose the time that suits you", "Tuesday 17 November"),
        ("en-GB", "en", "Choose the time that suits you", "Tuesday 17 November"),
        ("fr", "fr", "Choisissez le moment qui vous convient", "Mardi 17 novembre"),
        ("pt", "fr", "Choisissez le moment qui vous convient", "Mardi 17 novembre"),
    ],
)
async def test_the_page_speaks_the_patients_language(
    site: Site, language: str, code: str, heading: str, day: str
) -> None:
    practice = await factories.make_practice()
    clock.move_to(factories.MONDAY)
    token = await factories.make_link(practice, language=language)
    tree = await site.page(f"/r/{token}")
    assert tree.get("lang") == code
    assert heading in main_text(tree)
    assert said(next(tree.iter("legend"))) == day
    await site.book_first(token)
    await site.page(f"/r/{token}")


@pytest.mark.parametrize(
    ("country", "numbers"),
    [("FR", {"15", "112", "114", "3114"}), ("CH", {"144", "112", "143", "147"}), ("BE", {"112", "080032123"})],
)
async def test_the_emergency_numbers_are_those_of_the_country(site: Site, country: str, numbers: set[str]) -> None:
    practice = await factories.make_practice(country=country, phone="+41223456789")
    clock.move_to(factories.MONDAY)
    tree = await site.page(f"/r/{await factories.make_link(practice)}")
    (footer,) = tree.iter("footer")
    assert {link.attrib["href"].partition(":")[2] for link in footer.iter("a")} == numbers


async def test_an_appointment_made_by_telephone_is_shown_but_changed_by_telephone(site: Site, token: str) -> None:
    practice = await only_practice()
    key = await fetch_value("SELECT key FROM patient")
    told = factories.row(
        patient_key=key, starts_at=factories.local(19, 11), status=AppointmentStatus.BOOKED, phone_given=False
    )
    await factories.intake([told], practice, known=frozenset())
    tree = await site.page(f"/r/{token}")
    assert "jeudi 19 novembre à 11:00" in main_text(tree)
    assert "appelez-nous" in main_text(tree)
    assert not {f"/r/{token}/move", f"/r/{token}/cancel"} & {link.get("href") for link in tree.iter("a")}
    for place in ("move", "cancel"):
        assert (await site.get(f"/r/{token}/{place}")).headers["location"] == f"/r/{token}"
        assert (await site.post(f"/r/{token}/{place}", {"slot": "2026-11-18T09:00Z"})).status_code == 303
    assert (await site.get(f"/r/{token}/appointment.ics")).status_code == 200


async def test_htmx_gets_the_part_that_the_page_includes(site: Site, token: str) -> None:
    whole = (await site.get(f"/r/{token}")).text
    part: Any = await site.client.get(f"/r/{token}", headers={"hx-request": "true"})
    assert part.text.startswith("<article>")
    assert part.text.replace(" autofocus", "") in whole
    assert part.text.count(" autofocus") == 1
    assert "HX-Request" in part.headers["vary"]
