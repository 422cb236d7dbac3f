"""One import: the rows of a file into the database, batch by batch, then the decision on each absence."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from db.actors import INTAKE
from db.changes.absences import Decided, decide_absences, decide_in_transaction
from db.changes.intake import IntakeCounts, record_appointments, record_in_transaction
from db.engine import transaction
from db.queries.agenda import Overlap, overlaps
from db.queries.practices import Profile
from db.rules.intake_row import IntakeRow
from jobs.intake.reader import Intake
from jobs.intake.rejects import Rejected
from portal.commands._census import Census

BATCH = 500

Moved = Callable[[int], None]


class Rejects(Protocol):
    """Where rejected rows go; a dry run only counts them."""

    count: int

    def add(self, rejected: Rejected) -> None: ...


@dataclass
class Counted:
    """Rejects of a dry run."""

    count: int = 0

    def add(self, _rejected: Rejected) -> None:
        self.count += 1


@dataclass(frozen=True)
class Imported:
    """`patients`, `appointments`, `absences` and `history` are facts of the file, each counted once; all that follows
    `rejected` is what this import did, so that the same file again gives zeros."""

    file: str
    dry_run: bool
    rows: int
    patients: int
    appointments: int
    absences: int
    history: int
    rejected: int
    enrolled: int
    tasks: int
    patients_added: int
    patients_updated: int
    appointments_added: int
    appointments_changed: int
    stopped: int
    withdrawn: int
    practitioners_added: tuple[str, ...]
    overlaps: tuple[Overlap, ...]
    rounded_numbers: int
    rejected_file: Path | None = None


class _UndoIt(Exception):
    """Ends a dry run's transaction, and goes no further."""


@dataclass
class Import:
    """`moved` hears how many bytes have been read."""

    path: Path
    intake: Intake
    practice: Profile
    rejects: Rejects
    now: datetime
    moved: Moved
    _reached: int = 0

    async def run(self) -> Imported:
        return await self._run(self._record, self._decide)

    async def rehearse(self) -> Imported:
        """The same in one transaction that is rolled back."""
        found: list[Imported] = []
        try:
            async with transaction():
                found.append(await self._run(self._record_here, self._decide_here, dry_run=True))
                raise _UndoIt
        except _UndoIt:
            return found[0]

    async def _run(
        self,
        record: Callable[[list[IntakeRow]], Awaitable[IntakeCounts]],
        decide: Callable[[], Awaitable[Decided]],
        *,
        dry_run: bool = False,
    ) -> Imported:
        census, counts, decided = Census(self.practice, self.now), IntakeCounts(), Decided()
        async with _read_ahead(self._batches(self._accepted(census))) as batches:
            async for batch in batches:
                counts.add(await record(batch))
                self.moved(self._reached)
        while (part := await decide()).total:
            decided.add(part)
        held = census.counts()
        return Imported(
            file=str(self.path),
            dry_run=dry_run,
            rows=held.rows + self.rejects.count,
            patients=held.patients,
            appointments=held.appointments,
            absences=held.absences,
            history=held.history,
            rejected=self.rejects.count,
            enrolled=decided.enrolled,
            tasks=decided.tasks,
            patients_added=counts.patients_added,
            patients_updated=counts.patients_updated,
            appointments_added=counts.appointments_added,
            appointments_changed=counts.appointments_changed,
            stopped=counts.stopped,
            withdrawn=counts.withdrawn,
            practitioners_added=tuple(counts.practitioners_added),
            overlaps=tuple(await overlaps(self.practice.id, since=self.now)),
            rounded_numbers=self.intake.rounded_numbers,
        )

    def _batches(self, rows: Iterable[IntakeRow]) -> Iterator[list[IntakeRow]]:
        """Runs in the reading thread, which alone asks how far the file has been read."""
        batch: list[IntakeRow] = []
        for row in rows:
            batch.append(row)
            if len(batch) == BATCH:
                self._reached = self.intake.bytes_read
                yield batch
                batch = []
        self._reached = self.intake.bytes_total
        if batch:
            yield batch

    def _accepted(self, census: Census) -> Iterator[IntakeRow]:
        for row in self.intake.rows():
            if isinstance(row, Rejected):
                self.rejects.add(row)
            else:
                census.add(row)
                yield row

    async def _record(self, batch: list[IntakeRow]) -> IntakeCounts:
        return await record_appointments(batch, practice=self.practice, known=self.intake.contact_fields, now=self.now)

    async def _decide(self) -> Decided:
        return await decide_absences(self.practice, now=self.now)

    async def _record_here(self, batch: list[IntakeRow]) -> IntakeCounts:
        return await record_in_transaction(
            batch,
            practice=self.practice,
            known=self.intake.contact_fields,
            now=self.now,
            actor=INTAKE,
            insist=True,
        )

    async def _decide_here(self) -> Decided:
        return await decide_in_transaction(self.practice, now=self.now, actor=INTAKE, insist=True)


@asynccontextmanager
async def _read_ahead(batches: Iterator[list[IntakeRow]]) -> AsyncIterator[AsyncIterator[list[IntakeRow]]]:
    """While the database takes one batch, a thread parses the next."""

    async def each() -> AsyncIterator[list[IntakeRow]]:
        coming = loop.run_in_executor(reader, next, batches, None)
        while (batch := await coming) is not None:
            coming = loop.run_in_executor(reader, next, batches, None)
            yield batch

    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, "reading") as reader:
        yield each()
