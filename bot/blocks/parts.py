"""The pieces of Block Kit, with every value made harmless."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from babel.dates import format_date, format_datetime

from db.queries.slack import Someone
from db.queries.words import Words
from db.rules.windows import zone_named

Block = dict[str, Any]

LONGEST_SECTION = 3000
LONGEST_BUTTON = 75
LONGEST_OPTION = 75


def escaped(text: str) -> str:
    """For `mrkdwn`: nobody is called, nothing is linked, by what a value holds."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1] + "…"


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def say(words: Words, name: str, **values: str) -> str:
    """One sentence of the group `slack`; values must be escaped already."""
    return words.groups["slack"][name].format(**values)


def mention(someone: Someone | None, words: Words) -> str:
    if someone is None:
        return say(words, "nobody")
    return f"<@{someone.slack}>" if someone.slack else escaped(someone.name)


def moment(at: datetime, zone: str, words: Words) -> str:
    """In the reader's own zone and ways, where Slack can; else in the practice's."""
    return f"<!date^{int(at.timestamp())}^{words.groups['slack']['date_tokens']}|{plain_moment(at, zone, words)}>"


def plain_moment(at: datetime, zone: str, words: Words) -> str:
    return format_datetime(
        at.astimezone(zone_named(zone)), words.day_and_time, tzinfo=zone_named(zone), locale=words.language
    )


def plain_day(day: date, words: Words) -> str:
    return format_date(day, words.day, locale=words.language)


def section(text: str, **more: Any) -> Block:
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut(text, LONGEST_SECTION)}, **more}


def context(text: str) -> Block:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut(text, LONGEST_SECTION)}]}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, 150)}


def plain(text: str, longest: int) -> Mapping[str, Any]:
    return {"type": "plain_text", "text": cut(text, longest), "emoji": False}


def button(text: str, action: str, value: str, *, primary: bool = False) -> Block:
    made = {"type": "button", "text": plain(text, LONGEST_BUTTON), "action_id": action, "value": value}
    return made | ({"style": "primary"} if primary else {})


def actions(*elements: Block, block_id: str) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def option(text: str, value: str, **more: str) -> Block:
    return {"text": plain(text, LONGEST_OPTION), "value": value, **more}


def overflow(action: str, options: Sequence[Block]) -> Block:
    return {"type": "overflow", "action_id": action, "options": list(options)}
