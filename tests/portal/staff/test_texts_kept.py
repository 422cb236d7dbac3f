"""Textes over HTTP: what somebody wrote is never lost, nor published by a slip of the hand."""

import html
import time
from urllib.parse import urlencode

import httpx
import pytest

from db.engine import fetch_value
from db.queries.practices import Profile
from db.queries.tones import TextWords, text_history
from portal.forms.texts import text_form
from tests.portal.checker import main_text, said
from tests.portal.staff.checker import check_staff_page
from tests.portal.staff.conftest import StaffClient
from tests.portal.staff.desk import Desk
from tests.portal.staff.test_texts import (
    AT,
    AT_SMS,
    DENTAL,
    GUILT,
    HARM,
    MINE,
    SHIPPED,
    another_writes,
    fields,
    form,
    seen,
)


@pytest.fixture
async def admin(staff_client: StaffClient) -> Desk:
    return await staff_client("admin")


async def test_whoever_is_overtaken_loses_nothing_and_overwrites_nothing(admin: Desk, practice: Profile) -> None:
    opened = fields(await admin.page(AT))["seen"]
    await another_writes(practice, "Les mots de Camille")
    for move in ("save", "publish"):
        answer = await admin.post(f"{AT}/{move}", form(seen=opened))
        assert answer.status_code == 409
        text = html.unescape(answer.text)
        assert "Camille Roux a enregistré ce texte" in text
        assert "Vues à temps" in text
        # What would be replaced is there to be read, whole.
        assert '<div class="plain" lang="fr">Les mots de Camille</div>' in text
        assert "retiré : </span>Camille" in text or "Camille</del>" in text
    history = await text_history(practice.id, DENTAL)
    assert [one.words.body for one in history.versions] == ["Les mots de Camille"]
    again = await admin.post(f"{AT}/save", form(seen=history.mark))
    assert again.status_code == 303
    assert (await text_history(practice.id, DENTAL)).versions[0].words.body == MINE


@pytest.mark.parametrize("move", ["discard", "shipped", "restore"])
async def test_a_page_that_is_out_of_date_changes_nothing(admin: Desk, practice: Profile, move: str) -> None:
    await admin.post(f"{AT}/publish", form(seen=""))
    opened = await seen(practice)
    await another_writes(practice, "Les mots de Camille")
    answer = await admin.post(f"{AT}/{move}", {"seen": opened, "version": "1"})
    assert answer.status_code == 409
    assert "Entre-temps, Camille Roux a modifié ce texte" in html.unescape(answer.text)
    assert [one.words.body for one in (await text_history(practice.id, DENTAL)).versions] == [
        "Les mots de Camille",
        MINE,
    ]


async def test_a_draft_is_discarded(admin: Desk, practice: Profile) -> None:
    await admin.post(f"{AT}/save", form(seen=""))
    # Not with one slip of the hand: the button shows once it is asked for, and what would be lost is said.
    (ask,) = [one for one in (await admin.page(AT)).iter("details") if "Abandonner le brouillon" in said(one)]
    assert "enregistré par Dominique Petit, seront perdus" in said(ask)
    assert (await admin.post(f"{AT}/discard", {"seen": await seen(practice)})).status_code == 303
    assert (await text_history(practice.id, DENTAL)).versions == ()


async def test_a_draft_that_came_back_to_what_leaves_is_no_version_either(admin: Desk, practice: Profile) -> None:
    await admin.post(f"{AT}/save", form(seen=""))
    answer = await admin.post(f"{AT}/publish", form(SHIPPED.body, seen=await seen(practice)))
    assert answer.headers["location"] == f"{AT}?notice=already"
    assert (await text_history(practice.id, DENTAL)).versions == ()
    await admin.post(f"{AT}/publish", form(seen=""))
    await admin.post(f"{AT}/save", form(GUILT, seen=await seen(practice)))
    # The page of before that draft does not throw it away.
    assert (await admin.post(f"{AT}/publish", form(seen=""))).status_code == 409
    await admin.post(f"{AT}/publish", form(seen=await seen(practice)))
    (only,) = (await text_history(practice.id, DENTAL)).versions
    assert (only.number, only.words.body) == (1, MINE)
    assert "déjà celui qui part" in main_text(await admin.page(f"{AT}?notice=already"))


