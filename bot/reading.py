"""What Slack sends, read without trusting its shape: an old button, a field that is missing or of another kind."""

import json
from typing import Any
from urllib.parse import parse_qs

JSON_TYPE = "application/json"


def found(told: Any, *names: str) -> Any:
    """What stands under these names, one below the other; None where there is nothing."""
    for name in names:
        told = told.get(name) if isinstance(told, dict) else None
    return told


def text_in(told: Any, *names: str) -> str:
    """Empty where there is no text that the database could hold."""
    value = found(told, *names)
    return value if isinstance(value, str) and value.isprintable() else ""


def person_in(body: Any) -> str:
    """Who acts, by their id; empty for a guest of another workspace, whose id may be somebody's here."""
    own, theirs = text_in(body, "team", "id"), text_in(body, "user", "team_id")
    # In an organisation of many workspaces ids are nobody else's.
    is_guest = own and theirs and own != theirs and not found(body, "enterprise")
    return "" if is_guest else text_in(body, "user", "id")


def reference_in(value: str) -> str:
    """Empty where it cannot be one."""
    return value if value.isascii() and value.isalnum() and len(value) <= 40 else ""


def is_readable(body: str, content_type: str) -> bool:
    """Whether Bolt can make out what it is; it does not expect anything else of something that is signed."""
    try:
        if content_type.partition(";")[0].strip().lower() == JSON_TYPE:
            return _is_told(json.loads(body))
        payload = parse_qs(body).get("payload")
        return payload is None or _is_told(json.loads(payload[0]))
    except ValueError:
        return False


def _is_told(told: Any) -> bool:
    if not isinstance(told, dict):
        return False
    if told.get("type") == "block_actions":
        actions = told.get("actions")
        return isinstance(actions, list) and bool(actions) and bool(text_in(actions[0], "action_id"))
    if told.get("type") == "event_callback":
        return isinstance(told.get("event"), dict)
    if told.get("type") in ("view_submission", "view_closed"):
        return bool(text_in(told, "view", "type") and text_in(told, "view", "callback_id"))
    return True
