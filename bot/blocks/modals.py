"""What opens over Slack: how a case ended, to whom it goes, or one sentence. No field takes free text."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.case import case_url
from bot.blocks.parts import Block, capital, context, escaped, option, plain, say, section
from bot.reading import found, reference_in, text_in
from db.queries.slack import Acting
from db.queries.words import Words
from db.states import PLAIN_OUTCOMES, CallOutcome

OUTCOME_VIEW, REASSIGN_VIEW, ANSWER_VIEW = "outcome_view", "reassign_view", "answer_view"
OUTCOME, WHEN, FOLLOW, TO = "outcome", "when", "follow", "to"
CHOICE = "choice"
# A promise instead of an end.
LATER = "later"
MOST_PEOPLE = 99


@dataclass(frozen=True, slots=True)
class About:
    """Which case a modal is about, whether it was opened in the App Home, and the state of the case when it was."""

    ref: str
    home: bool = False
    mark: str = ""

    def packed(self) -> str:
        return json.dumps({"ref": self.ref, "home": self.home, "mark": self.mark})

    @classmethod
    def of(cls, packed: str) -> "About":
        """About no case where that cannot be read."""
        try:
            said = json.loads(packed)
        except ValueError:
            said = None
        return cls(reference_in(text_in(said, "ref")), found(said, "home") is True, text_in(said, "mark"))


def outcome_modal(case: Acting, about: About, words: Words, *, base_url: str, promise_days: int) -> Block:
    outcomes: Sequence[CallOutcome] = tuple(CallOutcome) if case.about_patient else PLAIN_OUTCOMES
    options = [option(words.of("outcomes", one), one) for one in outcomes]
    options.append(option(say(words, "call_later"), LATER))
    days = str(promise_days)
    blocks = [
        section(_about(case, words)),
        _field(OUTCOME, say(words, "field_outcome"), _select(options)),
        _field(
            WHEN,
            say(words, "field_when"),
            {"type": "datetimepicker", "action_id": CHOICE},
            hint=say(words, "hint_when", days=days),
        ),
    ]
    if case.about_patient:
        follow = [option(say(words, f"follow_{name}"), name) for name in ("resume", "stop")]
        hint = say(words, "hint_follow")
        blocks.append(_field(FOLLOW, say(words, "field_follow"), _select(follow), hint=hint))
    blocks.append(context(say(words, "note_elsewhere", url=case_url(base_url, about.ref))))
    return _modal(OUTCOME_VIEW, "modal_outcome", blocks, words, about)


def reassign_modal(case: Acting, about: About, people: Sequence[tuple[str, str]], words: Words) -> Block:
    """`people`: what stands for each, a reference or a role, and what to call them."""
    options = [option(name, value) for value, name in people[:MOST_PEOPLE]]
    blocks = [section(_about(case, words)), _field(TO, say(words, "field_to"), _select(options))]
    return _modal(REASSIGN_VIEW, "modal_reassign", blocks, words, about)


def answer_modal(text: str, words: Words) -> Block:
    """Nothing to fill in: one sentence, and the way out."""
    return {
        "type": "modal",
        "callback_id": ANSWER_VIEW,
        "title": plain(say(words, "modal_answer"), 24),
        "close": plain(say(words, "modal_close"), 24),
        "blocks": [section(text)],
    }


def _about(case: Acting, words: Words) -> str:
    return say(words, "heading", asked=capital(words.of("asked", case.card.kind)), ref=escaped(case.card.ref))


def _modal(callback: str, title: str, blocks: list[Block], words: Words, about: About) -> Block:
    return {
        "type": "modal",
        "callback_id": callback,
        "title": plain(say(words, title), 24),
        "submit": plain(say(words, "modal_save"), 24),
        "close": plain(say(words, "modal_close"), 24),
        "private_metadata": about.packed(),
        "blocks": blocks,
    }


def _field(name: str, label: str, element: Block, *, hint: str = "") -> Block:
    """Only what has a hint may be left out."""
    field: Block = {"type": "input", "block_id": name, "label": plain(label, 2000), "element": element}
    return field | ({"optional": True, "hint": plain(hint, 2000)} if hint else {})


def _select(options: list[Block]) -> Block:
    return {"type": "static_select", "action_id": CHOICE, "options": options}
