"""The practice's own words: what is published, what is being written, and every version with who and when."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from db.engine import Row, fetch, fetch_one
from db.states import ToneState

AUTHOR = "LEFT JOIN staff s ON s.id = t.author AND s.practice = t.practice"


class TextKey(NamedTuple):
    message: str
    channel: str
    speciality: str
    language: str


@dataclass(frozen=True, slots=True)
class TextWords:
    """What an admin writes: the source of an SMS, which has no subject, or of an email."""

    body: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """`author` is the name of who wrote it last, or published it; empty where that is not known any more."""

    number: int
    state: ToneState
    words: TextWords
    author: str
    updated_at: datetime
    published_at: datetime | None

    @property
    def mark(self) -> str:
        return f"{self.number}-{self.updated_at.timestamp():.6f}"


@dataclass(frozen=True, slots=True)
class History:
    """All versions of one text, newest first."""

    versions: tuple[Version, ...]

    @property
    def draft(self) -> Version | None:
        return self._in(ToneState.DRAFT)

    @property
    def published(self) -> Version | None:
        return self._in(ToneState.PUBLISHED)

    @property
    def mark(self) -> str:
        """What stands there now; whoever saves says which mark they saw. Empty for a text that nobody has touched."""
        return self.versions[0].mark if self.versions else ""

    def numbered(self, number: int) -> Version | None:
        return next((one for one in self.versions if one.number == number), None)

    def _in(self, state: ToneState) -> Version | None:
        return next((one for one in self.versions if one.state is state), None)


async def text_history(practice: int, key: TextKey) -> History:
    rows = await fetch(
        "SELECT t.version, t.state, t.subject, t.body, coalesce(s.name, '') AS author, t.updated_at, t.published_at "
        f"FROM tone_variant t {AUTHOR} WHERE t.practice = $1 AND t.message = $2 AND t.channel = $3 "
        "AND t.speciality = $4 AND t.language = $5 ORDER BY t.version DESC",
        practice,
        *key,
    )
    return History(tuple(_version(row) for row in rows))


def _version(row: Row) -> Version:
    return Version(
        number=row["version"],
        state=ToneState(row["state"]),
        words=TextWords(row["body"], row["subject"]),
        author=row["author"],
        updated_at=row["updated_at"],
        published_at=row["published_at"],
    )


async def live_texts(practice: int) -> Mapping[TextKey, frozenset[ToneState]]:
    """Which texts are changed, being written, or both; any other is as it was shipped."""
    found: dict[TextKey, set[ToneState]] = defaultdict(set)
    rows = await fetch(
        "SELECT message, channel, speciality, language, state FROM tone_variant WHERE practice = $1 "
        "AND state = ANY($2)",
        practice,
        [ToneState.DRAFT, ToneState.PUBLISHED],
    )
    for row in rows:
        found[_key(row)].add(ToneState(row["state"]))
    return {key: frozenset(states) for key, states in found.items()}


async def published_mark(practice: int) -> tuple[tuple[int, ...], datetime | None]:
    """Changes whenever the published texts do; a published text itself never changes."""
    row = await fetch_one(
        "SELECT coalesce(array_agg(id ORDER BY id), '{}') AS ids, max(published_at) AS latest FROM tone_variant "
        "WHERE practice = $1 AND state = $2",
        practice,
        ToneState.PUBLISHED,
    )
    assert row is not None
    return tuple(row["ids"]), row["latest"]


class Published(NamedTuple):
    words: TextWords
    version: int


async def published_texts(practice: int) -> Mapping[TextKey, Published]:
    rows = await fetch(
        "SELECT message, channel, speciality, language, subject, body, version FROM tone_variant WHERE practice = $1 "
        "AND state = $2",
        practice,
        ToneState.PUBLISHED,
    )
    return {_key(row): Published(TextWords(row["body"], row["subject"]), row["version"]) for row in rows}


async def version_words(practice: int, key: TextKey, version: int) -> TextWords | None:
    """Words that are or were published: unlike a draft, they never change."""
    row = await fetch_one(
        "SELECT subject, body FROM tone_variant WHERE practice = $1 AND message = $2 AND channel = $3 "
        "AND speciality = $4 AND language = $5 AND version = $6 AND state <> $7",
        practice,
        *key,
        version,
        ToneState.DRAFT,
    )
    return TextWords(row["body"], row["subject"]) if row is not None else None


def _key(row: Row) -> TextKey:
    return TextKey(row["message"], row["channel"], row["speciality"], row["language"])
