"""The practice's own words: drafted, published, taken back. One draft and one published version of each text.

Who saves says which mark they saw (`History.mark`): nobody writes over words that they have not read. What may be
published is for the linter to say, which stands above this layer: who publishes has asked it, and the send asks again.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from db.actors import Hand
from db.changes._journal import Entry, Event, record
from db.engine import fetch, transaction
from db.errors import NotFound, Overtaken, Refused
from db.queries.tones import History, TextKey, TextWords, Version, text_history
from db.states import TONE_MOVES, ToneState, check_move

TONE_LOCK = 0x544F4E
LONGEST_SUBJECT = 200
LONGEST_BODY = 4000


@dataclass(frozen=True, slots=True)
class Saved:
    """`mark` is what stands there now; `changed` is false for a harmless repeat."""

    changed: bool
    mark: str


async def save_draft(key: TextKey, *, practice: int, words: TextWords, seen: str, by: Hand, now: datetime) -> Saved:
    """The one draft of this text says `words` now. Words that stand there already make no draft."""
    _check(words)
    async with transaction():
        history = await _locked(key, practice)
        return await _write(key, practice, history, words, seen, by, now)


async def restore_version(key: TextKey, *, practice: int, version: int, seen: str, by: Hand, now: datetime) -> Saved:
    """The words of an old version become the draft."""
    async with transaction():
        history = await _locked(key, practice)
        old = history.numbered(version)
        if old is None:
            raise NotFound("This text has no such version.")
        return await _write(key, practice, history, old.words, seen, by, now, restored=version)


async def publish_draft(key: TextKey, *, practice: int, seen: str, by: Hand, now: datetime) -> Saved:
    """The draft that was seen is what leaves from the next message on; what was published before is kept."""
    async with transaction():
        history = await _locked(key, practice)
        draft = history.draft
        if draft is None:
            if history.published is not None and history.published is history.versions[0]:
                return Saved(False, history.mark)
            raise NotFound("This text has no draft: save one first.")
        _check_seen(history, seen)
        if history.published is not None:
            await _move(key, practice, history.published, ToneState.RETIRED, now)
        check_move("The text", TONE_MOVES, draft.state, ToneState.PUBLISHED)
        await fetch(
            f"UPDATE tone_variant SET state = $6, author = $7, {RISING}, published_at = $8 "
            f"WHERE {THIS} AND version = $9",
            practice,
            *key,
            ToneState.PUBLISHED,
            by.staff,
            now,
            draft.number,
        )
        await _record(Event.TEXT_PUBLISHED, key, practice, by, now, version=draft.number)
        return Saved(True, (await text_history(practice, key)).mark)


async def discard_draft(key: TextKey, *, practice: int, seen: str, by: Hand, now: datetime) -> Saved:
    """A draft was never anybody's words but its author's: it leaves no version behind."""
    async with transaction():
        history = await _locked(key, practice)
        draft = history.draft
        if draft is None:
            return Saved(False, history.mark)
        _check_seen(history, seen)
        await fetch(f"DELETE FROM tone_variant WHERE {THIS} AND version = $6", practice, *key, draft.number)
        await _record(Event.TEXT_DISCARDED, key, practice, by, now, version=draft.number)
        return Saved(True, (await text_history(practice, key)).mark)


async def return_to_shipped(key: TextKey, *, practice: int, seen: str, by: Hand, now: datetime) -> Saved:
    """What Reprise brings leaves again from the next message on; a draft stays a draft."""
    async with transaction():
        history = await _locked(key, practice)
        published = history.published
        if published is None:
            return Saved(False, history.mark)
        _check_seen(history, seen)
        await _move(key, practice, published, ToneState.RETIRED, now)
        await _record(Event.TEXT_RETIRED, key, practice, by, now, version=published.number)
        return Saved(True, (await text_history(practice, key)).mark)


THIS = "practice = $1 AND message = $2 AND channel = $3 AND speciality = $4 AND language = $5"
# Two saves at one moment of the clock are two all the same: the mark is made of it.
RISING = "updated_at = greatest($8, updated_at + interval '1 microsecond')"


async def _locked(key: TextKey, practice: int) -> History:
    """A text that nobody has touched has no row to lock, so the practice's texts are locked as a whole."""
    await fetch("SELECT pg_advisory_xact_lock($1, $2)", TONE_LOCK, practice)
    return await text_history(practice, key)


def _check(words: TextWords) -> None:
    if len(words.body) > LONGEST_BODY or len(words.subject) > LONGEST_SUBJECT:
        raise Refused(f"A text has {LONGEST_BODY} characters at most, and its subject {LONGEST_SUBJECT}.")
    if "\0" in words.body + words.subject:
        raise Refused("The text holds a character that no message can carry: write it again.")


def _check_seen(history: History, seen: str) -> None:
    if history.mark != seen:
        raise Overtaken(_last_hand(history, seen))


def _last_hand(history: History, seen: str) -> str:
    """Whose words stand there now. A draft thrown away and a version taken back leave nobody's: what is newest then was
    there before."""
    newest = history.versions[0] if history.versions else None
    number = seen.partition("-")[0]
    if newest is None or newest.state is ToneState.RETIRED or (number.isdecimal() and int(number) > newest.number):
        return ""
    return newest.author


async def _write(
    key: TextKey,
    practice: int,
    history: History,
    words: TextWords,
    seen: str,
    by: Hand,
    now: datetime,
    **facts: Any,
) -> Saved:
    draft = history.draft
    standing = draft or history.published
    if standing is not None and standing.words == words:
        return Saved(False, history.mark)
    _check_seen(history, seen)
    if draft is None:
        number = history.versions[0].number + 1 if history.versions else 1
        await fetch(
            "INSERT INTO tone_variant (practice, message, channel, speciality, language, version, state, subject, "
            "body, author, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)",
            practice,
            *key,
            number,
            ToneState.DRAFT,
            words.subject,
            words.body,
            by.staff,
            now,
        )
    else:
        number = draft.number
        await fetch(
            f"UPDATE tone_variant SET subject = $6, body = $7, {RISING}, author = $9 WHERE {THIS} AND version = $10",
            practice,
            *key,
            words.subject,
            words.body,
            now,
            by.staff,
            number,
        )
    await _record(Event.TEXT_DRAFTED, key, practice, by, now, version=number, **facts)
    return Saved(True, (await text_history(practice, key)).mark)


async def _move(key: TextKey, practice: int, version: Version, wanted: ToneState, now: datetime) -> None:
    check_move("The text", TONE_MOVES, version.state, wanted)
    await fetch(
        f"UPDATE tone_variant SET state = $6, updated_at = greatest($7, updated_at + interval '1 microsecond') "
        f"WHERE {THIS} AND version = $8",
        practice,
        *key,
        wanted,
        now,
        version.number,
    )


async def _record(event: Event, key: TextKey, practice: int, by: Hand, now: datetime, **facts: Any) -> None:
    """Which text and which version, never its words."""
    entry = Entry(event, data={"text": "/".join(key), **facts})
    await record([entry], practice=practice, actor=by.actor, now=now)
