"""One press, one change, one sentence: what every way of acting on a case has in common.

Whatever is stale, repeated, out of order, not allowed or not linked is answered kindly, and changes nothing.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot.blocks.case import case_url
from bot.blocks.home import not_linked
from bot.blocks.parts import mention, say
from bot.here import Here
from bot.identity import hand_of, member_of
from db import clock
from db.changes.outcomes import Follow, record_outcome
from db.changes.worklist import acknowledge_task, claim_task, postpone_task, reassign_task, release_task
from db.errors import AlreadyClaimed, IllegalTransition, MayNotAct, MessageUnderWay, Outdated, Refused
from db.queries.slack import Acting, Member, Someone, case_to_act_on
from db.queries.words import Words
from db.states import CallOutcome

Change = Callable[[Here, str, Member], Awaitable[bool]]
ANSWERS: Mapping[type[Exception], str] = {
    MessageUnderWay: "answer_busy",
    MayNotAct: "answer_not_allowed",
    Outdated: "answer_changed",
    IllegalTransition: "answer_closed",
}


@dataclass(frozen=True)
class Ready:
    """Somebody who may act on a case that is open."""

    member: Member
    case: Acting
    words: Words


async def look(here: Here, user: str, ref: str) -> Ready | str:
    """The case and the person; or the sentence that says why not."""
    member = await member_of(here.practice, user)
    words = here.words_for(member)
    if member is None:
        return not_linked(words, base_url=here.base_url)
    case = await case_to_act_on(here.practice, ref, member)
    if case is None:
        return say(words, "answer_unknown")
    if not case.card.is_open:
        return say(words, "answer_closed")
    if not case.allowed:
        return say(words, "answer_not_allowed")
    return Ready(member, case, words)


async def act(here: Here, user: str, ref: str, change: Change, *, repeated: str = "answer_already") -> str | None:
    """Make a change for whoever pressed; what to tell them, None where the case's message says it all."""
    found = await look(here, user, ref)
    if isinstance(found, str):
        return found
    try:
        changed = await change(here, ref, found.member)
    except (Refused, MessageUnderWay) as problem:
        return await refusal(here, found, problem)
    return None if changed else say(found.words, repeated)


async def refusal(here: Here, found: Ready, problem: Refused | MessageUnderWay) -> str:
    words = found.words
    if isinstance(problem, AlreadyClaimed):
        holder = await _holder(here, found) or Someone(problem.holder)
        return say(words, "answer_taken", who=mention(holder, words))
    name = next((name for kind, name in ANSWERS.items() if isinstance(problem, kind)), "answer_refused")
    return say(words, name, url=case_url(here.base_url, found.case.card.ref))


async def _holder(here: Here, found: Ready) -> Someone | None:
    case = await case_to_act_on(here.practice, found.case.card.ref, found.member)
    return case.card.holder if case is not None else None


def acknowledge(*, shown: str | None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        return await acknowledge_task(ref, practice=here.practice, by=hand_of(member), now=clock.now(), shown=shown)

    return change


def claim(*, shown: str | None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        return await claim_task(ref, practice=here.practice, by=hand_of(member), now=clock.now(), shown=shown)

    return change


def release(*, shown: str | None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        return await release_task(
            ref, practice=here.practice, by=hand_of(member), now=clock.now(), own=True, shown=shown
        )

    return change


def reassign(to: str, *, shown: str | None = None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        return await reassign_task(
            ref, practice=here.practice, to=to, by=hand_of(member), now=clock.now(), own=True, shown=shown
        )

    return change


def postpone(until: datetime, *, shown: str | None = None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        return await postpone_task(
            ref, practice=here.practice, until=until, by=hand_of(member), now=clock.now(), shown=shown
        )

    return change


def conclude(outcome: CallOutcome, follow: Follow | None) -> Change:
    async def change(here: Here, ref: str, member: Member) -> bool:
        done = await record_outcome(
            ref, outcome=outcome, practice=here.practice, by=hand_of(member), now=clock.now(), follow=follow
        )
        return done.closed

    return change
