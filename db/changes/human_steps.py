"""Steps that people take, as they fall due. Whether one is still needed is decided then, and never earlier."""

from datetime import datetime

from db.changes._opening import open_step, read_steps
from db.changes._sequences import when_quiet
from db.engine import fetch
from db.queries.practices import Profile
from db.queries.practices import practice as profile_of
from db.states import TaskStatus


async def open_due_steps(*, now: datetime, limit: int = 100) -> int:
    """Open the steps that are due, or skip those that the patient's answer made needless; returns how many were
    looked at."""

    async def change(_insist: bool) -> int:
        due = await fetch(
            f"SELECT id FROM task WHERE status = '{TaskStatus.PLANNED}' AND due_at <= $1 ORDER BY due_at, id LIMIT $2 "
            "FOR UPDATE SKIP LOCKED",
            now,
            limit,
        )
        # A second statement, so that it sees what was committed up to the moment the rows were locked.
        rows = await read_steps([row["id"] for row in due], now=now) if due else []
        profiles: dict[int, Profile] = {}
        for row in rows:
            if row["practice"] not in profiles:
                profiles[row["practice"]] = await profile_of(row["practice"])
            await open_step(row, profiles[row["practice"]], now=now)
        return len(rows)

    return await when_quiet(change)
