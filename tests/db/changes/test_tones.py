"""The practice's own words: drafts, versions, publication, and two people at one text."""

import asyncio
import json
from datetime import datetime, timedelta
from typing import Any

import pytest

from db.actors import Hand, staff
from db.changes.tones import (
    LONGEST_BODY,
    LONGEST_SUBJECT,
    discard_draft,
    publish_draft,
    restore_version,
    return_to_shipped,
    save_draft,
)
from db.engine import fetch, fetch_one
from db.errors import NotFound, Outdated, Overtaken, Refused
from db.queries.practices import Profile
from db.queries.tones import (
    History,
    TextKey,
    TextWords,
    live_texts,
    published_mark,
    published_texts,
    text_history,
)
from db.states import ToneState
from tests import factories as f

KEY = TextKey("worth", "email", "dental", "fr")
OTHER = KEY._replace(speciality="general")
ONE, TWO, THREE = (TextWords(f"Bonjour, {word}.", f"Objet {word}") for word in ("un", "deux", "trois"))
LATER = f.MONDAY + timedelta(minutes=5)


@pytest.fixture
async def camille(practice: Profile) -> Hand:
    return await hand_of("Camille Roux")


@pytest.fixture
async def dominique(practice: Profile) -> Hand:
    return await hand_of("Dominique Petit")


async def hand_of(name: str) -> Hand:
    row = await fetch_one("SELECT id, ref FROM staff WHERE name = $1", name)
    assert row is not None
    return Hand(staff(row["ref"]), row["id"])


async def now_of(practice: Profile, key: TextKey = KEY) -> History:
    return await text_history(practice.id, key)


async def save(
    practice: Profile,
    by: Hand,
    words: TextWords,
    key: TextKey = KEY,
    *,
    seen: str | None = None,
    now: datetime = f.MONDAY,
) -> str:
    """From a page that shows what stands there, unless told otherwise; the new mark."""
    shown = (await now_of(practice, key)).mark if seen is None else seen
    return (await save_draft(key, practice=practice.id, words=words, seen=shown, by=by, now=now)).mark


async def publish(
    practice: Profile, by: Hand, words: TextWords, key: TextKey = KEY, *, now: datetime = f.MONDAY
) -> str:
    mark = await save(practice, by, words, key, now=now)
    return (await publish_draft(key, practice=practice.id, seen=mark, by=by, now=now)).mark


def told(history: History) -> list[tuple[int, str, str, str]]:
    return [(one.number, one.state, one.words.body, one.author) for one in history.versions]


async def journal() -> list[tuple[str, str, Any]]:
    rows = await fetch("SELECT event, actor, data FROM journal WHERE event LIKE 'text_%' ORDER BY id")
    return [(row["event"], row["actor"], json.loads(row["data"])) for row in rows]


async def test_a_draft_leaves_what_is_sent_alone(practice: Profile, camille: Hand) -> None:
    await save(practice, camille, ONE)
    await save(practice, camille, TWO)
    history = await now_of(practice)
    assert told(history) == [(1, ToneState.DRAFT, TWO.body, "Camille Roux")]
    assert history.published is None
    assert await published_texts(practice.id) == {}
    assert await live_texts(practice.id) == {KEY: {ToneState.DRAFT}}


async def test_versions_are_numbered_and_kept_with_who_and_when(
    practice: Profile, camille: Hand, dominique: Hand
) -> None:
    await publish(practice, camille, ONE)
    await publish(practice, dominique, TWO, now=LATER)
    await save(practice, camille, THREE, now=LATER)
    history = await now_of(practice)
    assert told(history) == [
        (3, ToneState.DRAFT, THREE.body, "Camille Roux"),
        (2, ToneState.PUBLISHED, TWO.body, "Dominique Petit"),
        (1, ToneState.RETIRED, ONE.body, "Camille Roux"),
    ]
    assert [one.published_at for one in history.versions] == [None, LATER, f.MONDAY]
    assert await published_texts(practice.id) == {KEY: (TWO, 2)}
    assert await live_texts(practice.id) == {KEY: {ToneState.DRAFT, ToneState.PUBLISHED}}


