"""Accounts at the level of the changes: what happens at the same moment, and what the HTTP tests do not reach."""

import asyncio
from datetime import timedelta

import pytest

from db.changes.accounts import (
    Answer,
    LinkUsed,
    add_member,
    deactivate_member,
    enrol_factor,
    forget_factor,
    make_link,
    request_link,
    use_code,
    use_link,
)
from db.changes.practices import save_practice
from db.changes.rights import reseal_contacts
from db.changes.security import SecurityEvent, log_security
from db.crypto import make_vault, use, vault
from db.engine import fetch, fetch_one, fetch_value
from db.errors import NotFound, Refused
from db.queries.accounts import accounts, member, pending_factor, security_entries
from db.queries.practices import Profile
from db.rules.second_factor import code_at
from db.states import Role
from db.tokens import sign_ins
from tests import factories as f

NOW = f.MONDAY
BY = "staff:terminal"
ADMIN = "dominique@tilleuls.example"


async def admin() -> tuple[int, str]:
    row = await fetch_one("SELECT id, ref FROM staff WHERE role = 'admin'")
    assert row is not None
    return row["id"], row["ref"]


async def nonce_of(practice: Profile) -> str:
    _, ref = await admin()
    return sign_ins().read(await make_link(ref, practice=practice.id, actor=BY, now=NOW))


async def enrolled(practice: Profile) -> tuple[int, str, tuple[str, ...]]:
    """Whoever it is, the secret, and the recovery codes."""
    used = await use_link(await nonce_of(practice), now=NOW)
    pending = await pending_factor(used.staff)
    assert pending is not None
    done = await enrol_factor(used.staff, code=code_at(pending.secret, NOW), now=NOW)
    assert done.answer is Answer.ACCEPTED
    return used.staff, pending.secret, done.recovery


async def test_of_many_who_use_a_link_at_once_one_has_it(practice: Profile) -> None:
    nonce = await nonce_of(practice)
    done = await asyncio.gather(*(use_link(nonce, now=NOW) for _ in range(6)), return_exceptions=True)
    assert [type(one) for one in done].count(LinkUsed) == 1
    assert [type(one) for one in done].count(NotFound) == 5


async def test_of_many_who_use_a_code_at_once_one_is_let_in(practice: Profile) -> None:
    staff, secret, _ = await enrolled(practice)
    later = NOW + timedelta(minutes=1)
    done = await asyncio.gather(*(use_code(staff, code=code_at(secret, later), now=later) for _ in range(4)))
    assert sorted(done) == [Answer.ACCEPTED, Answer.WRONG, Answer.WRONG, Answer.WRONG]


async def test_of_many_who_use_a_recovery_code_at_once_one_is_let_in(practice: Profile) -> None:
    staff, _, codes = await enrolled(practice)
    done = await asyncio.gather(*(use_code(staff, code=codes[0], now=NOW) for _ in range(4)))
    assert done.count(Answer.ACCEPTED) == 1


async def test_wrong_codes_sent_at_once_all_count(practice: Profile) -> None:
    staff, _, _ = await enrolled(practice)
    done = await asyncio.gather(*(use_code(staff, code="000000", now=NOW) for _ in range(8)))
    assert (done.count(Answer.WRONG), done.count(Answer.LOCKED)) == (4, 4)


async def test_a_factor_in_force_is_not_set_up_again(practice: Profile) -> None:
    staff, secret, _ = await enrolled(practice)
    assert await pending_factor(staff) is None
    assert (await use_link(await nonce_of(practice), now=NOW)).enrols is False
    with pytest.raises(Refused):
        await enrol_factor(staff, code=code_at(secret, NOW), now=NOW)


async def test_a_secret_that_nobody_confirmed_is_replaced_by_the_next_link(practice: Profile) -> None:
    seen = []
    for _ in range(2):
        used = await use_link(await nonce_of(practice), now=NOW)
        seen.append(await pending_factor(used.staff))
    assert seen[0] != seen[1]


async def test_somebody_in_two_practices_gets_a_link_for_each(practice: Profile) -> None:
    other = f.new_practice(key="ailleurs")
    await save_practice(other, now=NOW)
    assert await request_link(ADMIN, now=NOW) == 2
    assert await fetch_value("SELECT count(DISTINCT practice) FROM delivery") == 2


async def test_the_first_admin_of_an_installation(practice: Profile) -> None:
    given = {"practice": practice.id, "role": Role.ADMIN, "language": "en", "actor": BY, "now": NOW}
    with pytest.raises(Refused):
        await add_member("new@tilleuls.example", name="", **given)  # type: ignore[arg-type]
    ref, fresh = await add_member("new@tilleuls.example", name="Lou Petit", **given)  # type: ignore[arg-type]
    assert fresh
    assert await add_member("new@tilleuls.example", name="", **given) == (ref, False)  # type: ignore[arg-type]
    found = next(one for one in await accounts(practice.id) if one.ref == ref)
    assert (found.name, found.email, found.role, found.active) == ("Lou Petit", "new@tilleuls.example", "admin", True)
    assert await request_link("new@tilleuls.example", now=NOW) == 1


async def test_who_left_and_comes_back_keeps_the_reference(practice: Profile) -> None:
    staff, ref = await admin()
    await deactivate_member(ref, practice=practice.id, actor=BY, now=NOW)
    assert await member(staff) is None
    with pytest.raises(NotFound):
        await deactivate_member(ref, practice=practice.id, actor=BY, now=NOW)
    back = await add_member(
        ADMIN, practice=practice.id, name="", role=Role.PRACTITIONER, language="fr", actor=BY, now=NOW
    )
    assert back == (ref, False)
    found = await member(staff)
    assert found is not None
    assert found.role is Role.PRACTITIONER


async def test_forgetting_a_factor_that_there_is_not_changes_nothing(practice: Profile) -> None:
    _, ref = await admin()
    assert await forget_factor(ref, practice=practice.id, actor=BY, now=NOW) is False
    assert await security_entries(practice.id, since=NOW) == []


async def test_the_security_log_can_only_grow(practice: Profile) -> None:
    await log_security(practice.id, event=SecurityEvent.SIGNED_IN, actor=BY, now=NOW)
    with pytest.raises(Exception, match="append"):
        await fetch("UPDATE security_log SET actor = 'somebody'")


async def test_a_new_encryption_key_reaches_the_second_factors(practice: Profile) -> None:
    staff, secret, _ = await enrolled(practice)
    usual = vault()
    try:
        use(make_vault({1: b"e" * 32, 2: b"f" * 32}, b"i" * 32))
        while await reseal_contacts(now=NOW):
            pass
        use(make_vault({2: b"f" * 32}, b"i" * 32))
        later = NOW + timedelta(minutes=1)
        assert await use_code(staff, code=code_at(secret, later), now=later) is Answer.ACCEPTED
    finally:
        use(usual)
