"""Which member of staff a practitioner of the agenda is: alerts about their patients go to that person."""

from db.engine import fetch
from db.queries.team import NO_ALERTS
from db.rules.names import name_key
from db.states import Role


async def link_by_name(practice: int) -> None:
    """A practitioner who is nobody's yet, and is called like exactly one practitioner of staff who hears of cases, is
    that person, however the two are written. Anybody else stays unlinked: `reprise doctor` names them, and their
    patients' alerts go up the ladder."""
    people = await fetch(
        "SELECT id, name FROM staff WHERE practice = $1 AND active AND role = $2 AND alerts <> $3",
        practice,
        Role.PRACTITIONER,
        NO_ALERTS,
    )
    keys = [name_key(row["name"]) for row in people]
    alone = [(key, row["id"]) for key, row in zip(keys, people, strict=True) if key and keys.count(key) == 1]
    await fetch(
        "UPDATE practitioner p SET staff = t.staff FROM unnest($2::text[], $3::int[]) AS t(key, staff) "
        "WHERE p.practice = $1 AND p.key = t.key AND p.staff IS NULL",
        practice,
        [key for key, _ in alone],
        [person for _, person in alone],
    )
