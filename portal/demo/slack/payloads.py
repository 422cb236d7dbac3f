"""What Slack tells the app, in Slack's shapes: pure."""

from portal.demo.slack.accounts import APP, BOT_USER, DOMAIN, TEAM, VERIFICATION
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Channel, Message, User, View

TEAM_SHOWN = {"id": TEAM, "domain": DOMAIN}


def envelope(kind: str, user: User, trigger: str | None = None) -> JSON:
    told: JSON = {
        "type": kind,
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": TEAM},
        "api_app_id": APP,
        "token": VERIFICATION,
        "team": TEAM_SHOWN,
        "enterprise": None,
        "is_enterprise_install": False,
    }
    return told if trigger is None else told | {"trigger_id": trigger}


def in_message(channel: Channel, message: Message, blocks: list[JSON], values: JSON, response_url: str) -> JSON:
    """Of an ephemeral message Slack tells no more than where it stood."""
    ephemeral = message.ephemeral_to is not None
    container: JSON = {
        "type": "message",
        "message_ts": message.ts,
        "channel_id": channel.id,
        "is_ephemeral": ephemeral,
    }
    if message.thread_ts is not None:
        container["thread_ts"] = message.thread_ts
    told = {
        "container": container,
        "channel": {"id": channel.id, "name": channel.name},
        "state": {"values": values},
        "response_url": response_url,
    }
    return told if ephemeral else told | {"message": {**message.shown(), "blocks": blocks}}


def in_view(view: View, values: JSON) -> JSON:
    return {"container": {"type": "view", "view_id": view.id}, "view": view.shown(values)}


def submission(view: View, values: JSON) -> JSON:
    return {"view": view.shown(values), "response_urls": []}


def slash(user: User, channel: Channel, command: str, text: str, trigger: str, response_url: str) -> dict[str, str]:
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "team_domain": DOMAIN,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
        "response_url": response_url,
        "trigger_id": trigger,
    }


def event_callback(event: JSON, *, event_id: str, at: str) -> JSON:
    return {
        "token": VERIFICATION,
        "team_id": TEAM,
        "api_app_id": APP,
        "event": {**event, "event_ts": at},
        "type": "event_callback",
        "event_id": event_id,
        "event_time": int(at.partition(".")[0]),
        "authorizations": [
            {
                "enterprise_id": None,
                "team_id": TEAM,
                "user_id": BOT_USER,
                "is_bot": True,
                "is_enterprise_install": False,
            }
        ],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def home_opened(user: User, channel: Channel, view: View | None) -> JSON:
    told: JSON = {"type": "app_home_opened", "user": user.id, "channel": channel.id, "tab": "home"}
    return told if view is None else told | {"view": view.shown()}


def message_deleted(channel: Channel, message: Message, *, at: str) -> JSON:
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "channel": channel.id,
        "channel_type": {"im": "im", "private_channel": "group"}.get(channel.kind, "channel"),
        "ts": at,
        "deleted_ts": message.ts,
        "previous_message": message.shown(),
    }


def url_verification(challenge: str) -> JSON:
    return {"token": VERIFICATION, "challenge": challenge, "type": "url_verification"}
