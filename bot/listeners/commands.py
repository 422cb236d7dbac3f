"""The slash command: my list, the next case, leave, help."""

import asyncio
import re
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.blocks.home import list_text, not_linked
from bot.blocks.parts import escaped, plain_day, say
from bot.errors import SlackProblem
from bot.here import Here
from bot.identity import hand_of, member_of
from bot.listeners.days import folded, read_day
from bot.reading import text_in
from db import clock
from db.actors import staff
from db.changes.staff import Leave, end_leave, set_leave
from db.changes.worklist import claim_task
from db.errors import MessageUnderWay, Refused
from db.queries.practices import practice as profile_of
from db.queries.slack import CaseCard, Member, cases_of, claimed_since, unclaimed_cases
from db.queries.words import Words
from db.rules.windows import local_day

log = structlog.get_logger()

ANYTHING = re.compile(".*", re.DOTALL)
# The same command twice within this is one that Slack, or a thumb, sent again.
SAME_AGAIN = timedelta(seconds=10)
MOST_TRIES = 5
FOR_EXAMPLE = timedelta(days=14)


class Asked(StrEnum):
    HELP = "help"
    LIST = "list"
    NEXT = "next"
    AWAY = "away"
    BACK = "back"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Command:
    """`until` is None where the day could not be read."""

    asked: Asked
    until: date | None = None


WORDS = {
    Asked.HELP: ("", "aide", "help", "?"),
    Asked.LIST: (
        "mes dossiers",
        "mes demandes",
        "dossiers",
        "demandes",
        "liste",
        "ma liste",
        "my list",
        "list",
        "mine",
    ),
    Asked.NEXT: ("suivant", "suivante", "prendre", "next"),
    Asked.BACK: ("de retour", "retour", "present", "presente", "back"),
}
_AWAY = re.compile(
    r"(?:absent|absente|absence|away)(?: jusqu ?(?:au|a la|a|en)?| au| until| till| to)?(?: (?P<day>.+))?"
)


def read_command(text: str, today: date) -> Command:
    words = folded(text)
    for asked, spellings in WORDS.items():
        if words in spellings:
            return Command(asked)
    if (found := _AWAY.fullmatch(words)) is not None:
        return Command(Asked.AWAY, read_day(found["day"] or "", today))
    return Command(Asked.UNKNOWN)


def listen(app: AsyncApp, here: Here) -> None:
    @app.command(ANYTHING)
    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        user, url = text_in(body, "user_id"), text_in(body, "response_url")
        work = here.begin(answer(here, user, str(body.get("text") or "")))
        if await here.in_time(work):
            await ack(work.result())
            return
        words = await here.words_of(user)
        await ack(say(words, "answer_slow"))
        here.afterwards(_tell_later(here, url, work, words))


async def _tell_later(here: Here, url: str, work: asyncio.Task[str], words: Words) -> None:
    await asyncio.wait({work})
    said = say(words, "answer_failed") if work.exception() is not None else work.result()
    try:
        await here.client.whisper(url, said)
    except SlackProblem as problem:
        log.info("answer_lost", code=problem.code)


async def answer(here: Here, user: str, text: str) -> str:
    member = await member_of(here.practice, user)
    words = here.words_for(member)
    if member is None:
        return not_linked(words, base_url=here.base_url)
    today = local_day(clock.now(), (await profile_of(here.practice)).calendar)
    command = read_command(text, today)
    try:
        return await _run(here, member, command, today, words)
    except (Refused, MessageUnderWay):
        name = "command_past" if command.asked is Asked.AWAY else "answer_refused"
        return say(words, name)


async def _run(here: Here, member: Member, command: Command, today: date, words: Words) -> str:
    match command.asked:
        case Asked.LIST:
            mine = await cases_of(here.practice, member.id)
            return list_text(mine, words, base_url=here.base_url)
        case Asked.NEXT:
            return await _next(here, member, words)
        case Asked.AWAY:
            return await _away(here, member, command.until, today, words)
        case Asked.BACK:
            return await _back(here, member, words)
        case Asked.HELP:
            return _help(here, today, words)
        case Asked.UNKNOWN:
            return f"{say(words, 'command_unknown')}\n{_help(here, today, words)}"


def _help(here: Here, today: date, words: Words) -> str:
    return say(words, "command_help", command=escaped(here.access.command), day=_example(today))


def _example(today: date) -> str:
    """A day to come, in the one way of writing that nobody reads otherwise."""
    return (today + FOR_EXAMPLE).isoformat()


async def _next(here: Here, member: Member, words: Words) -> str:
    """Claim what is most pressing of what nobody has; somebody faster is no reason to give up."""
    now = clock.now()
    waiting = (await unclaimed_cases(here.practice, member, most=MOST_TRIES)).cases
    # Looked at after the list: a case that the same command has just claimed stands in one of the two.
    again = await claimed_since(here.practice, member.id, since=now - SAME_AGAIN)
    if again is not None:
        return _claimed(again, words)
    for card in waiting:
        try:
            await claim_task(card.ref, practice=here.practice, by=hand_of(member), now=now)
        except Refused:
            continue
        return _claimed(card, words)
    return say(words, "answer_nothing_next")


def _claimed(card: CaseCard, words: Words) -> str:
    return say(words, "answer_claimed", ref=escaped(card.ref), asked=words.of("asked", card.kind))


async def _away(here: Here, member: Member, until: date | None, today: date, words: Words) -> str:
    if until is None:
        return say(words, "command_day", command=escaped(here.access.command), day=_example(today))
    now = clock.now()
    done = await set_leave(
        member.ref, practice=here.practice, leave=Leave(today, until), actor=staff(member.ref), now=now
    )
    name = "command_away" if done.changed else "command_away_already"
    return say(words, name, last=plain_day(until, words), moved=str(done.moved))


async def _back(here: Here, member: Member, words: Words) -> str:
    changed = await end_leave(member.ref, practice=here.practice, actor=staff(member.ref), now=clock.now())
    return say(words, "command_back" if changed else "command_not_away")
