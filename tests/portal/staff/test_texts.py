"""Textes over HTTP: the grid, the editor with and without script, every refusal, and words that mean harm."""

import html
import json
import re
import time
from datetime import timedelta
from itertools import groupby
from typing import Any
from xml.etree.ElementTree import Element

import httpx
import pytest

from db.changes.tones import LONGEST_BODY, LONGEST_SUBJECT, publish_draft, save_draft
from db.clock import clock, now
from db.engine import fetch, fetch_one, fetch_value
from db.queries.practices import Profile
from db.queries.tones import TextKey, TextWords, published_texts, text_history
from db.rules.settings import Settings
from jobs.messages.catalogue import Key, shipped
from portal.staff.text_views import address, compare, editable
from tests.db.changes.people import CAMILLE, hand_of
from tests.portal.checker import main_text, said
from tests.portal.staff.checker import as_read, check_staff_page
from tests.portal.staff.conftest import StaffClient
from tests.portal.staff.desk import Desk

DENTAL = TextKey("worth", "email", "dental", "fr")
SMS = TextKey("first", "sms", "general", "fr")
AT = "/staff/texts/worth/email/dental/fr"
AT_SMS = "/staff/texts/first/sms/general/fr"
SHIPPED = shipped().shipped[Key(*DENTAL)]
MINE = SHIPPED.body.replace("Vues tôt", "Vues à temps")
GUILT = SHIPPED.body.replace("Voir les horaires", "Vous auriez dû prévenir. Voir les horaires")
SUBJECT = SHIPPED.subject
MOVES = ("preview", "save", "publish", "send", "discard", "shipped", "restore")
HARM = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


@pytest.fixture
async def admin(staff_client: StaffClient) -> Desk:
    return await staff_client("admin")


def form(body: str = MINE, subject: str = SUBJECT, **more: str) -> dict[str, str]:
    return {"body": body, "subject": subject, "first_name": "Alix", "slots_soon": "1", **more}


async def seen(practice: Profile, key: TextKey = DENTAL) -> str:
    return (await text_history(practice.id, key)).mark


def fields(page: Element) -> dict[str, str]:
    """What the editor holds."""
    found = {one.get("name") or "": one.get("value") or "" for one in page.iter("input")}
    return found | {one.get("name") or "": one.text or "" for one in page.iter("textarea")}


def with_class(page: Element, name: str) -> list[str]:
    return [said(one) for one in page.iter() if name in (one.get("class") or "").split()]


async def another_writes(practice: Profile, body: str, *, key: TextKey = DENTAL) -> None:
    await save_draft(
        key,
        practice=practice.id,
        words=TextWords(body, SUBJECT),
        seen=await seen(practice, key),
        by=await hand_of(CAMILLE),
        now=now(),
    )


async def test_the_grid_shows_every_text_and_what_became_of_it(admin: Desk, practice: Profile) -> None:
    page = await admin.page("/staff/texts")
    (before,) = [main_text(page)]
    links = {one.get("href") for one in page.iter("a")}
    assert {"/staff/texts/" + "/".join(key) for key in editable()} <= links
    assert "intérêt du suivi, e-mail, Dentaire, français, FR fourni" in before
    assert "premier message, SMS, Dentaire, français, FR général" in before
    await admin.post(f"{AT}/publish", form(seen=""))
    await admin.post(f"{AT_SMS}/save", {"body": "Un brouillon", "seen": ""})
    after = main_text(await admin.page("/staff/texts"))
    assert "intérêt du suivi, e-mail, Dentaire, français, FR modifié" in after
    assert "premier message, SMS, Général, français, FR brouillon" in after
    await admin.post(f"{AT}/save", form("Encore", seen=await seen(practice)))
    assert "Dentaire, français, FR modifié brouillon" in main_text(await admin.page("/staff/texts"))