async def test_whoever_publishes_a_draft_of_somebody_else_answers_for_it(
    practice: Profile, camille: Hand, dominique: Hand
) -> None:
    mark = await save(practice, camille, ONE)
    await publish_draft(KEY, practice=practice.id, seen=mark, by=dominique, now=LATER)
    assert (await now_of(practice)).versions[0].author == "Dominique Petit"


async def test_an_old_version_comes_back_as_a_draft(practice: Profile, camille: Hand) -> None:
    await publish(practice, camille, ONE)
    mark = await publish(practice, camille, TWO)
    saved = await restore_version(KEY, practice=practice.id, version=1, seen=mark, by=camille, now=LATER)
    assert saved.changed
    history = await now_of(practice)
    assert [(one.number, one.state, one.words) for one in history.versions] == [
        (3, ToneState.DRAFT, ONE),
        (2, ToneState.PUBLISHED, TWO),
        (1, ToneState.RETIRED, ONE),
    ]
    assert (await journal())[-1][2] == {"text": "worth/email/dental/fr", "version": 3, "restored": 1}


async def test_a_version_that_there_is_not_cannot_come_back(practice: Profile, camille: Hand) -> None:
    with pytest.raises(NotFound):
        await restore_version(KEY, practice=practice.id, version=4, seen="", by=camille, now=LATER)


async def test_the_shipped_text_can_be_had_again(practice: Profile, camille: Hand) -> None:
    mark = await publish(practice, camille, ONE)
    assert (await return_to_shipped(KEY, practice=practice.id, seen=mark, by=camille, now=LATER)).changed
    assert await published_texts(practice.id) == {}
    again = await return_to_shipped(KEY, practice=practice.id, seen="anything", by=camille, now=LATER)
    assert not again.changed
    await publish(practice, camille, TWO)
    assert [one.number for one in (await now_of(practice)).versions] == [2, 1]


async def test_a_discarded_draft_leaves_nothing_behind(practice: Profile, camille: Hand) -> None:
    mark = await save(practice, camille, ONE)
    assert (await discard_draft(KEY, practice=practice.id, seen=mark, by=camille, now=LATER)).changed
    assert not (await discard_draft(KEY, practice=practice.id, seen=mark, by=camille, now=LATER)).changed
    assert (await now_of(practice)).versions == ()


async def test_saving_the_same_words_again_changes_nothing(practice: Profile, camille: Hand) -> None:
    mark = await save(practice, camille, ONE)
    # Even from a page that was opened before: nobody's words are lost by it.
    again = await save_draft(KEY, practice=practice.id, words=ONE, seen="", by=camille, now=LATER)
    assert (again.changed, again.mark) == (False, mark)
    published = await publish(practice, camille, ONE)
    assert not (await save_draft(KEY, practice=practice.id, words=ONE, seen="", by=camille, now=LATER)).changed
    repeated = await publish_draft(KEY, practice=practice.id, seen=mark, by=camille, now=LATER)
    assert (repeated.changed, repeated.mark) == (False, published)
    assert [event for event, _, _ in await journal()] == ["text_drafted", "text_published"]


async def test_nothing_is_published_without_a_draft(practice: Profile, camille: Hand) -> None:
    with pytest.raises(NotFound):
        await publish_draft(KEY, practice=practice.id, seen="", by=camille, now=f.MONDAY)


@pytest.mark.parametrize("moment", [f.MONDAY, LATER], ids=["same moment", "later"])
async def test_nobody_writes_over_words_that_they_have_not_read(
    practice: Profile, camille: Hand, dominique: Hand, moment: datetime
) -> None:
    opened = await save(practice, camille, ONE)
    await save(practice, dominique, TWO, now=moment)
    for change in (
        save_draft(KEY, practice=practice.id, words=THREE, seen=opened, by=camille, now=moment),
        publish_draft(KEY, practice=practice.id, seen=opened, by=camille, now=moment),
        discard_draft(KEY, practice=practice.id, seen=opened, by=camille, now=moment),
    ):
        with pytest.raises(Overtaken) as refused:
            await change
        assert refused.value.by == "Dominique Petit"
    assert told(await now_of(practice)) == [(1, ToneState.DRAFT, TWO.body, "Dominique Petit")]


