"""What a person has chosen and filled in, in the shape that Slack gives it: pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from portal.demo.slack.blocks import elements_of
from portal.demo.slack.elements import options_of
from portal.demo.slack.shapes import JSON

# By action, or by block and action where an action stands in several blocks.
Values = Mapping[Any, Any]
REQUIRED = "Ce champ est nécessaire."
TOO_SHORT, TOO_LONG = "Il faut au moins {} caractères.", "Pas plus de {} caractères."

# Where an element keeps its one value, and where it starts.
SINGLE = {
    "datepicker": ("selected_date", "initial_date"),
    "timepicker": ("selected_time", "initial_time"),
    "datetimepicker": ("selected_date_time", "initial_date_time"),
    "users_select": ("selected_user", "initial_user"),
    "channels_select": ("selected_channel", "initial_channel"),
    "multi_users_select": ("selected_users", "initial_users"),
    "plain_text_input": ("value", "initial_value"),
    "email_text_input": ("value", "initial_value"),
    "url_text_input": ("value", "initial_value"),
    "number_input": ("value", "initial_value"),
}
CHOSEN = {
    "static_select": ("selected_option", "initial_option"),
    "radio_buttons": ("selected_option", "initial_option"),
    "multi_static_select": ("selected_options", "initial_options"),
    "checkboxes": ("selected_options", "initial_options"),
}
LISTS = ("multi_static_select", "checkboxes", "multi_users_select")


def stateful(block: JSON) -> list[JSON]:
    """The elements of a block that have a state."""
    return [element for element in elements_of(block) if element["type"] in SINGLE or element["type"] in CHOSEN]


def given(values: Values, block: JSON, element: JSON) -> tuple[bool, Any]:
    """Whether the person touched it, and what it holds then."""
    for key in ((block["block_id"], element["action_id"]), element["action_id"]):
        if key in values:
            return True, values[key]
    return False, None


def state_of(element: JSON, *, touched: bool, value: Any) -> JSON:
    """`value`: of an option its `value`, of several a list, of a date ISO text, of a moment a datetime or seconds."""
    kind = element["type"]
    if kind in CHOSEN:
        name, start = CHOSEN[kind]
        held = _options(element, value) if touched else element.get(start) or []
        if kind in LISTS:
            return {"type": kind, name: held}
        return {"type": kind, name: (held[0] if held else None) if isinstance(held, list) else held}
    name, start = SINGLE[kind]
    held = value if touched else element.get(start)
    if isinstance(held, datetime):
        held = int(held.timestamp())
    return {"type": kind, name: (held or []) if kind in LISTS else (None if held == "" else held)}


def states(blocks: Sequence[JSON], values: Values) -> JSON:
    """`state.values`, as interactions and submissions carry it."""
    told: JSON = {}
    for block in blocks:
        for element in stateful(block):
            touched, value = given(values, block, element)
            told.setdefault(block["block_id"], {})[element["action_id"]] = state_of(
                element, touched=touched, value=value
            )
    return told


def holds(state: JSON) -> Any:
    """The bare value of one state; None or an empty list where nothing was chosen."""
    return next(value for name, value in state.items() if name != "type")


def unfilled(blocks: Sequence[JSON], values: Values) -> dict[str, str]:
    """What Slack itself tells a person before it sends a form: by block."""
    found: dict[str, str] = {}
    told = states(blocks, values)
    for block in blocks:
        if block["type"] != "input":
            continue
        element = block["element"]
        held = holds(told[block["block_id"]][element["action_id"]])
        if held in (None, []):
            if not block.get("optional"):
                found[block["block_id"]] = REQUIRED
        elif isinstance(held, str) and len(held) < element.get("min_length", 0):
            found[block["block_id"]] = TOO_SHORT.format(element["min_length"])
        elif isinstance(held, str) and len(held) > element.get("max_length", 3000):
            found[block["block_id"]] = TOO_LONG.format(element.get("max_length", 3000))
    return found


def find_element(blocks: Sequence[JSON], action_id: str, block_id: str | None = None) -> tuple[JSON, JSON]:
    """The block and the element of an action."""
    for block in blocks:
        if block_id in (None, block.get("block_id")):
            for element in elements_of(block):
                if element.get("action_id") == action_id:
                    return block, element
    raise LookupError(f"There is nothing to press that is named {action_id!r}.")


def action_of(block: JSON, element: JSON, value: Any, *, ts: str) -> JSON:
    """The entry of `actions`: `value` chooses where there is something to choose."""
    kind = element["type"]
    told: JSON = {
        "action_id": element["action_id"], "block_id": block["block_id"], "type": kind, "action_ts": ts
    }  # fmt: skip
    if kind == "button":
        return told | {name: element[name] for name in ("text", "value", "style", "url") if name in element}
    if kind == "overflow":
        return told | {"selected_option": _options(element, value)[0]}
    return told | state_of(element, touched=True, value=value)


def _options(element: JSON, value: Any) -> list[JSON]:
    wanted = value if isinstance(value, list | tuple) else [value] if value not in (None, "") else []
    known = {option["value"]: option for option in options_of(element) if "value" in option}
    if missing := [each for each in wanted if each not in known]:
        raise LookupError(f"There is no option {missing[0]!r} in {element['action_id']!r}.")
    return [known[each] for each in wanted]
