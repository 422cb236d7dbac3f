"""The slash command: my list, the next case, leave, help."""

import re
import unicodedata
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
_AWAY = re.compile(r"(?:absent|absente|absence|away)(?: jusqu ?au| jusqu a| au| until| till| to)?(?: (?P<day>\S+))?")
_LOCAL_DAY = re.compile(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4})")


def read_command(text: str) -> Command:
    folded = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    folded = " ".join(re.sub(r"['’`*_]", " ", folded).split())
    for asked, spellings in WORDS.items():
        if folded in spellings:
            return Command(asked)
    if (found := _AWAY.fullmatch(folded)) is not None:
        return Command(Asked.AWAY, read_day(found["day"] or ""))
    return Command(Asked.UNKNOWN)


def read_day(text: str) -> date | None:
    """`2026-12-01`, or as it is written by hand: `1/12/2026`."""
    local = _LOCAL_DAY.fullmatch(text)
    try:
        if local is not None:
            return date(int(local[3]), int(local[2]), int(local[1]))
        return date.fromisoformat(text)
    except ValueError:
        return None


def listen(app: AsyncApp, here: Here) -> None:
    @app.command(ANYTHING)
    async def command(ack: AsyncAck, body: dict[str, Any]) -> None:
        work = here.begin(answer(here, body["user_id"], body.get("text") or ""))
        if await here.in_time(work):
            await ack(work.result())
            return
        words = here.words_for(await member_of(here.practice, body["user_id"]))
        await ack(say(words, "answer_slow"))
        try:
            await here.client.whisper(body["response_url"], await work)
        except SlackProblem as problem:
            log.info("answer_lost", code=problem.code)


async def answer(here: Here, user: str, text: str) -> str:
    member = await member_of(here.practice, user)
    words = here.words_for(member)
    if member is None:
        return not_linked(words, base_url=here.base_url)
    command = read_command(text)
    try:
        return await _run(here, member, command, words)
    except (Refused, MessageUnderWay):
        name = "command_past" if command.asked is Asked.AWAY else "answer_refused"
        return say(words, name)


async def _run(here: Here, member: Member, command: Command, words: Words) -> str:
    match command.asked:
        case Asked.LIST:
            return list_text(await cases_of(here.practice, member.id), words, base_url=here.base_url)
        case Asked.NEXT:
            return await _next(here, member, words)
        case Asked.AWAY:
            return await _away(here, member, command.until, words)
        case Asked.BACK:
            return await _back(here, member, words)
        case Asked.HELP:
            return _help(here, words)
        case Asked.UNKNOWN:
            return f"{say(words, 'command_unknown')}\n{_help(here, words)}"


def _help(here: Here, words: Words) -> str:
    return say(words, "command_help", command=escaped(here.access.command))


async def _next(here: Here, member: Member, words: Words) -> str:
    """Claim what is most pressing of what nobody has; somebody faster is no reason to give up."""
    now = clock.now()
    waiting = await unclaimed_cases(here.practice, member, most=MOST_TRIES)
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


async def _away(here: Here, member: Member, until: date | None, words: Words) -> str:
    if until is None:
        return say(words, "command_day", command=escaped(here.access.command))
    now = clock.now()
    today = local_day(now, (await profile_of(here.practice)).calendar)
    done = await set_leave(
        member.ref, practice=here.practice, leave=Leave(today, until), actor=staff(member.ref), now=now
    )
    name = "command_away" if done.changed else "command_away_already"
    return say(words, name, last=plain_day(until, words), moved=str(done.moved))


async def _back(here: Here, member: Member, words: Words) -> str:
    changed = await end_leave(member.ref, practice=here.practice, actor=staff(member.ref), now=clock.now())
    return say(words, "command_back" if changed else "command_not_away")
