"""A case as one message: its reference, what is asked, by when, who has it, and what to press. Nothing of the patient.

Pure: the same card gives the same message, so what stands at Slack can be held against the database.
"""

from dataclasses import dataclass

from bot.blocks.parts import (
    Block,
    actions,
    button,
    capital,
    context,
    escaped,
    mention,
    moment,
    option,
    overflow,
    plain_moment,
    say,
    section,
)
from db.queries.slack import CaseCard, CaseLine
from db.queries.words import Words
from db.states import TaskStatus

SEEN, MINE, OUTCOME, MORE = "case_seen", "case_mine", "case_outcome", "case_more"
RELEASE, REASSIGN, NOTE = "release", "reassign", "note"
MOST_LINES = 15


@dataclass(frozen=True, slots=True)
class Said:
    """A message: `text` is what a notification and a screen reader say of it."""

    text: str
    blocks: list[Block]


def value_of(what: str, card: CaseCard) -> str:
    """What a press brings back: `what` it is, on which case, and the state that whoever pressed saw."""
    return f"{what}:{card.ref}:{card.mark}"


def case_url(base_url: str, ref: str) -> str:
    return f"{base_url}/staff/cases/{ref}"


def case_message(card: CaseCard, words: Words, *, base_url: str) -> Said:
    blocks = [_heading(card, words, base_url), section("\n".join(_facts(card, words)))]
    if card.is_open:
        blocks.append(actions(*_buttons(card, words), block_id="case"))
    blocks.append(context(_link(card, words, base_url)))
    return Said(plain_text(card, words), blocks)


def case_row(card: CaseCard, words: Words, *, base_url: str) -> list[Block]:
    """The same case in a list of the App Home."""
    text = "\n".join((_title(card, words), *_facts(card, words), _link(card, words, base_url)))
    return [section(text), actions(*_buttons(card, words), block_id=f"case_{card.ref}")]


def case_item(card: CaseCard, words: Words, *, base_url: str) -> str:
    """The same case as a line of a list, without anything to press."""
    due = [_facts(card, words)[0]] if card.deadline_at is not None else []
    return "\n".join((_title(card, words), *due, _link(card, words, base_url)))


def plain_text(card: CaseCard, words: Words) -> str:
    name = "plain_priority" if card.is_pressing else "plain"
    said = say(words, name, asked=capital(words.of("asked", card.kind)), ref=escaped(card.ref))
    if card.deadline_at is None or not card.is_open:
        return said
    by_when = say(words, "plain_deadline", deadline=plain_moment(card.deadline_at, card.zone, words))
    return f"{said}, {by_when}"


def elsewhere_message(ref: str, words: Words) -> Said:
    """In the place that the case's message has left: it tells no state, so it is never out of date."""
    return Said(say(words, "elsewhere_plain", ref=escaped(ref)), [section(say(words, "elsewhere", ref=escaped(ref)))])


def thread_message(card: CaseCard, lines: tuple[CaseLine, ...], words: Words) -> Said | None:
    """What happened, when, and by whom; None where nothing of it is worth telling."""
    told = [line for line in lines if f"line_{line.event}" in words.groups["slack"]]
    if not told:
        return None
    return Said(
        say(words, "thread_plain", ref=escaped(card.ref)),
        [section("\n".join(_line(line, words) for line in told[-MOST_LINES:]))],
    )


def notice_message(card: CaseCard, occasion: str, words: Words, *, base_url: str, link: str | None) -> Said:
    """Told to one person alone: an event, not a state. `link` leads to the case's own message."""
    asked = words.of("asked", card.kind)
    if card.is_pressing:
        asked = f"{asked}, {say(words, 'priority')}"
    said = say(words, f"notice_{occasion}", asked=asked, ref=escaped(card.ref))
    links = [_link(card, words, base_url)]
    if link is not None:
        links.insert(0, f"<{escaped(link)}|{say(words, 'see_case')}>")
    return Said(plain_text(card, words), [section(said), context(" · ".join(links))])


def _heading(card: CaseCard, words: Words, base_url: str) -> Block:
    if not card.is_open:
        return section(_title(card, words))
    return section(_title(card, words), accessory=overflow(MORE, _more(card, words, base_url)))


def _title(card: CaseCard, words: Words) -> str:
    name = "heading_priority" if card.is_pressing else "heading"
    return say(words, name, asked=capital(words.of("asked", card.kind)), ref=escaped(card.ref))


def _facts(card: CaseCard, words: Words) -> list[str]:
    facts = []
    if card.is_open and card.deadline_at is not None:
        facts.append(say(words, "deadline", deadline=moment(card.deadline_at, card.zone, words)))
    if card.is_open and card.promised_at is not None:
        facts.append(say(words, "promised", moment=moment(card.promised_at, card.zone, words)))
    if card.is_open and card.holder is None:
        facts.append(say(words, "assignee", who=mention(card.assignee, words)))
    return [*facts, _state(card, words)]


def _state(card: CaseCard, words: Words) -> str:
    somebody = say(words, "somebody")
    match card.status:
        case TaskStatus.CLAIMED:
            return say(words, "state_claimed", who=mention(card.holder, words) if card.holder else somebody)
        case TaskStatus.ACKNOWLEDGED:
            return say(words, "state_acknowledged", who=mention(card.seen_by, words) if card.seen_by else somebody)
        case TaskStatus.DONE if card.closed_by is not None:
            return say(words, "state_done", who=mention(card.closed_by, words))
        case TaskStatus.DONE:
            return say(words, "state_done_unsigned")
        case TaskStatus.OPEN:
            return say(words, "state_open")
        case _:
            return say(words, "state_over")


def _buttons(card: CaseCard, words: Words) -> list[Block]:
    outcome = button(say(words, "button_outcome"), OUTCOME, card.ref)
    mine = button(say(words, "button_mine"), MINE, value_of(MINE, card), primary=True)
    if card.status is TaskStatus.CLAIMED:
        return [outcome]
    if card.status is TaskStatus.ACKNOWLEDGED:
        return [mine, outcome]
    return [button(say(words, "button_seen"), SEEN, value_of(SEEN, card)), mine, outcome]


def _more(card: CaseCard, words: Words, base_url: str) -> list[Block]:
    options = [option(say(words, "more_reassign"), f"{REASSIGN}:{card.ref}")]
    if card.status is not TaskStatus.OPEN:
        options.insert(0, option(say(words, "more_release"), value_of(RELEASE, card)))
    return [*options, option(say(words, "more_note"), f"{NOTE}:{card.ref}", url=case_url(base_url, card.ref))]


def _link(card: CaseCard, words: Words, base_url: str) -> str:
    return f"<{case_url(base_url, card.ref)}|{say(words, 'open_case')}>"


def _line(line: CaseLine, words: Words) -> str:
    who = mention(line.who, words) if line.who is not None else say(words, "automatic")
    what = say(words, f"line_{line.event}", who=who)
    return say(words, "line", moment=moment(line.at, line.zone, words), what=what)
