"""Finding a patient by what can be looked up: names are sealed, and no index knows them."""

from dataclasses import dataclass, field
from datetime import date

from db.crypto import vault
from db.engine import Row, fetch
from db.queries.people import SHOWN_NUMBER
from db.queries.practices import Profile
from db.rules import emails, telephones

MOST_FOUND = 20
LONGEST_ASKED = 200


@dataclass(frozen=True)
class FoundPatient:
    """`number` is the practice's own; `last_day` that of the latest appointment, past or ahead."""

    ref: str
    number: str
    first_name: str = field(repr=False)
    last_name: str = field(repr=False)
    last_day: date | None


async def find_patients(practice: Profile, asked: str) -> tuple[FoundPatient, ...]:
    """By the practice's number or our reference, as they are written; by a telephone or an email, however written.
    A family may share one."""
    text = asked.strip()[:LONGEST_ASKED]
    phone = telephones.read(text, practice.country)
    email = emails.read(text)
    rows = await fetch(
        f"SELECT p.ref, {SHOWN_NUMBER} AS number, p.first_name, p.last_name, "
        "(SELECT max(a.day) FROM appointment a WHERE a.patient = p.id) AS last_day FROM patient p WHERE p.id IN ("
        "SELECT id FROM patient WHERE practice = $1 AND key = ANY($2) "
        "UNION SELECT id FROM patient WHERE practice = $1 AND ref = $3 "
        "UNION SELECT id FROM patient WHERE practice = $1 AND phone_index = $4 "
        "UNION SELECT id FROM patient WHERE practice = $1 AND email_index = $5) ORDER BY p.key, p.id LIMIT $6",
        practice.id,
        sorted({text, text.upper(), text.lower()}),
        text,
        phone and vault().index(phone.e164, kind="phone"),
        email and vault().index(email, kind="email"),
        MOST_FOUND,
    )
    return tuple(_found(row) for row in rows)


def _found(row: Row) -> FoundPatient:
    opened = {
        name: "" if row[name] is None else vault().open(row[name], owner=row["ref"], field=f"patient.{name}")
        for name in ("first_name", "last_name")
    }
    return FoundPatient(ref=row["ref"], number=row["number"], last_day=row["last_day"], **opened)
