"""Sound blocks of every kind, for tests to bend."""

import copy
from typing import Any

import httpx

JSON = dict[str, Any]


def plain(text: str = "Texte") -> JSON:
    return {"type": "plain_text", "text": text}


def marked(text: str = "*Texte*") -> JSON:
    return {"type": "mrkdwn", "text": text}


def option(value: str = "a", text: str = "Texte") -> JSON:
    return {"text": plain(text), "value": value}


def options(count: int) -> list[JSON]:
    return [option(f"o{number}") for number in range(count)]


_CONFIRM = {"title": plain("Sûr ?"), "text": marked(), "confirm": plain("Oui"), "deny": plain("Non")}

ELEMENTS: dict[str, JSON] = {
    "button": {"type": "button", "text": plain(), "action_id": "go", "value": "k7", "style": "primary"},
    "checkboxes": {"type": "checkboxes", "options": [option()], "action_id": "x"},
    "radio_buttons": {"type": "radio_buttons", "options": [option()], "action_id": "x", "initial_option": option()},
    "overflow": {"type": "overflow", "options": [option()], "action_id": "x", "confirm": _CONFIRM},
    "static_select": {"type": "static_select", "options": [option()], "action_id": "x", "placeholder": plain()},
    "multi_static_select": {"type": "multi_static_select", "options": [option()], "action_id": "x"},
    "users_select": {"type": "users_select", "action_id": "x"},
    "multi_users_select": {"type": "multi_users_select", "action_id": "x"},
    "channels_select": {"type": "channels_select", "action_id": "x"},
    "datepicker": {"type": "datepicker", "action_id": "x", "initial_date": "2016-06-06"},
    "timepicker": {"type": "timepicker", "action_id": "x", "initial_time": "09:30"},
    "datetimepicker": {"type": "datetimepicker", "action_id": "x", "initial_date_time": 1465205400},
    "plain_text_input": {"type": "plain_text_input", "action_id": "x", "multiline": True, "max_length": 200},
    "email_text_input": {"type": "email_text_input", "action_id": "x"},
    "url_text_input": {"type": "url_text_input", "action_id": "x"},
    "number_input": {"type": "number_input", "action_id": "x", "is_decimal_allowed": False},
    "image": {"type": "image", "image_url": "https://practice.example/i.png", "alt_text": "Logo"},
}
BLOCKS: dict[str, JSON] = {
    "section": {"type": "section", "text": marked()},
    "header": {"type": "header", "text": plain()},
    "divider": {"type": "divider"},
    "context": {"type": "context", "elements": [marked()]},
    "actions": {"type": "actions", "elements": [ELEMENTS["button"]]},
    "input": {"type": "input", "label": plain(), "element": ELEMENTS["plain_text_input"]},
    "image": ELEMENTS["image"],
    "markdown": {"type": "markdown", "text": "# Titre"},
}
MODAL: JSON = {
    "type": "modal",
    "title": plain("Issue"),
    "submit": plain("Enregistrer"),
    "callback_id": "outcome",
    "blocks": [{**BLOCKS["input"], "block_id": "why"}],
}
HOME: JSON = {"type": "home", "blocks": [BLOCKS["section"]]}


def block(kind: str, **changes: Any) -> JSON:
    return {**copy.deepcopy(BLOCKS[kind]), **changes}


def element(kind: str, **changes: Any) -> JSON:
    return {**copy.deepcopy(ELEMENTS[kind]), **changes}


def button(action_id: str, value: str = "k7", text: str = "Je m’en charge") -> JSON:
    return element("button", action_id=action_id, value=value, text=plain(text))


def case(*action_ids: str) -> list[JSON]:
    """A message as the app would send it."""
    return [
        block("section", text=marked("Dossier *K7M2* : appeler aujourd’hui")),
        block("actions", block_id="do", elements=[button(action_id) for action_id in action_ids or ("claim",)]),
    ]


def modal(**changes: Any) -> JSON:
    return {**copy.deepcopy(MODAL), **changes}


def an_answer(**body: Any) -> httpx.Response:
    """What the app answers at once."""
    return httpx.Response(200, json=body)
