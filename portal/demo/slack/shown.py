"""Blocks as the demo's page shows them: pure. A field is named by its place, `v2.0`, and a button presses `2.0`."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from portal.demo.slack.blocks import elements_of
from portal.demo.slack.elements import options_of
from portal.demo.slack.mrkdwn import Reader, shown, shown_plain
from portal.demo.slack.shapes import JSON
from portal.demo.slack.state import CHOSEN, LISTS, Values, given, holds, state_of, stateful

NOTHING = Markup()
LOCAL_MOMENT = "%Y-%m-%dT%H:%M"
TYPES = {
    "datepicker": "date",
    "timepicker": "time",
    "datetimepicker": "datetime-local",
    "plain_text_input": "text",
    "email_text_input": "email",
    "url_text_input": "url",
    "number_input": "number",
}


@dataclass(frozen=True, slots=True)
class Choice:
    value: str
    label: Markup
    chosen: bool
    description: Markup | None = None
    href: str = ""


@dataclass(frozen=True, slots=True)
class Confirm:
    title: Markup
    text: Markup
    yes: Markup


@dataclass(frozen=True, slots=True)
class ShownElement:
    """`kind`: button, link, overflow, select, choices, field or image; `immediate`: it is sent as soon as it is set."""

    kind: str
    place: str
    label: Markup = NOTHING
    type: str = ""
    value: str = ""
    choices: tuple[Choice, ...] = ()
    many: bool = False
    style: str = ""
    href: str = ""
    confirm: Confirm | None = None
    immediate: bool = False
    multiline: bool = False
    required: bool = False
    longest: int | None = None
    placeholder: str = ""

    @property
    def name(self) -> str:
        return f"v{self.place}"


@dataclass(frozen=True, slots=True)
class ShownBlock:
    kind: str
    html: Markup = NOTHING
    fields: tuple[Markup, ...] = ()
    pieces: tuple[Markup, ...] = ()
    elements: tuple[ShownElement, ...] = ()
    hint: Markup | None = None
    error: str | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Look:
    """How blocks are to be shown: to whom, with what filled in, and with which errors."""

    reader: Reader
    values: Values = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def shown_blocks(blocks: Sequence[JSON], look: Look) -> list[ShownBlock]:
    return [_block(place, block, look) for place, block in enumerate(blocks)]


def _block(place: int, block: JSON, look: Look) -> ShownBlock:
    kind = block["type"]
    elements = tuple(_element(f"{place}.{n}", block, each, look) for n, each in enumerate(elements_of(block)))
    if kind == "section":
        return ShownBlock(
            kind,
            _text(block.get("text"), look.reader),
            fields=tuple(_text(each, look.reader) for each in block.get("fields") or ()),
            elements=elements,
        )
    if kind == "context":
        pieces = (_alt(each) if each["type"] == "image" else _text(each, look.reader) for each in block["elements"])
        return ShownBlock(kind, pieces=tuple(pieces))
    if kind == "input":
        return ShownBlock(
            kind,
            _text(block["label"], look.reader),
            elements=elements,
            hint=_text(block["hint"], look.reader) if block.get("hint") else None,
            error=look.errors.get(block["block_id"]),
            optional=bool(block.get("optional")),
        )
    if kind == "markdown":
        return ShownBlock(kind, shown_plain(block["text"]))
    if kind == "image":
        return ShownBlock(kind, _alt(block))
    return ShownBlock(kind, _text(block.get("text"), look.reader), elements=elements)


def _element(place: str, block: JSON, element: JSON, look: Look) -> ShownElement:
    kind = element["type"]
    if kind == "image":
        return ShownElement("image", place, _alt(element))
    confirm = _confirm(element.get("confirm"), look.reader)
    if kind == "button":
        label = _text(element["text"], look.reader)
        said = element.get("accessibility_label")
        way = "link" if element.get("url") else "button"
        return ShownElement(
            way, place, label, value=said or "", style=element.get("style", ""), href=element.get("url", ""),
            confirm=confirm,
        )  # fmt: skip
    if kind == "overflow":
        return ShownElement(kind, place, Markup("Plus d’actions"), choices=_choices(element, [], look.reader))
    touched, value = given(look.values, block, element)
    held = holds(state_of(element, touched=touched, value=value))
    immediate = block["type"] != "input" or bool(block.get("dispatch_action"))
    label = _text(block["label"], look.reader) if block["type"] == "input" else _name(block, element, look.reader)
    required = block["type"] == "input" and not block.get("optional")
    if kind in CHOSEN or kind in ("users_select", "multi_users_select", "channels_select"):
        chosen = held if isinstance(held, list) else [held] if held else []
        values = [each["value"] if isinstance(each, dict) else each for each in chosen]
        return ShownElement(
            "choices" if kind in ("radio_buttons", "checkboxes") else "select",
            place,
            label,
            "checkbox" if kind == "checkboxes" else "radio",
            choices=_choices(element, values, look.reader),
            many=kind in LISTS,
            immediate=immediate,
            required=required,
            placeholder=_placeholder(element),
        )
    return ShownElement(
        "field",
        place,
        label,
        TYPES[kind],
        value=_written(kind, held, look.reader),
        immediate=immediate,
        multiline=bool(element.get("multiline")),
        required=required,
        longest=element.get("max_length"),
        placeholder=_placeholder(element),
    )


def _choices(element: JSON, chosen: Sequence[str], reader: Reader) -> tuple[Choice, ...]:
    people = {"users_select": reader.people, "multi_users_select": reader.people, "channels_select": reader.channels}
    if (names := people.get(element["type"])) is not None:
        return tuple(Choice(key, shown_plain(name), key in chosen) for key, name in names.items())
    return tuple(
        Choice(
            option["value"],
            _text(option["text"], reader),
            option["value"] in chosen,
            _text(option["description"], reader) if option.get("description") else None,
            option.get("url", ""),
        )
        for option in options_of(element)
    )


def _text(text: JSON | None, reader: Reader) -> Markup:
    if text is None:
        return Markup()
    said = text["text"]
    return shown(said, reader) if text["type"] == "mrkdwn" else shown_plain(said)


def _name(block: JSON, element: JSON, reader: Reader) -> Markup:
    """Of a field that has no label of its own."""
    beside = shown_plain(_text(block.get("text"), reader).striptags())
    return shown_plain(_placeholder(element)) or beside or Markup("Choix")


def _placeholder(element: JSON) -> str:
    return str((element.get("placeholder") or {}).get("text", ""))


def _confirm(confirm: JSON | None, reader: Reader) -> Confirm | None:
    if confirm is None:
        return None
    return Confirm(*(_text(confirm[name], reader) for name in ("title", "text", "confirm")))


def _alt(image: JSON) -> Markup:
    return Markup("<em>{}</em>").format(image["alt_text"])


def _written(kind: str, held: Any, reader: Reader) -> str:
    if held is None:
        return ""
    if kind == "datetimepicker":
        return datetime.fromtimestamp(held, UTC).astimezone(ZoneInfo(reader.zone)).strftime(LOCAL_MOMENT)
    return str(held)


def values_of(blocks: Sequence[JSON], form: dict[str, list[str]], zone: str) -> dict[tuple[str, str], Any]:
    """What a form of the page brings, as a person's `values`."""
    found: dict[tuple[str, str], Any] = {}
    for place, block in enumerate(blocks):
        known = stateful(block)
        for number, element in enumerate(elements_of(block)):
            if element in known:
                sent = form.get(f"v{place}.{number}", [])
                found[block["block_id"], element["action_id"]] = _value(element["type"], sent, zone)
    return found


def _value(kind: str, sent: list[str], zone: str) -> Any:
    sent = [each.replace("\r\n", "\n") for each in sent if each]
    if kind in LISTS:
        return sent
    if not sent:
        return None
    if kind == "datetimepicker":
        try:
            return datetime.strptime(sent[0], LOCAL_MOMENT).replace(tzinfo=ZoneInfo(zone))
        except ValueError:
            return None
    return sent[0]


def pressed(blocks: Sequence[JSON], place: str) -> tuple[JSON, JSON, str | None]:
    """Block and element at `2.0`, and the option of `2.0.1`. LookupError where there is none."""
    numbers = [int(part) for part in place.split(".") if part.isdigit()]
    if len(numbers) not in (2, 3):
        raise LookupError(place)
    block = blocks[numbers[0]]
    element = elements_of(block)[numbers[1]]
    option = options_of(element)[numbers[2]]["value"] if numbers[2:] else None
    return block, element, option


def linked(blocks: Sequence[JSON], place: str) -> str:
    """Where the button or the option at this place leads. LookupError where it leads nowhere."""
    _, element, value = pressed(blocks, place)
    options = {option["value"]: option for option in options_of(element)}
    return str((element if value is None else options[value])["url"])
