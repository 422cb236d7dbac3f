"""The Slack app as its manifest describes it: what it may do, and where Slack speaks to it; nothing of care."""

from typing import Any

from bot.app import PATH
from db.queries.words import Words

# Each with its reason: what is not needed is not asked for.
SCOPES = {
    "chat:write": "posts a case's message, and keeps it up to date",
    "im:write": "opens a direct message with whoever has the case",
    "commands": "the slash command",
    "users:read": "needed by users:read.email",
    "users:read.email": "proposes the Slack account with a member's own address",
    "channels:read": "lets `reprise doctor` see whether the channel is there, where it is public",
    "groups:read": "the same for a private channel",
}
EVENTS = ("app_home_opened",)
NAME = "Reprise"


def request_url(base_url: str, practice: str | None = None) -> str:
    """`practice`: its reference, where the installation has several."""
    return f"{base_url}{PATH}" + (f"?practice={practice}" if practice is not None else "")


def manifest(words: Words, *, url: str, command: str) -> dict[str, Any]:
    said = words.groups["slack"]
    return {
        "display_information": {"name": NAME, "description": said["app_description"]},
        "features": {
            "app_home": {
                "home_tab_enabled": True,
                "messages_tab_enabled": True,
                "messages_tab_read_only_enabled": True,
            },
            "bot_user": {"display_name": NAME, "always_online": False},
            "slash_commands": [
                {
                    "command": command,
                    "url": url,
                    "description": said["app_description"],
                    "usage_hint": said["command_hint"],
                    "should_escape": False,
                }
            ],
        },
        "oauth_config": {"scopes": {"bot": list(SCOPES)}},
        "settings": {
            "event_subscriptions": {"request_url": url, "bot_events": list(EVENTS)},
            "interactivity": {"is_enabled": True, "request_url": url},
            "org_deploy_enabled": False,
            "socket_mode_enabled": False,
            "token_rotation_enabled": False,
        },
    }
