"""`reprise lint` and `reprise preview` read what the practice has published, where there is a practice."""

from db.actors import Hand, staff
from db.changes.tones import publish_draft, save_draft
from db.queries.practices import only_practice
from db.queries.tones import TextKey, TextWords
from jobs.messages.catalogue import Key, shipped
from tests import factories as f
from tests.portal.commands.conftest import Terminal

KEY = TextKey("worth", "email", "dental", "fr")
SHIPPED = shipped().shipped[Key(*KEY)]
HAND = Hand(staff("x"))
MISSED = ("--missed", "2026-11-16T10:00")


async def publish(body: str) -> None:
    practice, words = (await only_practice()).id, TextWords(body, SHIPPED.subject)
    saved = await save_draft(KEY, practice=practice, words=words, seen="", by=HAND, now=f.MONDAY)
    await publish_draft(KEY, practice=practice, seen=saved.mark, by=HAND, now=f.MONDAY)


def test_lint_reads_the_words_of_the_practice(shop: Terminal) -> None:
    assert shop.run("lint").out.startswith("No findings")
    shop.do(publish(f"{SHIPPED.body}\n\nVous auriez dû prévenir."))
    found = shop.json("lint", code=1)
    assert [(one["rule"], one["text"]) for one in found] == [("guilt.reproach", "worth/dental/fr/body.txt")]


def test_a_draft_is_nobodys_words_yet(shop: Terminal) -> None:
    async def save() -> None:
        practice = (await only_practice()).id
        await save_draft(KEY, practice=practice, words=TextWords("Vite !"), seen="", by=HAND, now=f.MONDAY)

    shop.do(save())
    assert shop.json("lint") == []


def test_preview_shows_the_words_of_the_practice(shop: Terminal) -> None:
    shop.do(publish(SHIPPED.body.replace("Vues tôt", "Vues à temps")))
    steps = shop.json("preview", "standard", "--speciality", "dental", *MISSED)["steps"]
    (worth,) = [one for one in steps if one.get("message") == "worth" and one["channel"] == "email"]
    assert "Vues à temps" in worth["text"]
    assert worth["refused"] == []


def test_lint_without_a_database_reads_the_shipped_words(shop: Terminal) -> None:
    shop.settings(DATABASE_URL="postgresql://nobody@127.0.0.1:1/nothing")
    done = shop.run("lint")
    assert done.out.startswith("No findings")
    assert len(done.err.splitlines()) == 1
