"""What can be pressed, chosen or filled in, and the objects it is made of: Slack's published limits."""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from portal.demo.slack.shapes import (
    JSON,
    Check,
    Problem,
    flag,
    listing,
    number,
    one_of,
    plain,
    shape,
    string,
    text,
    typed,
)

MOST_OPTIONS = 100
MOST_CHOICES = 10
MOST_OVERFLOW = 5
URL = string(3000, pattern=r"[a-z][a-z0-9+.-]*:\S+")
STYLE = one_of("primary", "danger")
PLACEHOLDER = plain(150)

CONFIRM = shape(
    {"title": plain(100), "text": text(300), "confirm": plain(30), "deny": plain(30)},
    {"style": STYLE},
)
DISPATCH = shape({}, {"trigger_actions_on": listing(one_of("on_enter_pressed", "on_character_entered"), 2)})


def _option(label: Check, *, url: bool = False) -> Check:
    optional: dict[str, Check] = {"description": plain(75)}
    return shape({"text": label, "value": string(150)}, {**optional, "url": URL} if url else optional)


OPTION = _option(plain(75))
RICH_OPTION = _option(text(75))
OVERFLOW_OPTION = _option(plain(75), url=True)
GROUP = shape({"label": plain(75), "options": listing(OPTION, MOST_OPTIONS)})


def options_of(element: Mapping[str, Any]) -> list[JSON]:
    """Those of its groups, too."""
    groups = element.get("option_groups") or []
    found: list[JSON] = list(element.get("options") or [])
    return found + [option for group in groups for option in group["options"]]


def _one_source(element: JSON, at: str) -> Iterator[Problem]:
    if ("options" in element) == ("option_groups" in element):
        yield Problem(at, "must provide either options or option_groups")


def _known_start(element: JSON, at: str) -> Iterator[Problem]:
    known = [option["value"] for option in options_of(element)]
    single = [element["initial_option"]] if element.get("initial_option") else []
    for name, options in (("initial_option", single), ("initial_options", element.get("initial_options") or [])):
        if any(option["value"] not in known for option in options):
            yield Problem(f"{at}/{name}", f"{name} must be an existing option")


def _real_date(value: Any, at: str) -> Iterator[Problem]:
    try:
        if len(value) == len("2000-01-31"):
            date.fromisoformat(value)
            return
    except (TypeError, ValueError):
        pass
    yield Problem(at, "must be a date in the format YYYY-MM-DD")


def _lengths_in_order(element: JSON, at: str) -> Iterator[Problem]:
    if element.get("min_length", 0) > element.get("max_length", 3000):
        yield Problem(f"{at}/min_length", "must not be more than max_length")


def _element(kind: str, required: Mapping[str, Check], optional: Mapping[str, Check], *also: Check) -> Check:
    named = {"action_id": string(255)}
    return shape({"type": one_of(kind), **required}, {**named, **optional}, *also)


ASKING = {"confirm": CONFIRM, "focus_on_load": flag}
FIELD = {"placeholder": PLACEHOLDER, "focus_on_load": flag}
TYPING = {**FIELD, "dispatch_action_config": DISPATCH}


def _select(kind: str, **optional: Check) -> Check:
    sourced = {"options": listing(OPTION, MOST_OPTIONS), "option_groups": listing(GROUP, MOST_OPTIONS)}
    more = {**ASKING, "placeholder": PLACEHOLDER, **optional}
    if "static" in kind:
        return _element(kind, {}, {**sourced, **more}, _one_source, _known_start)
    return _element(kind, {}, more)


MOST_SELECTED = number(1, 100)
IMAGE = shape(
    {"type": one_of("image"), "image_url": URL, "alt_text": string(2000)},
)

ELEMENTS: dict[str, Check] = {
    "button": _element(
        "button",
        {"text": plain(75)},
        {"url": URL, "value": string(2000), "style": STYLE, "confirm": CONFIRM, "accessibility_label": string(75)},
    ),
    "checkboxes": _element(
        "checkboxes",
        {"options": listing(RICH_OPTION, MOST_CHOICES)},
        {**ASKING, "initial_options": listing(RICH_OPTION, MOST_CHOICES)},
        _known_start,
    ),
    "radio_buttons": _element(
        "radio_buttons",
        {"options": listing(RICH_OPTION, MOST_CHOICES)},
        {**ASKING, "initial_option": RICH_OPTION},
        _known_start,
    ),
    "overflow": _element("overflow", {"options": listing(OVERFLOW_OPTION, MOST_OVERFLOW)}, {"confirm": CONFIRM}),
    "static_select": _select("static_select", initial_option=OPTION),
    "multi_static_select": _select(
        "multi_static_select", initial_options=listing(OPTION, MOST_OPTIONS), max_selected_items=MOST_SELECTED
    ),
    "users_select": _select("users_select", initial_user=string(50)),
    "multi_users_select": _select(
        "multi_users_select", initial_users=listing(string(50), 100), max_selected_items=MOST_SELECTED
    ),
    "channels_select": _select("channels_select", initial_channel=string(50), response_url_enabled=flag),
    "datepicker": _element("datepicker", {}, {**ASKING, "placeholder": PLACEHOLDER, "initial_date": _real_date}),
    "timepicker": _element(
        "timepicker",
        {},
        {
            **ASKING,
            "placeholder": PLACEHOLDER,
            "initial_time": string(5, pattern=r"([01]\d|2[0-3]):[0-5]\d"),
            "timezone": string(100),
        },
    ),
    "datetimepicker": _element(
        "datetimepicker", {}, {**ASKING, "initial_date_time": number(1_000_000_000, 9_999_999_999)}
    ),
    "plain_text_input": _element(
        "plain_text_input",
        {},
        {
            **TYPING,
            "initial_value": string(3000, least=0),
            "multiline": flag,
            "min_length": number(0, 3000),
            "max_length": number(1, 3000),
        },
        _lengths_in_order,
    ),
    "email_text_input": _element("email_text_input", {}, {**TYPING, "initial_value": string(3000)}),
    "url_text_input": _element("url_text_input", {}, {**TYPING, "initial_value": string(3000)}),
    "number_input": _element(
        "number_input",
        {"is_decimal_allowed": flag},
        {**TYPING, "initial_value": string(100), "min_value": string(100), "max_value": string(100)},
    ),
    "image": IMAGE,
}

SELECTS = ("static_select", "users_select", "channels_select")
MULTI_SELECTS = ("multi_static_select", "multi_users_select")
PICKERS = ("datepicker", "timepicker")
CHOICES = ("checkboxes", "radio_buttons")
WRITTEN = ("plain_text_input", "email_text_input", "url_text_input", "number_input")
ACTIONS = ("button", "overflow", "datetimepicker", *SELECTS, *PICKERS, *CHOICES)
ACCESSORIES = ("button", "overflow", "image", *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES)
INPUTS = ("datetimepicker", *WRITTEN, *SELECTS, *MULTI_SELECTS, *PICKERS, *CHOICES)


def elements(*kinds: str, also: Mapping[str, Check] | None = None) -> Check:
    """One element, of these kinds alone."""
    return typed({**{kind: ELEMENTS[kind] for kind in kinds}, **(also or {})})
