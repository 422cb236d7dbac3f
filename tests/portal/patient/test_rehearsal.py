"""Clicking through all that a rehearsal's link leads to: the patient's next page each time, and not one change."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from xml.etree.ElementTree import Element

import pytest

from db.changes.bookings import book
from db.clock import clock
from db.errors import NotFound
from db.queries.practices import Profile
from db.queries.rehearsals import LINK_LIFE
from db.tokens import links
from portal.patient.pretence import NOTHING_DONE, Pretence, read_pretence
from tests import factories as f
from tests.architecture.source import modules
from tests.portal.checker import check_page, main_text, said
from tests.portal.conftest import Site, everything
from tests.rehearsals import make_rehearsal, rehearsed_rows

BANNER = {"fr": "Répétition", "en": "Rehearsal"}


@dataclass(frozen=True)
class Given:
    """Links of a rehearsal in each language, and one of a patient."""

    rehearsal: dict[str, str]
    patient: str


@pytest.fixture
async def given(practice: Profile) -> Given:
    clock.move_to(f.MONDAY)
    patient = await f.make_link(practice)
    tokens: dict[str, str] = {}
    for language in BANNER:
        await make_rehearsal(practice, language=language)
        newest = max(row["id"] for row in await rehearsed_rows() if row["link_id"])
        tokens[language] = links().sign(next(row["link_id"] for row in await rehearsed_rows() if row["id"] == newest))
    return Given(tokens, patient)


@pytest.fixture
def token(given: Given) -> str:
    return given.rehearsal["fr"]


@pytest.fixture(autouse=True)
async def nothing_changes(given: Given) -> AsyncIterator[None]:
    before = await everything()
    yield
    assert await everything() == before


def banner(tree: Element) -> str:
    return next((said(one) for one in tree.iter("p") if one.get("class") == "rehearsal"), "")


def base(tree: Element) -> str:
    """Where the forms of a page lead."""
    return next(form.attrib["action"] for form in tree.iter("form")).rpartition("/")[0]


async def first_slot(site: Site, path: str) -> str:
    tree = await site.page(path)
    return next(button.attrib["value"] for button in tree.iter("button") if button.get("name") == "slot")


async def follow(site: Site, path: str, data: dict[str, str] | None = None) -> str:
    """Post, and the address of the page that answers."""
    answer = await site.post(path, data or {})
    assert answer.status_code == 303
    place: str = answer.headers["location"]
    assert (await site.get(place)).status_code == 200
    return place


async def booked(site: Site, token: str) -> str:
    tree = await site.page(f"/r/{token}")
    slot = await first_slot(site, f"/r/{token}")
    asked = await site.post(f"{base(tree)}/choose", {"slot": slot})
    assert asked.status_code == 200
    return await follow(site, f"{base(tree)}/book", {"slot": slot})


@pytest.mark.parametrize("language", BANNER)
async def test_the_link_shows_the_practices_open_times_under_a_mark(site: Site, given: Given, language: str) -> None:
    tree = await site.page(f"/r/{given.rehearsal[language]}")
    assert BANNER[language] in banner(tree)
    assert tree.get("lang") == language
    assert await site.offered(given.rehearsal[language]) == await site.offered(given.patient)
    assert "Maxime Lefèvre" in main_text(tree)


async def test_every_page_bears_the_mark(site: Site, token: str) -> None:
    place = await booked(site, token)
    for path in ("", "/move", "/cancel", "/stop"):
        assert banner(await site.page(place + path))
    for path in (f"/r/{token}/stop", f"/u/{token}"):
        assert banner(await site.page(path))


async def test_a_patients_page_bears_none(site: Site, given: Given) -> None:
    assert not banner(await site.page(f"/r/{given.patient}"))
    assert not banner(await site.page("/r/" + "0" * 25))


async def test_book_confirm_move_and_cancel_lead_where_a_patient_is_led(site: Site, token: str) -> None:
    place = await booked(site, token)
    assert "Votre rendez-vous est réservé" in main_text(await site.page(place))
    place = await follow(site, f"{place}/confirm")
    assert "Votre venue est confirmée" in main_text(await site.page(place))
    slot = await first_slot(site, f"{place}/move")
    asked = await site.post(f"{place}/move", {"slot": slot})
    assert "Ce nouvel horaire vous convient" in main_text(check_page(asked, site.app))
    place = await follow(site, f"{place}/move", {"slot": slot, "confirm": "yes"})
    assert "Votre rendez-vous est réservé" in main_text(await site.page(place))
    place = await follow(site, f"{place}/cancel")
    assert "Votre rendez-vous est annulé" in main_text(await site.page(place))
    assert await first_slot(site, place)


async def test_asking_for_a_call_and_naming_a_barrier_are_thanked_for(site: Site, token: str) -> None:
    start = base(await site.page(f"/r/{token}"))
    place = await follow(site, f"{start}/call")
    assert "C’est noté" in main_text(await site.page(place))
    for name in ("hours", "transport", "cost", "other"):
        place = await follow(site, f"{start}/barrier", {"barrier": name})
        assert "Merci de nous l’avoir dit" in main_text(await site.page(place))
    assert (await site.post(f"{start}/barrier", {"barrier": "?"})).status_code == 400


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        ("sms", "Vous ne recevez plus de SMS"),
        ("email", "Vous ne recevez plus d’e-mails"),
        ("both", "Nous ne vous enverrons plus de messages"),
    ],
)
async def test_opting_out_says_that_it_is_done(site: Site, token: str, choice: str, says: str) -> None:
    start = base(await site.page(f"/r/{token}"))
    place = await follow(site, f"{start}/stop", {"channel": choice})
    assert says in main_text(await site.page(place))


async def test_one_click_answers_as_the_standard_wants(site: Site, token: str) -> None:
    for _ in range(2):
        answer = await site.client.post(f"/u/{token}", content="List-Unsubscribe=One-Click")
        assert answer.status_code == 200
        assert "location" not in answer.headers
        assert "Vous ne recevez plus d’e-mails" in main_text(check_page(answer, site.app))


async def test_the_calendar_file_says_what_it_is(site: Site, token: str) -> None:
    place = await booked(site, token)
    file = (await site.client.get(f"{place}/appointment.ics")).text
    assert "BEGIN:VEVENT" in file
    assert "[Répétition]" in file


async def test_a_walk_over_every_form_and_link_changes_nothing(site: Site, token: str) -> None:
    """Each page's own forms, with each of their buttons, as deep as they go."""
    seen: set[str] = set()
    waiting = [f"/r/{token}", f"/u/{token}"]
    while waiting and len(seen) < 120:
        path = waiting.pop(0)
        kind = re.sub(r"b\d{12}", "b", path)
        if kind in seen:
            continue
        seen.add(kind)
        answer = await site.client.get(path)
        if answer.status_code == 303:
            waiting.append(answer.headers["location"])
            continue
        if not answer.headers["content-type"].startswith("text/html"):
            continue
        tree = check_page(answer, site.app)
        assert banner(tree), path
        waiting += [a.attrib["href"] for a in tree.iter("a") if a.attrib["href"].startswith("/")]
        for form in tree.iter("form"):
            waiting += await submitted(site, form)
    assert {place.rpartition("/")[2] for place in seen} >= {
        "move",
        "cancel",
        "stop",
        "appointment.ics",
        "0",
        "x",
        "b",
        "bc",
    }