async def test_every_text_can_be_opened_and_is_clean_as_shipped(admin: Desk) -> None:
    """Each page is read for what differs; one of each message and channel, in turns of speciality and language, by the
    rules of every page as well."""
    rows = [list(keys) for _, keys in groupby(sorted(editable()), lambda key: key[:2])]
    for turn, keys in enumerate(rows):
        checked = keys[turn % len(keys)]
        for key in keys:
            answer = await admin.client.get(address(key))
            assert answer.status_code == 200, key
            text = html.unescape(answer.text)
            assert "Rien à redire" in text, key
            assert text.partition('<textarea id="body"')[2].partition(">")[2].partition("</textarea>")[0].strip(), key
            assert 'class="remarks"' not in text, key
            assert ("<iframe" in text) == (key.channel == "email"), key
            if key == checked:
                page = check_staff_page(answer, admin.app)
                assert fields(page)["body"].strip(), key


@pytest.mark.parametrize(
    "path",
    [
        "nothing/email/dental/fr",
        "worth/letter/dental/fr",
        "worth/email/surgery/fr",
        "worth/email/dental/xx",
        "flexible/sms/general/fr",
        "emergency/sms/general/fr",
        "worth/email/dental/fr/versions/7",
    ],
)
async def test_a_text_that_there_is_not_leads_nowhere(admin: Desk, path: str) -> None:
    assert (await admin.get(f"/staff/texts/{path}")).status_code == 404


async def test_a_text_is_edited_linted_mended_published_and_taken_back(admin: Desk, practice: Profile) -> None:
    opened = fields(await admin.page(AT))
    assert opened["body"].lstrip("\n") == SHIPPED.body
    refused = await admin.post(f"{AT}/publish", form(GUILT, seen=opened["seen"]))
    assert refused.status_code == 422
    assert "auriez dû" in refused.text
    assert await published_texts(practice.id) == {}
    saved = await admin.post(f"{AT}/save", form(GUILT, seen=opened["seen"]))
    assert saved.headers["location"] == f"{AT}?notice=draft_saved"
    page = await admin.page(saved.headers["location"])
    assert "Le brouillon est enregistré" in main_text(page)
    assert "Brouillon enregistré par Dominique Petit" in main_text(page)
    published = await admin.post(f"{AT}/publish", form(seen=fields(page)["seen"]))
    assert published.headers["location"] == f"{AT}?notice=published"
    assert await published_texts(practice.id) == {DENTAL: (TextWords(MINE, SUBJECT), 1)}
    page = await admin.page(AT)
    assert "Version 1 en service publiée par Dominique Petit" in main_text(page)
    back = await admin.post(f"{AT}/shipped", {"seen": fields(page)["seen"]})
    assert back.headers["location"] == f"{AT}?notice=shipped_again"
    assert await published_texts(practice.id) == {}


async def test_findings_stand_at_their_place_with_what_to_write_instead(admin: Desk) -> None:
    broken = SHIPPED.body.replace("{{ phone }}", "{{ telephone }}") + "\nC'est urgent, madame (e)."
    shown = await admin.post(f"{AT}/preview", form(broken, "Votre dentiste vous attend"))
    assert shown.status_code == 200
    text = html.unescape(shown.text)
    assert "<mark>dentiste</mark>" in text
    assert "<mark>{{ telephone }}</mark>" in text
    assert "Écrivez {{ phone }}" in text
    assert "Ligne 9" in text
    assert "<mark>urgent</mark>" in text
    assert "L’aperçu revient dès que les repères sont complets." in text


async def test_warnings_do_not_stop_a_publication(admin: Desk, practice: Profile) -> None:
    warned = SHIPPED.body.replace("À bientôt", "Vous êtes attendu(e).\n\nÀ bientôt")
    page = html.unescape((await admin.post(f"{AT}/preview", form(warned))).text)
    assert "À relire" in page
    assert (await admin.post(f"{AT}/publish", form(warned, seen=""))).status_code == 303
    assert (await published_texts(practice.id))[DENTAL].words.body == warned


async def test_the_preview_is_what_the_renderer_writes(admin: Desk, practice: Profile) -> None:
    shown = html.unescape((await admin.post(f"{AT}/preview", form(first_name="Zoé"))).text)
    assert "Bonjour Zoé," in shown
    assert "Vues à temps" in shown
    assert "Plusieurs horaires sont ouverts" in shown
    without = form()
    del without["slots_soon"]
    shown = html.unescape((await admin.post(f"{AT}/preview", without)).text)
    assert shown.count("Plusieurs horaires sont ouverts") == 2, "in the editor and the comparison alone"
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0


