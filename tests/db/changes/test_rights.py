"""Rotating the key that seals contacts; taking a copy of what is kept about a patient."""

import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from db import crypto
from db.changes.inbound import Meaning, record_inbound
from db.changes.rights import record_export, reseal_contacts
from db.config import Config
from db.crypto import Vault, make_vault, vault
from db.engine import fetch, fetch_one, fetch_value
from db.errors import ConfigurationError, NotFound
from db.queries.practices import Profile, sending
from db.queries.worklist import task_in_full
from db.states import TaskKind, TaskStatus
from tests import factories as f
from tests.conftest import a_key
from tests.db.changes.acts import FIRST_DUE, send, story
from tests.patient_files import add_task

LATER = f.MONDAY + timedelta(hours=1)


def ring(*letters: str) -> Vault:
    """Keys numbered from 1; the last one seals."""
    keys = {number: base64.urlsafe_b64decode(a_key(letter)) for number, letter in enumerate(letters, start=1)}
    return make_vault(keys, vault().index_key)


@pytest.fixture
def keys(config: Config) -> Iterator[None]:
    """Whatever a test does to the keys of this process is undone."""
    usual = vault()
    yield
    crypto.use(usual)


async def reseal(most: int = 500) -> int:
    done = 0
    while count := await reseal_contacts(now=LATER, most=most):
        done += count
    return done


async def contents(practice: Profile) -> Any:
    patients = await fetch("SELECT ref, first_name, last_name, phone, email FROM patient ORDER BY id")
    opened = [
        [
            None if value is None else vault().open(value, owner=row["ref"], field=f"patient.{name}")
            for name, value in row.items()
            if name != "ref"
        ]
        for row in patients
    ]
    (staff,) = await fetch("SELECT ref, email FROM staff ORDER BY id LIMIT 1")
    task = await fetch_value("SELECT ref FROM task")
    return (
        opened,
        vault().open(staff["email"], owner=staff["ref"], field="staff.email"),
        (await sending(practice.id)).sms,
        (await task_in_full(practice.id, task)).text,
    )


async def filled(practice: Profile) -> None:
    kinds: list[dict[str, Any]] = [{}, {"email": None}, {"phone": None, "phone_kind": None}]
    for changes in kinds:
        await f.make_absence(practice, **changes)
    reply = {"gateway": "twilio", "provider_id": "SM1", "from_e164": "+33611111111", "text": "Merci"}
    await record_inbound(practice=practice.id, meaning=Meaning.REPLY, now=f.MONDAY, **reply)  # type: ignore[arg-type]


async def test_everything_is_sealed_anew_and_the_old_key_may_go(practice: Profile, keys: None) -> None:
    await filled(practice)
    before = await contents(practice)
    crypto.use(ring("e", "n"))
    assert await contents(practice) == before
    assert await reseal() == 3 + 1 + 2 + 1
    crypto.use(make_vault({2: base64.urlsafe_b64decode(a_key("n"))}, vault().index_key))
    assert await contents(practice) == before


async def test_batches_end_and_doing_it_again_does_nothing(practice: Profile, keys: None) -> None:
    await filled(practice)
    crypto.use(ring("e", "n"))
    assert await reseal(most=1) == 7
    before = await fetch("SELECT phone FROM patient")
    assert await reseal() == 0
    assert await fetch("SELECT phone FROM patient") == before


async def test_row_under_two_keys_keeps_what_is_current(practice: Profile, keys: None) -> None:
    missed = await f.make_absence(practice)
    crypto.use(ring("e", "n"))
    await f.intake([replace(missed, email="new@mail.example")], practice, now=LATER, known=frozenset({"email"}))
    row = await fetch_one("SELECT phone, email FROM patient")
    assert row is not None
    assert (row["phone"][0], row["email"][0]) == (1, 2)
    await reseal()
    after = await fetch_one("SELECT phone, email FROM patient")
    assert after is not None
    assert (after["phone"][0], after["email"]) == (2, row["email"])


async def test_messages_go_on_during_a_rotation(practice: Profile, keys: None) -> None:
    missed = await f.make_absence(practice)
    crypto.use(ring("e", "n"))
    sent = await send(practice, FIRST_DUE)
    assert {one.address for one in sent} == {missed.phone, missed.email}


async def test_blind_index_outlives_the_rotation(practice: Profile, keys: None) -> None:
    missed = await f.make_absence(practice)
    crypto.use(ring("e", "n"))
    await reseal()
    assert await fetch_value("SELECT phone_index FROM patient") == vault().index(str(missed.phone), kind="phone")


async def test_journal_says_how_much_and_of_whom_nothing(practice: Profile, keys: None) -> None:
    await filled(practice)
    crypto.use(ring("e", "n"))
    await reseal()
    assert len(await story("contacts_resealed")) == 4
    rows = await fetch("SELECT patient_ref, data FROM journal WHERE event = 'contacts_resealed' ORDER BY id")
    assert {row["patient_ref"] for row in rows} == {None}
    assert rows[0]["data"] == '{"key": 2, "rows": 3, "table": "patient"}'


async def test_key_that_is_missing_is_said_and_nothing_is_changed(practice: Profile, keys: None) -> None:
    await f.make_absence(practice)
    before = await fetch("SELECT phone FROM patient")
    crypto.use(make_vault({2: base64.urlsafe_b64decode(a_key("n"))}, vault().index_key))
    with pytest.raises(ConfigurationError, match="key 1 is missing"):
        await reseal_contacts(now=LATER)
    assert await fetch("SELECT phone FROM patient") == before


async def test_note_of_staff_and_address_of_an_answer_are_sealed_anew_as_well(practice: Profile, keys: None) -> None:
    missed = await f.make_absence(practice)
    ref = await add_task(missed.patient_key, TaskKind.CALL, TaskStatus.OPEN, note="Rappeler")
    address = vault().seal("+33611111111", owner="delivery2345", field="delivery.address")
    await fetch("UPDATE delivery SET ref = 'delivery2345', address = $1 WHERE id = 1", address)
    crypto.use(ring("e", "n"))
    await reseal()
    crypto.use(make_vault({2: base64.urlsafe_b64decode(a_key("n"))}, vault().index_key))
    note = await fetch_value("SELECT note FROM task WHERE ref = $1", ref)
    assert vault().open(note, owner=ref, field="task.note") == "Rappeler"
    address = await fetch_value("SELECT address FROM delivery WHERE id = 1")
    assert vault().open(address, owner="delivery2345", field="delivery.address") == "+33611111111"


async def test_each_copy_of_a_patient_s_file_is_an_entry_with_its_actor(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    given: dict[str, Any] = {"practice": practice.id, "actor": "staff:abc", "now": LATER}
    ref = await record_export(missed.patient_key, form="csv", **given)
    assert await record_export(ref, form="html", **given) == ref
    rows = await fetch("SELECT at, actor, patient_ref, data FROM journal WHERE event = 'exported' ORDER BY id")
    assert [(row["at"], row["actor"], row["patient_ref"]) for row in rows] == [(LATER, "staff:abc", ref)] * 2
    assert [row["data"] for row in rows] == ['{"format": "csv"}', '{"format": "html"}']


async def test_copy_for_nobody_is_refused_and_not_recorded(practice: Profile) -> None:
    with pytest.raises(NotFound):
        await record_export("P404", practice=practice.id, form="json", actor="staff:abc", now=LATER)
    assert await story("exported") == []
