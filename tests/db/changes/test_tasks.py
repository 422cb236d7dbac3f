"""Tasks: a named person, a fallback, closed once."""

import pytest

from db.actors import Hand
from db.changes._tasks import NewTask, open_task
from db.changes.inbound import Meaning, record_inbound
from db.changes.outcomes import Recorded, record_outcome
from db.changes.practices import NewStaff
from db.engine import fetch, fetch_one, fetch_value, transaction
from db.errors import NotFound
from db.queries.practices import Profile
from db.queries.worklist import open_tasks, task_in_full
from db.states import CallOutcome, TaskKind
from tests import factories as f
from tests.db.changes.acts import story, tasks

NEW = NewTask(kind=TaskKind.CALL_REQUEST, dedupe="call:1", due_at=f.MONDAY)


async def opened(practice: int, task: NewTask = NEW) -> bool:
    async with transaction():
        return await open_task(task, practice=practice, actor="system", now=f.MONDAY)


async def closed(practice: int, ref: str) -> Recorded:
    return await record_outcome(ref, outcome=CallOutcome.HANDLED, practice=practice, by=Hand("staff:x"), now=f.MONDAY)


async def test_same_event_opens_one_task(practice: Profile) -> None:
    assert [await opened(practice.id), await opened(practice.id)] == [True, False]
    assert await story("task_opened") == [("task_opened", "call_request")]


async def test_same_event_stays_one_task_after_it_was_closed(practice: Profile) -> None:
    await opened(practice.id)
    ref = await fetch_value("SELECT ref FROM task")
    assert (await closed(practice.id, ref)).closed
    assert not await opened(practice.id)


@pytest.mark.parametrize(
    ("staff", "assignee", "fallback"),
    [
        ((), None, None),
        ((("A", "admin", None),), "A", None),
        ((("A", "admin", None), ("F", "front_desk", None)), "F", "A"),
        ((("F", "front_desk", None), ("C", "care_coordinator", None), ("G", "front_desk", None)), "F", "C"),
        ((("F", "front_desk", "a"), ("C", "care_coordinator", None), ("A", "admin", None)), "F", "A"),
    ],
    ids=["nobody", "alone", "by role", "whoever speaks with patients first", "the fallback that is named"],
)
async def test_task_goes_to_a_named_person_with_a_fallback(
    database: None, staff: tuple[tuple[str, str, str | None], ...], assignee: str | None, fallback: str | None
) -> None:
    people = tuple(
        NewStaff(name, f"{name.lower()}@x.example", role, "fr", f"{to}@x.example" if to else None)
        for name, role, to in staff
    )
    practice = await f.make_practice(staff=people)
    await opened(practice.id)
    (task,) = await open_tasks(practice.id, now=f.MONDAY)
    assert (task.assignee, task.fallback) == (assignee, fallback)


async def test_person_who_has_left_gets_no_task(practice: Profile) -> None:
    await fetch("UPDATE staff SET active = false WHERE name = 'Camille Roux'")
    await opened(practice.id)
    (task,) = await open_tasks(practice.id, now=f.MONDAY)
    assert task.assignee == "Dominique Petit"


async def test_closing_drops_the_patients_words_and_is_told_once(practice: Profile) -> None:
    reply = {"gateway": "twilio", "provider_id": "SM1", "from_e164": "+33611111111", "text": "Merci"}
    await record_inbound(practice=practice.id, meaning=Meaning.REPLY, now=f.MONDAY, **reply)  # type: ignore[arg-type]
    ref = await fetch_value("SELECT ref FROM task")
    assert (await task_in_full(practice.id, ref)).text is not None
    assert [(await closed(practice.id, ref)).closed for _ in range(2)] == [True, False]
    row = await fetch_one("SELECT status, body, outcome, closed_at FROM task")
    assert row is not None
    assert tuple(row.values()) == ("done", None, "handled", f.MONDAY)
    assert await open_tasks(practice.id, now=f.MONDAY) == []
    assert len(await story("task_closed")) == 1


async def test_task_of_another_practice_is_not_found(practice: Profile) -> None:
    await opened(practice.id)
    ref = await fetch_value("SELECT ref FROM task")
    with pytest.raises(NotFound):
        await closed(practice.id + 1, ref)
    assert await tasks() == ["call_request"]