async def submitted(site: Site, form: Element) -> list[str]:
    """One press on up to three of its buttons; where each leads."""
    led: list[str] = []
    hidden = {one.attrib["name"]: one.attrib["value"] for one in form.iter("input")}
    for button in list(form.iter("button"))[:3]:
        fields = hidden | ({button.attrib["name"]: button.attrib["value"]} if button.get("name") else {})
        answer = await site.post(form.attrib["action"], fields)
        if answer.status_code == 303:
            led.append(answer.headers["location"])
        else:
            tree = check_page(answer, site.app)
            for inner in tree.iter("form"):
                if inner.attrib["action"] != form.attrib["action"] or "confirm" in {
                    one.get("name") for one in inner.iter("input")
                }:
                    fields = {one.attrib["name"]: one.attrib["value"] for one in inner.iter("input")}
                    final = await site.post(inner.attrib["action"], fields)
                    led += [final.headers["location"]] if final.status_code == 303 else []
    return led


@pytest.mark.parametrize("place", ["choose", "book", "move", "cancel", "confirm", "call", "barrier", "stop"])
async def test_the_patients_own_addresses_book_nothing_either(site: Site, token: str, place: str) -> None:
    """A form that somebody made by hand, with the link of a rehearsal."""
    slot = await first_slot(site, f"/r/{token}")
    await site.post(f"/r/{token}/{place}", {"slot": slot, "channel": "both", "barrier": "cost", "confirm": "yes"})


async def test_no_change_finds_an_enrolment_behind_the_link(token: str) -> None:
    with pytest.raises(NotFound):
        await book(links().read(token), starts_at=f.local(18, 10), now=f.MONDAY)


def test_the_pages_of_a_rehearsal_know_no_change() -> None:
    mine = [module for module in modules("portal") if module.name.endswith(("/rehearsal.py", "/pretence.py"))]
    assert len(mine) == 2
    assert not [name for module in mine for name in module.dotted().values() if name.startswith("db.changes")]


async def test_the_link_ends_after_a_while(site: Site, token: str) -> None:
    clock.move_to(f.MONDAY + LINK_LIFE + timedelta(minutes=1))
    assert (await site.get(f"/r/{token}")).status_code == 404


@pytest.mark.parametrize("done", ["y", "b2026", "b999999999999", "x0", "é", "bx", "00"])
async def test_an_address_that_no_page_wrote_leads_nowhere(site: Site, token: str, done: str) -> None:
    assert (await site.get(f"/r/{token}/rehearsal/{done}")).status_code == 404


async def test_a_patients_link_has_no_rehearsal_pages(site: Site, given: Given) -> None:
    for place in ("", "/move", "/stop"):
        assert (await site.get(f"/r/{given.patient}/rehearsal/0{place}")).status_code == 404


@pytest.mark.parametrize(
    "pretence",
    [
        NOTHING_DONE,
        Pretence(f.MISSED_AT),
        Pretence(f.MISSED_AT, confirmed=True),
        Pretence(cancelled=True),
        *(read_pretence(text) or NOTHING_DONE for text in ("s", "e", "se", "xse", "b202611171000cse")),
    ],
)
def test_what_was_done_is_read_as_it_was_written(pretence: Pretence) -> None:
    assert read_pretence(pretence.written()) == pretence


async def test_a_case_has_no_link(token: str) -> None:
    assert {row["link_id"] for row in await rehearsed_rows() if row["message"] == "case_opened"} == {None}
