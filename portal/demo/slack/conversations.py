"""The conversations.* methods."""

import base64
import binascii
from collections.abc import Sequence
from typing import TypeVar

from portal.demo.slack.accounts import BOT_USER
from portal.demo.slack.args import Args
from portal.demo.slack.chat import visible
from portal.demo.slack.errors import SlackError, invalid_arguments
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Channel
from portal.demo.slack.workspace import Workspace

T = TypeVar("T")
KINDS = ("public_channel", "private_channel", "mpim", "im")


def open_direct(workspace: Workspace, args: Args) -> JSON:
    if args.has("channel"):
        channel = visible(workspace, args.need("channel"))
        if channel.user is None:
            raise SlackError("method_not_supported_for_channel_type")
        return _opened(channel, args, before=True)
    users = [user for user in (args.text("users") or "").split(",") if user]
    if not users:
        raise SlackError("users_list_not_supplied")
    if len(users) > 1:
        raise SlackError("invalid_user_combination")
    user = workspace.users.get(users[0])
    if user is None:
        raise SlackError("user_not_found")
    if user.deleted:
        raise SlackError("user_disabled")
    if user.is_bot:
        raise SlackError("cannot_dm_bot")
    before = any(channel.user == user.id for channel in workspace.channels.values())
    return _opened(workspace.direct_message(user.id), args, before=before)


def _opened(channel: Channel, args: Args, *, before: bool) -> JSON:
    known = {"no_op": True, "already_open": True} if before else {}
    return {**known, "channel": channel.shown() if args.flag("return_im") else {"id": channel.id}}


def info(workspace: Workspace, args: Args) -> JSON:
    return {"channel": _shown(workspace, visible(workspace, args.need("channel")))}


def listing(workspace: Workspace, args: Args) -> JSON:
    kinds = (args.text("types") or "public_channel").split(",")
    if set(kinds) - set(KINDS):
        raise SlackError("invalid_types")
    every = [channel for channel in workspace.channels.values() if channel.kind in kinds]
    seen = [channel for channel in every if channel.kind == "public_channel" or BOT_USER in channel.members]
    if args.flag("exclude_archived"):
        seen = [channel for channel in seen if not channel.is_archived]
    page, cursor = paged(seen, args, most=1000)
    found = [_shown(workspace, channel) for channel in page]
    return {"channels": found, "response_metadata": {"next_cursor": cursor}}


def history(workspace: Workspace, args: Args) -> JSON:
    channel = _readable(workspace, args)
    messages = [each for each in reversed(workspace.timeline(channel.id)) if each.ephemeral_to is None]
    page, cursor = paged(messages, args, most=999)
    told = {"messages": [message.shown() for message in page], "has_more": bool(cursor)}
    return {**told, "response_metadata": {"next_cursor": cursor}}


def replies(workspace: Workspace, args: Args) -> JSON:
    args.require("channel", "ts")
    channel = _readable(workspace, args)
    messages = workspace.thread(channel.id, args.need("ts"))
    if not messages:
        raise SlackError("thread_not_found")
    page, cursor = paged(messages, args, most=1000)
    told = {"messages": [message.shown() for message in page], "has_more": bool(cursor)}
    return {**told, "response_metadata": {"next_cursor": cursor}}


def paged(every: Sequence[T], args: Args, *, most: int) -> tuple[Sequence[T], str]:
    """One page, and the cursor of the next one, empty at the end."""
    try:
        start = int(base64.b64decode(args.text("cursor") or b"MA==", validate=True))
    except (binascii.Error, ValueError):
        raise SlackError("invalid_cursor") from None
    limit = args.number("limit", 100, most)
    if start < 0:
        raise invalid_arguments("invalid cursor")
    end = start + limit
    return every[start:end], base64.b64encode(str(end).encode()).decode() if end < len(every) else ""


def _readable(workspace: Workspace, args: Args) -> Channel:
    channel = visible(workspace, args.need("channel"))
    if BOT_USER not in channel.members:
        raise SlackError("not_in_channel")
    return channel


def _shown(workspace: Workspace, channel: Channel) -> JSON:
    if channel.user is None:
        return channel.shown()
    return channel.shown() | {"is_user_deleted": workspace.users[channel.user].deleted}