async def test_a_page_opened_before_a_publication_is_out_of_date(
    practice: Profile, camille: Hand, dominique: Hand
) -> None:
    opened = (await now_of(practice)).mark
    published = await publish(practice, dominique, ONE)
    with pytest.raises(Overtaken, match="Dominique Petit"):
        await save(practice, camille, TWO, seen=opened)
    await return_to_shipped(KEY, practice=practice.id, seen=published, by=dominique, now=LATER)
    with pytest.raises(Outdated):
        await save(practice, camille, TWO, seen=published)


async def test_of_two_who_save_at_once_one_is_told(practice: Profile, camille: Hand, dominique: Hand) -> None:
    answers = await asyncio.gather(
        save(practice, camille, ONE, seen=""), save(practice, dominique, TWO, seen=""), return_exceptions=True
    )
    (refused,) = [one for one in answers if isinstance(one, Overtaken)]
    ((_, _, body, author),) = told(await now_of(practice))
    assert refused.by == author
    assert (author, body) in (("Camille Roux", ONE.body), ("Dominique Petit", TWO.body))


async def test_of_two_who_publish_at_once_one_version_comes(practice: Profile, camille: Hand, dominique: Hand) -> None:
    mark = await save(practice, camille, ONE)
    answers = await asyncio.gather(
        *(
            publish_draft(KEY, practice=practice.id, seen=mark, by=who, now=LATER)
            for who in (camille, dominique, camille)
        )
    )
    assert sorted(one.changed for one in answers) == [False, False, True]
    assert [one.state for one in (await now_of(practice)).versions] == [ToneState.PUBLISHED]


async def test_each_text_has_versions_of_its_own(practice: Profile, camille: Hand) -> None:
    await publish(practice, camille, ONE)
    await publish(practice, camille, TWO, OTHER)
    assert await published_texts(practice.id) == {KEY: (ONE, 1), OTHER: (TWO, 1)}
    assert [one.number for one in (await now_of(practice, OTHER)).versions] == [1]


async def test_another_practice_sees_and_touches_none_of_it(practice: Profile, camille: Hand) -> None:
    mark = await publish(practice, camille, ONE)
    elsewhere = practice.id + 1
    assert (await text_history(elsewhere, KEY)).versions == ()
    assert await published_texts(elsewhere) == {}
    assert not (await return_to_shipped(KEY, practice=elsewhere, seen=mark, by=camille, now=LATER)).changed
    assert await published_texts(practice.id) == {KEY: (ONE, 1)}


async def test_the_mark_of_what_is_published_changes_with_every_publication(practice: Profile, camille: Hand) -> None:
    marks = [await published_mark(practice.id)]
    await save(practice, camille, ONE)
    assert await published_mark(practice.id) == marks[0]
    for words in (ONE, TWO, ONE):
        mark = await publish(practice, camille, words)
        marks.append(await published_mark(practice.id))
    await return_to_shipped(KEY, practice=practice.id, seen=mark, by=camille, now=LATER)
    assert await published_mark(practice.id) == marks[0]
    assert len(set(marks)) == 4


async def test_the_journal_tells_which_text_and_by_whom_and_none_of_its_words(
    practice: Profile, camille: Hand, dominique: Hand
) -> None:
    mark = await publish(practice, camille, ONE)
    await return_to_shipped(KEY, practice=practice.id, seen=mark, by=dominique, now=LATER)
    mark = await save(practice, dominique, TWO)
    await discard_draft(KEY, practice=practice.id, seen=mark, by=dominique, now=LATER)
    first, second = {"text": "worth/email/dental/fr", "version": 1}, {"text": "worth/email/dental/fr", "version": 2}
    assert await journal() == [
        ("text_drafted", camille.actor, first),
        ("text_published", camille.actor, first),
        ("text_retired", dominique.actor, first),
        ("text_drafted", dominique.actor, second),
        ("text_discarded", dominique.actor, second),
    ]


@pytest.mark.parametrize(
    "words",
    [
        TextWords("x" * (LONGEST_BODY + 1)),
        TextWords("x", "y" * (LONGEST_SUBJECT + 1)),
        TextWords("x\0y"),
        TextWords("x", "y\0"),
    ],
)
async def test_what_no_text_can_be_is_refused(practice: Profile, camille: Hand, words: TextWords) -> None:
    with pytest.raises(Refused):
        await save(practice, camille, words)
    assert (await now_of(practice)).versions == ()
