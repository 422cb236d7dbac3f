"""Opting out: by channel, by address, and for everyone who shares it."""

from dataclasses import replace

import pytest

from db.changes._sequences import when_quiet
from db.changes.opt_outs import opt_in, opt_out_by_link
from db.changes.settlements import Outcome
from db.crypto import vault
from db.engine import fetch, fetch_value
from db.errors import NotFound
from db.queries.practices import Profile
from db.states import Channel
from tests import factories as f
from tests.db.changes.acts import (
    FIRST_DUE,
    claim_one,
    fates,
    page_of,
    run_until,
    send,
    sequence,
    settled,
    statuses,
    story,
    tasks,
)

EMAIL, SMS = Channel.EMAIL, Channel.SMS


async def opt_out(patient_key: str, *channels: Channel) -> None:
    (link, *_) = await f.link_ids(patient_key)
    await opt_out_by_link(link, channels=channels, source="page", now=f.MONDAY)


@pytest.mark.parametrize(("channel", "other"), [(SMS, EMAIL), (EMAIL, SMS)])
async def test_opting_out_of_one_channel_cancels_only_that_channel(
    practice: Profile, channel: Channel, other: Channel
) -> None:
    missed = await f.make_absence(practice)
    await opt_out(missed.patient_key, channel)
    told = await fates(missed.patient_key)
    assert {fate for (_, via), fate in told.items() if via == channel} == {("cancelled", "channel_opt_out")}
    assert {fate[0] for (_, via), fate in told.items() if via == other} == {"planned"}
    assert await sequence(missed.patient_key) == ("active", None)
    assert {one.channel for _, one in await run_until(practice, f.local(30, 12))} == {other}
    assert await sequence(missed.patient_key) == ("completed", "completed")
    assert await tasks() == []


@pytest.mark.parametrize("together", [True, False])
async def test_opting_out_of_both_stops_the_sequence(practice: Profile, together: bool) -> None:
    missed = await f.make_absence(practice)
    for channels in [[SMS, EMAIL]] if together else [[EMAIL], [SMS]]:
        await opt_out(missed.patient_key, *channels)
    assert await sequence(missed.patient_key) == ("stopped", "opted_out")
    assert await statuses(missed.patient_key) == {"cancelled"}


async def test_opting_out_of_the_only_channel_there_is_stops_the_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice, email=None)
    await opt_out(missed.patient_key, SMS)
    assert await sequence(missed.patient_key) == ("stopped", "opted_out")


async def test_opting_out_of_what_still_works_stops_the_sequence(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await settled(practice, await claim_one(practice, SMS, FIRST_DUE), Outcome.ADDRESS_INVALID, FIRST_DUE)
    await opt_out(missed.patient_key, EMAIL)
    assert await sequence(missed.patient_key) == ("stopped", "opted_out")


async def test_opting_out_again_is_harmless(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    for _ in range(3):
        await opt_out(missed.patient_key, EMAIL)
    assert await fetch_value("SELECT count(*) FROM channel_opt_out") == 1
    assert len(await story("opted_out")) == 1


async def test_register_holds_a_keyed_hash_and_no_address(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await opt_out(missed.patient_key, EMAIL)
    (row,) = await fetch("SELECT address_index, source FROM channel_opt_out")
    assert row["address_index"] == vault().index(str(missed.email), kind="email")
    assert row["source"] == "page"


async def test_family_that_shares_a_number_is_left_alone_together(practice: Profile) -> None:
    phone = "+33611111111"
    parent, child = [await f.make_absence(practice, phone=phone) for _ in range(2)]
    stranger = await f.make_absence(practice)
    await opt_out(parent.patient_key, SMS)
    for member in (parent, child):
        told = await fates(member.patient_key)
        assert {fate for (_, via), fate in told.items() if via == SMS} == {("cancelled", "channel_opt_out")}
    assert await statuses(stranger.patient_key) == {"planned"}
    assert len(await story("opted_out")) == 2
    assert sorted(one.address for one in await send(practice, FIRST_DUE) if one.channel is SMS) == [stranger.phone]


async def test_opt_out_holds_for_the_next_absence(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await opt_out(missed.patient_key, SMS)
    again = replace(missed, appointment_key="again", starts_at=f.local(16, 14))
    await f.intake([again], practice, now=f.local(16, 14, 10))
    left = await run_until(practice, f.local(30, 12))
    assert {one.channel for _, one in left} == {EMAIL}


async def test_opt_out_after_the_last_email_completes_the_sequence(practice: Profile) -> None:
    """Nothing is left on the other channel: there is nothing to wait for."""
    missed = await f.make_absence(practice)
    await send(practice, FIRST_DUE)
    await fetch("UPDATE delivery SET status = 'cancelled' WHERE channel = 'email' AND status = 'planned'")
    await opt_out(missed.patient_key, SMS)
    assert await sequence(missed.patient_key) == ("completed", "completed")


async def test_page_says_what_is_stopped(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    (link, *_) = await f.link_ids(missed.patient_key)
    assert (await page_of(link, f.MONDAY)).opted_out == ()
    await opt_out(missed.patient_key, EMAIL)
    page = await page_of(link, f.MONDAY)
    assert (page.channels, page.opted_out) == (("sms", "email"), ("email",))


async def test_opting_in_again_undoes_the_register_but_nothing_that_was_cancelled(practice: Profile) -> None:
    missed = await f.make_absence(practice)
    await opt_out(missed.patient_key, SMS)
    address = vault().index(str(missed.phone), kind="phone")

    async def change(_insist: bool) -> bool:
        return await opt_in(practice=practice.id, channel=SMS, address=address, now=FIRST_DUE)

    assert [await when_quiet(change), await when_quiet(change)] == [True, False]
    assert {one.channel for _, one in await run_until(practice, f.local(30, 12))} == {EMAIL}
    assert await story("opted_in") == [("opted_in", None)]
    await opt_out(missed.patient_key, SMS)
    assert await fetch_value("SELECT count(*) FROM channel_opt_out") == 2


async def test_dead_link_opts_nobody_out(practice: Profile) -> None:
    await f.make_absence(practice)
    with pytest.raises(NotFound):
        await opt_out_by_link("Unknown0", channels=[SMS], source="page", now=f.MONDAY)