async def test_an_sms_shows_its_length_and_its_segments(admin: Desk) -> None:
    body = shipped().shipped[Key(*SMS)].body
    short = main_text(await admin.page(AT_SMS))
    assert "caractères sur 160 : 1 segment." in short
    long = await admin.swap(
        f"{AT_SMS}/preview", {"body": body + "\nEt encore beaucoup de mots." * 8, "first_name": "Z"}
    )
    assert "3 segments" in long.text
    assert "Raccourcissez-le" in long.text
    assert (await admin.post(f"{AT_SMS}/publish", {"body": body + " €" * 60, "seen": ""})).status_code == 422


async def test_with_a_script_only_the_right_hand_side_travels(admin: Desk) -> None:
    answer = await admin.swap(f"{AT}/preview", form(GUILT))
    assert answer.status_code == 200
    assert "<html" not in answer.text
    assert 'data-hx-swap-oob="innerHTML:#verdict"' in answer.text
    assert "1 point" in html.unescape(answer.text) or "Un point" in html.unescape(answer.text)
    assert "<mark>" in answer.text


async def test_an_email_is_framed_without_any_right(admin: Desk) -> None:
    answer = await admin.get(AT)
    (frame,) = (await admin.page(AT)).iter("iframe")
    assert frame.get("sandbox") == ""
    assert "Bonjour Alix" in (frame.get("srcdoc") or "")
    policy = answer.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy


@pytest.mark.parametrize("role", ["clinical_lead", "practitioner", "care_coordinator", "front_desk"])
async def test_only_the_administration_writes(staff_client: StaffClient, practice: Profile, role: str) -> None:
    desk = await staff_client(role)
    for move in MOVES:
        assert (await desk.post(f"{AT}/{move}", form(seen=""))).status_code == 403, move
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0
    reads = role == "clinical_lead"
    for path in ("/staff/texts", AT):
        assert (await desk.get(path)).status_code == (200 if reads else 403)
    if reads:
        page = await desk.page(AT)
        assert list(page.iter("textarea")) == []
        assert "L’administration du cabinet peut le modifier" in main_text(page)


async def test_a_form_without_its_token_changes_nothing(admin: Desk) -> None:
    for move in MOVES:
        assert (await admin.post(f"{AT}/{move}", form(seen=""), csrf=False)).status_code == 403, move
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0


async def test_versions_are_compared_and_restored(admin: Desk, practice: Profile) -> None:
    await admin.post(f"{AT}/publish", form(seen=""))
    second = MINE.replace("À bientôt", "À tout bientôt")
    await admin.post(f"{AT}/publish", form(second, seen=await seen(practice)))
    page = as_read((await admin.get(f"{AT}/versions/1")).text)
    assert re.search(r'<ins><span class="hidden">ajouté\s: </span>tout ', page)
    restored = await admin.post(f"{AT}/restore", {"version": "1", "seen": await seen(practice)})
    assert restored.headers["location"] == f"{AT}?notice=restored"
    history = await text_history(practice.id, DENTAL)
    assert history.draft is not None
    assert history.draft.words.body == MINE
    assert (await published_texts(practice.id))[DENTAL].words.body == second
    assert (await admin.get(f"{AT}/versions/3")).status_code == 200
    for wrong in ("0", "-1", "9", "x", ""):
        answer = await admin.post(f"{AT}/restore", {"version": wrong, "seen": await seen(practice)})
        assert answer.status_code == 404


@pytest.mark.parametrize(("move", "notice"), [("save", "unchanged"), ("publish", "already")])
async def test_a_text_as_it_stands_is_no_version(admin: Desk, move: str, notice: str) -> None:
    # As a browser sends it back.
    answer = await admin.post(f"{AT}/{move}", form(SHIPPED.body.replace("\n", "\r\n"), seen=""))
    assert answer.headers["location"] == f"{AT}?notice={notice}"
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0


