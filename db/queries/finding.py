"""Finding a patient: by what an index knows, else by name.

Names are sealed and no index knows them, so a search by name opens those of the practice, a handful at a time, compares
and forgets them: some fifteen microseconds of the processor for a patient, so a fifth of a second for ten thousand.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date

from db.crypto import vault
from db.engine import Row, fetch
from db.queries.people import SHOWN_NUMBER
from db.queries.practices import Profile
from db.rules import emails, telephones
from db.rules.folding import folded

MOST_FOUND = 20
LONGEST_ASKED = 200
# One letter would list half of the practice.
SHORTEST_NAME = 2
# Written together what others write apart: "delafontaine". Anything shorter stands within too many names.
SHORTEST_WITHIN = 5
# Opened in one go, before other requests have their turn.
HANDFUL = 1000
_UNSEEN = re.compile(r"[\x00-\x1f\x7f]+")
# A number or an address that nobody has is no name.
_NO_NAME = re.compile(r"[\d@]")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class FoundPatient:
    """`number` is the practice's own; `last_day` that of the latest appointment, past or ahead."""

    ref: str
    number: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    last_day: date | None


@dataclass(frozen=True)
class Found:
    """`more`: others match as well, and are not shown."""

    patients: tuple[FoundPatient, ...]
    more: bool


async def find_patients(practice: Profile, asked: str) -> Found:
    """By a number or a reference, as they are written; by a telephone or an email, however written: a family may share
    one. Where none of these is known, by the beginnings of the words of a name, without accents or order."""
    text = " ".join(_UNSEEN.sub(" ", asked).split())[:LONGEST_ASKED]
    ids = await _known(practice, text) or await _named(practice.id, text)
    rows = await fetch(
        f"SELECT p.ref, {SHOWN_NUMBER} AS number, p.first_name, p.last_name, "
        "(SELECT max(a.day) FROM appointment a WHERE a.patient = p.id) AS last_day "
        "FROM patient p JOIN unnest($1::bigint[]) WITH ORDINALITY AS t(id, place) USING (id) ORDER BY t.place",
        list(ids[:MOST_FOUND]),
    )
    return Found(tuple(_found(row) for row in rows), more=len(ids) > MOST_FOUND)


async def _known(practice: Profile, text: str) -> list[int]:
    phone = telephones.read(text, practice.country)
    email = emails.read(text)
    numbers = sorted({text, text.upper(), text.lower()})
    rows = await fetch(
        "SELECT p.id FROM patient p WHERE p.id IN ("
        "SELECT id FROM patient WHERE practice = $1 AND key = ANY($2) "
        "UNION SELECT id FROM patient WHERE practice = $1 AND ref = $4 "
        "UNION SELECT id FROM patient WHERE practice = $1 AND phone_index = $5 "
        "UNION SELECT id FROM patient WHERE practice = $1 AND email_index = $6 "
        "UNION SELECT patient FROM appointment WHERE practice = $1 AND (key = ANY($3) OR ref = $4) "
        "UNION SELECT patient FROM task WHERE practice = $1 AND ref = $4) ORDER BY p.key, p.id LIMIT $7",
        practice.id,
        numbers,
        [f"n:{number}" for number in numbers],
        text.lower(),
        phone and vault().index(phone.e164, kind="phone"),
        email and vault().index(email, kind="email"),
        MOST_FOUND + 1,
    )
    return [row["id"] for row in rows]


async def _named(practice: int, text: str) -> list[int]:
    """By last name, then by first name."""
    wanted = _words(text)
    if sum(map(len, wanted)) < SHORTEST_NAME or _NO_NAME.search(text):
        return []
    found = []
    async for rows in _handfuls(practice):
        for row in rows:
            first, last = _words(_opened(row, "first_name")), _words(_opened(row, "last_name"))
            if _matches(wanted, first, last):
                found.append((last, first, row["id"]))
        # Other requests come in between.
        await asyncio.sleep(0)
    return [one for _, _, one in sorted(found)]


async def _handfuls(practice: int) -> AsyncIterator[Sequence[Row]]:
    after = 0
    while rows := await fetch(
        "SELECT id, ref, first_name, last_name FROM patient WHERE practice = $1 AND id > $2 "
        "AND (first_name IS NOT NULL OR last_name IS NOT NULL) ORDER BY id LIMIT $3",
        practice,
        after,
        HANDFUL,
    ):
        yield rows
        after = rows[-1]["id"]


def _matches(wanted: list[str], first: list[str], last: list[str]) -> bool:
    words = first + last
    if all(any(word.startswith(one) for word in words) for one in wanted):
        return True
    together = "".join(wanted)
    return len(together) >= SHORTEST_WITHIN and together in "".join(words) + " " + "".join(last + first)


def _words(text: str) -> list[str]:
    plain = folded(text).replace("œ", "oe").replace("æ", "ae")
    return _NOT_WORD.sub(" ", plain).split()


def _found(row: Row) -> FoundPatient:
    return FoundPatient(
        ref=row["ref"],
        number=row["number"],
        first_name=_opened(row, "first_name"),
        last_name=_opened(row, "last_name"),
        last_day=row["last_day"],
    )


def _opened(row: Row, name: str) -> str:
    return "" if row[name] is None else vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
