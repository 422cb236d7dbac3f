"""The App Home: what waits for one person, what nobody has taken, and their leave."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.case import case_item, case_row
from bot.blocks.parts import Block, context, escaped, header, plain_day, say, section
from db.queries.slack import LeaveShown, Listed
from db.queries.words import Words

# Slack takes a hundred blocks; a case takes two.
MOST_CASES = 20
MOST_LEAVE = 5


@dataclass(frozen=True)
class HomeShown:
    mine: Listed
    unclaimed: Listed
    leave: Sequence[LeaveShown]


def home_view(shown: HomeShown, words: Words, *, base_url: str, command: str, said: str | None = None) -> Block:
    """`said`: the answer to what was just pressed here."""
    blocks = [section(said)] if said else []
    blocks.append(context(say(words, "home_worklist", url=f"{base_url}/staff/today")))
    blocks += [header(say(words, "home_mine")), *_cases(shown.mine, words, base_url, "home_nothing_mine")]
    blocks.append(header(say(words, "home_unclaimed")))
    blocks += _cases(_without(shown.unclaimed, shown.mine), words, base_url, "home_nothing_unclaimed")
    blocks += [header(say(words, "home_leave")), section(_leave(shown.leave, words))]
    blocks.append(context(say(words, "home_command", command=escaped(command))))
    return {"type": "home", "blocks": blocks}


def unlinked_home(words: Words, *, base_url: str) -> Block:
    return {"type": "home", "blocks": [section(not_linked(words, base_url=base_url))]}


def not_linked(words: Words, *, base_url: str) -> str:
    return say(words, "answer_not_linked", url=f"{base_url}/staff/account/slack")


def list_text(listed: Listed, words: Words, *, base_url: str) -> str:
    """My cases, in the answer to a command."""
    if not listed.cases:
        return say(words, "home_nothing_mine")
    items = [case_item(card, words, base_url=base_url) for card in listed.cases[:MOST_CASES]]
    return "\n\n".join((*items, *_more(listed, words, base_url)))


def _without(listed: Listed, mine: Listed) -> Listed:
    """One that went back and forth while the two lists were read stands in both, and Slack takes it once."""
    known = {card.ref for card in mine.cases}
    left = [card for card in listed.cases if card.ref not in known]
    return Listed(left, listed.count - len(listed.cases) + len(left))


def _cases(listed: Listed, words: Words, base_url: str, nothing: str) -> list[Block]:
    if not listed.cases:
        return [section(say(words, nothing))]
    rows = [block for card in listed.cases[:MOST_CASES] for block in case_row(card, words, base_url=base_url)]
    return [*rows, *map(context, _more(listed, words, base_url))]


def _more(listed: Listed, words: Words, base_url: str) -> list[str]:
    left = listed.count - len(listed.cases[:MOST_CASES])
    return [say(words, "home_more", count=str(left), url=f"{base_url}/staff/today")] if left > 0 else []


def _leave(leave: Sequence[LeaveShown], words: Words) -> str:
    return "\n".join(_stretch(one, words) for one in leave[:MOST_LEAVE]) or say(words, "home_no_leave")


def _stretch(leave: LeaveShown, words: Words) -> str:
    first, last = plain_day(leave.starts_on, words), plain_day(leave.ends_on, words)
    if leave.stand_in is None:
        return say(words, "leave_nobody", first=first, last=last)
    return say(words, "leave_stand_in", first=first, last=last, who=escaped(leave.stand_in))