async def test_enter_in_a_field_presses_what_changes_nothing(admin: Desk) -> None:
    for at in (AT, AT_SMS):
        (editor,) = [one for one in (await admin.page(at)).iter("form") if list(one.iter("textarea"))]
        # What a browser presses is the first button of the form, wherever the hand was.
        first = next(editor.iter("button"))
        assert first.get("formaction") is None
        assert editor.get("action") == f"{at}/preview"


async def test_whoever_pastes_a_whole_document_keeps_it_and_is_told_how_much_fits(admin: Desk) -> None:
    document = "Été après été, déjà. " * 5_000
    for field in (one for one in (await admin.page(AT)).iter() if one.get("id") in ("body", "subject")):
        # A browser would cut what is pasted there, and say nothing.
        assert field.get("maxlength") is None
    began = time.perf_counter()
    answer = await admin.post(f"{AT}/save", form(document, seen=""))
    assert time.perf_counter() - began < 2
    assert answer.status_code == 422
    assert "4 000 caractères" in answer.text
    assert document.strip() in answer.text


def test_line_ends_and_controls_are_made_one_kind() -> None:
    pasted = " un\r\ndeux\rtrois\x07\x0bquatre\u2028cinq\n"
    read = text_form({"body": pasted, "subject": "a\r\nb\x00\x0bc"}, has_subject=True)
    assert read.words == TextWords("un\ndeux\ntrois\nquatre\ncinq", "a b c")


def test_no_break_spaces_stay_where_they_are_read_and_go_from_braces() -> None:
    read = text_form({"body": "Quand\u00a0? {{\u00a0link\u202f}} {%\u00a0endif\u00a0%}"}, has_subject=False)
    assert read.words.body == "Quand\u00a0? {{ link }} {% endif %}"


async def test_whoever_was_away_for_long_keeps_what_they_typed(admin: Desk) -> None:
    admin.client.cookies.clear()
    answer = await admin.swap(f"{AT}/preview", form("Des mots que personne n’a encore."))
    assert answer.status_code == 401
    assert "HX-Redirect" not in answer.headers
    assert answer.headers["HX-Retarget"] == "#problem"
    assert "copiez-le" in answer.text


def given_back(answer: httpx.Response, admin: Desk) -> dict[str, str]:
    """The words of the page that gives them back, which asks for nothing and leads to the sign-in."""
    page = check_staff_page(answer, admin.app)
    assert "vos mots sont ici : copiez-les" in main_text(page)
    assert list(page.iter("form")) == list(page.iter("script")) == list(page.iter("iframe")) == []
    found = {one.get("id") or "": one for name in ("input", "textarea") for one in page.iter(name)}
    assert all("readonly" in one.attrib and "name" not in one.attrib for one in found.values())
    return {
        name: (one.text or "").lstrip("\n") if one.tag == "textarea" else one.get("value") or ""
        for name, one in found.items()
    }


@pytest.mark.parametrize("move", ["preview", "save", "publish", "send"])
async def test_without_a_script_whoever_was_away_for_long_is_given_their_words_back(
    admin: Desk, practice: Profile, move: str
) -> None:
    admin.client.cookies.clear()
    mine = "Des mots que personne n’a encore.\n\nEt {{ link }} aussi."
    answer = await admin.post(f"{AT}/{move}", form(mine, "Un objet à moi", seen="", phone="06 39 98 12 34"))
    assert answer.status_code == 401
    assert given_back(answer, admin) == {"subject": "Un objet à moi", "body": mine}
    assert answer.headers["cache-control"] == "no-store"
    # Nothing that only the practice knows, nor what was written beside the text.
    assert [one in answer.text for one in (practice.name, practice.discreet_name, "06 39 98")] == [False] * 3
    (link,) = [one for one in check_staff_page(answer, admin.app).iter("a") if "Me reconnecter" in said(one)]
    to_sign_in = await admin.client.get(link.get("href") or "")
    assert to_sign_in.headers["location"] == f"/staff/sign-in?{urlencode({'to': AT})}"
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0
    assert await fetch_value("SELECT count(*) FROM delivery WHERE rehearsal") == 0