@pytest.mark.parametrize("place", ["body", "subject", "first_name", "seen", "phone"])
@pytest.mark.parametrize("move", ["preview", "save", "publish", "send"])
async def test_words_that_mean_harm_stay_words(admin: Desk, move: str, place: str) -> None:
    answer = await admin.post(f"{AT}/{move}", form(**({"seen": ""} | {place: HARM})))
    assert answer.status_code in (200, 303, 409, 422)
    for page in (answer, await admin.get(f"{AT}?notice={HARM}")):
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text
        # Nor once the frame has read its own attribute.
        for frame in (one for one in [page.text.partition('srcdoc="')[2].partition('"')[0]] if one):
            assert "<script" not in html.unescape(frame)
            assert "<img" not in html.unescape(frame)


async def test_stored_harm_is_shown_as_words_everywhere(admin: Desk, practice: Profile) -> None:
    await fetch("UPDATE staff SET name = $1", HARM)
    await admin.post(f"{AT}/publish", form(MINE + "\n\n" + HARM, seen=""))
    await admin.post(f"{AT}/save", form(HARM, HARM, seen=await seen(practice)))
    for path in (AT, f"{AT}/versions/1", "/staff/texts"):
        page = await admin.get(path)
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert "<img src=x" not in page.text


@pytest.mark.parametrize(
    "body",
    [
        "",
        "   \r\n ",
        "{{",
        "{% if slots_soon %}",
        "{% endif %}",
        "{{ first_name }} {{ config.items() }} {% for x in y %}",
        "{{ link }}{{ phone }}",
        "\x1b[31m{{ link }}",
        "\ue000\uf8ff {{ link }} \u202e",
        "🎉" * 500,
    ],
)
@pytest.mark.parametrize("at", [AT, AT_SMS])
async def test_whatever_is_typed_is_shown_with_what_is_wrong(admin: Desk, at: str, body: str) -> None:
    for move in ("preview", "publish", "save"):
        answer = await admin.post(f"{at}/{move}", form(body, seen=""))
        assert answer.status_code in (200, 303, 409, 422), move
    assert (await admin.swap(f"{at}/preview", form(body))).status_code == 200
    assert (await admin.get(at)).status_code == 200
    assert await fetch_value("SELECT count(*) FROM tone_variant WHERE state = 'published'") == 0


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"body": "mot " * LONGEST_BODY}, "4 000"),
        ({"subject": "x" * (LONGEST_SUBJECT + 1)}, "200"),
    ],
)
async def test_a_text_that_is_too_long_is_told_so(admin: Desk, changes: dict[str, str], problem: str) -> None:
    for move in ("save", "publish", "send"):
        answer = await admin.post(f"{AT}/{move}", form(**({"seen": ""} | changes)))
        assert answer.status_code == 422
        assert problem in answer.text
    swapped = await admin.swap(f"{AT}/preview", form(**changes))
    assert problem in swapped.text
    assert "Un point est à corriger" in swapped.text
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0


async def test_a_text_beyond_all_measure_is_refused_unread(admin: Desk) -> None:
    assert (await admin.post(f"{AT}/preview", form("é" * 200_000))).status_code in (400, 403, 413)


async def test_an_email_that_lacks_something_is_shown_as_far_as_it_is(admin: Desk) -> None:
    page = check_staff_page(
        await admin.post(f"{AT}/preview", form("Bonjour {{ first_name }},\n\nBonne route.")), admin.app
    )
    assert "Il manque {{ phone }}" in main_text(page)
    (frame,) = page.iter("iframe")
    assert "Bonjour Alix," in (frame.get("srcdoc") or "")


async def test_an_sms_of_several_segments_is_marked_whatever_made_them(admin: Desk) -> None:
    answer = await admin.post(f"{AT_SMS}/preview", {"body": "Merci 🎉 " + "mot " * 16, "seen": ""})
    page = check_staff_page(answer, admin.app)
    (length,) = with_class(page, "length")
    assert "2 segments" in length
    assert with_class(page, "too-long") == [length]


async def test_a_text_is_sent_to_its_author_marked_as_a_rehearsal(admin: Desk, practice: Profile) -> None:
    answer = await admin.post(f"{AT}/send", form(seen=""))
    assert answer.status_code == 200
    assert "arrive dans votre boîte" in html.unescape(answer.text)
    assert "Vues à temps" in html.unescape(answer.text)
    row = await fetch_one("SELECT message, channel, rehearsal, patient, detail FROM delivery WHERE rehearsal")
    assert row is not None
    assert (row["message"], row["channel"], row["patient"]) == ("worth", "email", None)
    assert json.loads(row["detail"])["words"] == {"subject": SUBJECT, "body": MINE}
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0


