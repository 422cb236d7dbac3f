"""Slack's published limits of messages, modals and App Homes, as a validator: strict, and callable on anything sent.

`message_problems`, `view_problems` and `sent_problems` return what Slack would refuse; an empty list: it passes.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from portal.demo.slack.elements import ACCESSORIES, ACTIONS, INPUTS, URL, elements
from portal.demo.slack.shapes import (
    JSON,
    Check,
    Problem,
    flag,
    listing,
    measured,
    one_of,
    plain,
    shape,
    string,
    text,
    typed,
)

MOST_IN_MESSAGE = 50
MOST_IN_VIEW = 100
LONGEST_TEXT = 40_000
LONGEST_UPDATE = 4_000
LONGEST_BLOCKS = 13_200
LARGEST_VIEW = 250_000
MARKDOWN = 12_000


def _some_text(block: JSON, at: str) -> Iterator[Problem]:
    if not block.get("text") and not block.get("fields"):
        yield Problem(at, "missing required field: text or fields")


def _block(kind: str, required: Mapping[str, Check], optional: Mapping[str, Check], *also: Check) -> Check:
    return shape({"type": one_of(kind), **required}, {"block_id": string(255), **optional}, *also)


def _rich(value: Any, at: str) -> Iterator[Problem]:
    kinds = ("rich_text_section", "rich_text_list", "rich_text_quote", "rich_text_preformatted")
    if not isinstance(value, dict) or value.get("type") not in kinds:
        yield Problem(at, "unsupported type")


BLOCKS: dict[str, Check] = {
    "section": _block(
        "section",
        {},
        {
            "text": text(3000),
            "fields": listing(text(2000), 10),
            "accessory": elements(*ACCESSORIES),
            "expand": flag,
        },
        _some_text,
    ),
    "header": _block("header", {"text": plain(150)}, {}),
    "divider": _block("divider", {}, {}),
    "context": _block(
        "context",
        {
            "elements": listing(
                elements(
                    "image",
                    also={"plain_text": text(3000, kinds=("plain_text",)), "mrkdwn": text(3000, kinds=("mrkdwn",))},
                ),
                10,
            )
        },
        {},
    ),
    "actions": _block("actions", {"elements": listing(elements(*ACTIONS), 25)}, {}),
    "input": _block(
        "input",
        {"label": plain(2000), "element": elements(*INPUTS)},
        {"hint": plain(2000), "optional": flag, "dispatch_action": flag},
    ),
    "image": _block("image", {"image_url": URL, "alt_text": string(2000)}, {"title": plain(2000)}),
    "rich_text": _block("rich_text", {"elements": listing(_rich, 100)}, {}),
}
IN_MESSAGES = {**BLOCKS, "markdown": _block("markdown", {"text": string(MARKDOWN)}, {})}

_NAMES: dict[str, Check] = {
    "callback_id": string(255, least=0),
    "external_id": string(255, least=0),
    "private_metadata": string(3000, least=0),
}
_VIEW_BLOCKS = listing(typed(BLOCKS), MOST_IN_VIEW, least=0)


def _submit_for_inputs(view: JSON, at: str) -> Iterator[Problem]:
    if "submit" not in view and any(block["type"] == "input" for block in view["blocks"]):
        yield Problem(at, "submit is required when an input block is within the blocks array")


MODAL = shape(
    {"type": one_of("modal"), "title": plain(24), "blocks": listing(typed(BLOCKS), MOST_IN_VIEW)},
    {
        **_NAMES,
        "submit": plain(24),
        "close": plain(24),
        "clear_on_close": flag,
        "notify_on_close": flag,
        "submit_disabled": flag,
    },
    _submit_for_inputs,
)
VIEWS = {"modal": MODAL, "home": shape({"type": one_of("home"), "blocks": _VIEW_BLOCKS}, _NAMES)}


def message_problems(blocks: Any, at: str = "/blocks") -> list[Problem]:
    found = list(listing(typed(IN_MESSAGES), MOST_IN_MESSAGE, least=0)(blocks, at))
    return found + list(_repeated(blocks, at))


def view_problems(view: Any, *kinds: str, at: str = "/view") -> list[Problem]:
    """`kinds`: "modal", "home", or both when none is named."""
    found = list(typed({kind: VIEWS[kind] for kind in kinds or VIEWS})(view, at))
    return found + list(_repeated(view.get("blocks"), f"{at}/blocks")) if isinstance(view, dict) else found


def sent_problems(payload: Mapping[str, Any]) -> list[Problem]:
    """Whatever a request or an answer carries: `blocks`, a `view`, and how long it all is."""
    found: list[Problem] = []
    if (blocks := payload.get("blocks")) is not None:
        found += message_problems(blocks)
        if characters(blocks) > LONGEST_BLOCKS:
            found.append(Problem("/blocks", f"must be less than {LONGEST_BLOCKS + 1} characters in all"))
    if (view := payload.get("view")) is not None:
        found += view_problems(view)
        if too_large(view):
            found.append(Problem("/view", f"must be smaller than {LARGEST_VIEW} bytes"))
    said = payload.get("text")
    if isinstance(said, str) and measured(said) > LONGEST_UPDATE:
        # A longer one can be posted, but never updated again.
        found.append(Problem("/text", f"must be less than {LONGEST_UPDATE + 1} characters"))
    return found


def characters(blocks: Any) -> int:
    """Of every text within, as far as anybody knows how Slack adds them up."""
    if isinstance(blocks, dict):
        own = blocks.get("text")
        return (measured(own) if isinstance(own, str) else 0) + sum(map(characters, blocks.values()))
    return sum(map(characters, blocks)) if isinstance(blocks, list) else 0


def too_large(view: Any) -> bool:
    return len(json.dumps(view, ensure_ascii=False).encode()) > LARGEST_VIEW


def elements_of(block: Mapping[str, Any]) -> list[JSON]:
    """Every element of a block, wherever the block keeps it."""
    found = [block[name] for name in ("accessory", "element") if block.get(name)]
    inside = found + list(block.get("elements") or []) if block.get("type") == "actions" else found
    return [each for each in inside if isinstance(each, dict)]


def _repeated(blocks: Any, at: str) -> Iterator[Problem]:
    """A `block_id` stands once on a surface, an `action_id` once in its block."""
    if not isinstance(blocks, list):
        return
    sound = [(place, block) for place, block in enumerate(blocks) if isinstance(block, dict)]
    for place in _again((place, block.get("block_id")) for place, block in sound):
        yield Problem(f"{at}/{place}/block_id", "`block_id` already exists")
    for place, block in sound:
        for other in _again(enumerate(each.get("action_id") for each in elements_of(block))):
            yield Problem(f"{at}/{place}/elements/{other}/action_id", "`action_id` already exists")


def _again(named: Iterable[tuple[int, Any]]) -> Iterator[int]:
    seen = set()
    for place, name in named:
        if isinstance(name, str):
            if name in seen:
                yield place
            seen.add(name)