async def test_an_sms_is_given_back_without_a_subject(admin: Desk) -> None:
    admin.client.cookies.clear()
    answer = await admin.post(f"{AT_SMS}/save", {"body": "Un SMS.", "subject": "x"})
    assert given_back(answer, admin) == {"body": "Un SMS."}


async def test_whoever_has_signed_in_anew_beside_the_form_is_given_their_words_back(admin: Desk) -> None:
    answer = await admin.post(f"{AT}/save", form(csrf="of the session before"), csrf=False)
    assert answer.status_code == 403
    assert given_back(answer, admin)["body"] == MINE
    assert await fetch_value("SELECT count(*) FROM tone_variant") == 0
    swapped = await admin.client.post(f"{AT}/preview", data=form(), headers={"hx-request": "true", "x-csrftoken": "x"})
    assert (swapped.status_code, swapped.headers["HX-Retarget"]) == (403, "#problem")
    assert "copiez-le" in swapped.text


async def test_words_that_mean_harm_are_given_back_as_words(admin: Desk) -> None:
    admin.client.cookies.clear()
    answer = await admin.post(f"{AT}/save", form(HARM, HARM))
    assert given_back(answer, admin) == {"subject": HARM, "body": HARM}
    assert "<script>alert" not in answer.text
    assert "<img src=x" not in answer.text
    assert "unsafe" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "cross-site"}, {"origin": "https://elsewhere.example"}])
async def test_words_of_another_site_are_shown_to_nobody(admin: Desk, headers: dict[str, str]) -> None:
    admin.client.cookies.clear()
    answer = await admin.post(f"{AT}/save", form("Des mots d’ailleurs."), headers=headers)
    assert answer.status_code == 403
    assert "ailleurs" not in answer.text


@pytest.mark.parametrize(
    ("path", "data"),
    [
        (f"{AT}/save", {}),
        (f"{AT}/save", {"body": " \r\n"}),
        ("/staff/texts/worth/email/surgery/fr/save", {"body": "Des mots."}),
        (f"{AT}/discard", {"seen": "", "body": "Des mots."}),
    ],
)
async def test_where_there_are_no_words_to_lose_the_sign_in_comes_at_once(
    admin: Desk, path: str, data: dict[str, str]
) -> None:
    admin.client.cookies.clear()
    answer = await admin.post(path, data, csrf=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/staff/sign-in")


async def test_a_draft_that_was_thrown_away_is_nobodys_doing_by_name(admin: Desk, practice: Profile) -> None:
    await admin.post(f"{AT}/publish", form(seen=""))
    await another_writes(practice, "Les mots de Camille")
    opened = await seen(practice)
    await admin.post(f"{AT}/discard", {"seen": opened})
    answer = await admin.post(f"{AT}/save", form(MINE + " Encore.", seen=opened))
    assert answer.status_code == 409
    assert "quelqu’un a enregistré ce texte" in html.unescape(answer.text)


async def test_a_version_says_whose_draft_it_would_take_the_place_of(admin: Desk, practice: Profile) -> None:
    await admin.post(f"{AT}/publish", form(seen=""))
    assert "rien ne part avant la publication" not in main_text(await admin.page(f"{AT}/versions/1"))
    await another_writes(practice, "Les mots de Camille")
    shown = main_text(await admin.page(f"{AT}/versions/1"))
    assert "Elle remplace le brouillon de Camille Roux" in shown
    assert "De cette version au brouillon en cours" in shown
    assert "Brouillon enregistré par Camille Roux" in main_text(await admin.page(f"{AT}/versions/2"))