async def test_a_text_with_errors_is_sent_to_nobody(admin: Desk) -> None:
    assert (await admin.post(f"{AT}/send", form(GUILT, seen=""))).status_code == 422
    assert await fetch_value("SELECT count(*) FROM delivery WHERE rehearsal") == 0


@pytest.mark.parametrize(
    ("number", "status"), [("06 39 98 12 34", 200), ("01 42 00 00 00", 422), ("", 422), ("x", 422)]
)
async def test_an_sms_is_sent_to_a_mobile_number(admin: Desk, number: str, status: int) -> None:
    body = shipped().shipped[Key(*SMS)].body
    answer = await admin.post(f"{AT_SMS}/send", {"body": body, "phone": number, "seen": "", "first_name": "Alix"})
    assert answer.status_code == status
    assert await fetch_value("SELECT count(*) FROM delivery WHERE rehearsal") == (status == 200)


async def test_strict_discretion_says_that_general_words_leave(admin: Desk, practice: Profile) -> None:
    settings = json.dumps(Settings(strict=True).to_json())
    await fetch("UPDATE practice SET settings = $1", settings)
    shown = main_text(await admin.page("/staff/texts"))
    assert "discrétion stricte" in shown
    # Each text says what leaves, and not what would leave otherwise.
    assert "intérêt du suivi, e-mail, Général, français, FR fourni" in shown
    assert "intérêt du suivi, e-mail, Dentaire, français, FR général" in shown
    await admin.post(f"{AT}/publish", form(seen=""))
    assert "intérêt du suivi, e-mail, Dentaire, français, FR retenu" in main_text(await admin.page("/staff/texts"))
    await admin.post(f"{AT}/save", form("Encore", seen=await seen(practice)))
    assert "Dentaire, français, FR retenu brouillon" in main_text(await admin.page("/staff/texts"))
    assert "discrétion stricte" in main_text(await admin.page(AT))
    assert "discrétion stricte" not in main_text(await admin.page("/staff/texts/worth/email/general/fr"))


async def test_a_speciality_without_words_of_its_own_starts_from_the_general_ones(
    admin: Desk, practice: Profile
) -> None:
    general = TextWords("Bonjour, voici d'autres dates :\n{{ link }}\n{{ opt_out }}")
    by = await hand_of(CAMILLE)
    saved = await save_draft(SMS, practice=practice.id, words=general, seen="", by=by, now=now())
    await publish_draft(SMS, practice=practice.id, seen=saved.mark, by=by, now=now())
    page = await admin.page("/staff/texts/first/sms/dental/fr")
    assert fields(page)["body"].lstrip("\n") == general.body
    assert "vous partez du texte général" in main_text(page)


async def test_pages_speak_the_language_of_who_reads(admin: Desk, practice: Profile) -> None:
    await fetch("UPDATE staff SET language = 'en'")
    text = html.unescape((await admin.post(f"{AT}/preview", form(GUILT))).text)
    assert "points must be mended" in text or "One point must be mended" in text
    assert "Publish" in text
    assert "as supplied" in main_text(await admin.page("/staff/texts"))


async def test_pages_are_kept_by_nobody(admin: Desk) -> None:
    clock.move_by(timedelta(seconds=1))
    answers: list[httpx.Response] = [await admin.get(path) for path in ("/staff/texts", AT)]
    assert {one.headers["cache-control"] for one in answers} == {"no-store"}


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("un deux", "un deux", [("same", "un deux")]),
        ("", "un", [("in", "un")]),
        ("un deux trois", "un trois", [("same", "un "), ("out", "deux "), ("same", "trois")]),
        ("a {{ link }}", "a {{ phone }}", [("same", "a "), ("out", "{{ link }}"), ("in", "{{ phone }}")]),
    ],
)
def test_texts_are_compared_word_by_word(old: str, new: str, wanted: list[Any]) -> None:
    assert [(one.kind, one.text) for one in compare(old, new)] == wanted


def test_a_comparison_of_the_longest_texts_is_quick() -> None:
    began = time.monotonic()
    compare("a b " * 1000, "b a c " * 666)
    assert time.monotonic() - began < 2
