"""Absent patients in numbers, made as an import makes them."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from db.changes.practices import NewPractitioner
from db.queries.practices import Profile
from tests import factories
from tests.factories import PARIS

# Marked between 90 and 115 minutes after its start, an absence is due two hours after that start, to the moment.
AFTER_START = timedelta(hours=2)
MARKED_BEFORE = timedelta(minutes=5, seconds=30)
LONGEST_SPREAD = timedelta(minutes=24)
BATCH = 500


def practitioner(number: int) -> str:
    return f"Praticien {number}"


async def make_practice(smtp_port: int, *, practitioners: int = 1, now: datetime) -> Profile:
    mail = {**factories.new_practice().smtp, "port": smtp_port}
    people = tuple(NewPractitioner(practitioner(number), "general", 50, 10) for number in range(practitioners))
    return await factories.make_practice(now=now, smtp=mail, practitioners=people)


async def make_absences(practice: Profile, dues: Sequence[datetime], *, practitioners: int = 1) -> list[str]:
    """One patient with a mailbox and no telephone for each moment at which a first message is to be due, in order;
    their keys."""
    assert max(dues) - min(dues) <= LONGEST_SPREAD
    marked_at = min(dues) - MARKED_BEFORE
    rows = [
        factories.row(
            phone=None,
            phone_kind=None,
            phone_given=False,
            starts_at=due - AFTER_START,
            day=(due - AFTER_START).astimezone(PARIS).date(),
            practitioner=practitioner(number % practitioners),
        )
        for number, due in enumerate(dues)
    ]
    for start in range(0, len(rows), BATCH):
        await factories.intake(rows[start : start + BATCH], practice, now=marked_at)
    return [row.patient_key for row in rows]
