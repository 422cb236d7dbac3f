"""The chat.* methods."""

from portal.demo.slack.accounts import BOT_USER
from portal.demo.slack.args import Args, blocks_of
from portal.demo.slack.blocks import LONGEST_BLOCKS, LONGEST_TEXT, LONGEST_UPDATE, characters, message_problems
from portal.demo.slack.errors import SlackError, invalid_blocks
from portal.demo.slack.shapes import JSON, measured
from portal.demo.slack.things import Channel, Message
from portal.demo.slack.workspace import Workspace

OPTIONS = ("metadata", "unfurl_links", "unfurl_media", "reply_broadcast", "attachments")


def post_message(workspace: Workspace, args: Args) -> JSON:
    """To a user's id, it is their direct message; to one who was deactivated it arrives all the same, as in Slack."""
    channel = open_to_app(workspace, args.need("channel"), post=True)
    text, blocks = content(args, longest=LONGEST_TEXT)
    message = workspace.post(
        channel.id,
        text,
        blocks,
        thread_ts=args.text("thread_ts"),
        options={name: args.structure(name) for name in OPTIONS if args.has(name)},
    )
    return {"channel": channel.id, "ts": message.ts, "message": message.shown()}


def post_ephemeral(workspace: Workspace, args: Args) -> JSON:
    args.require("channel", "user")
    channel = open_to_app(workspace, args.need("channel"), post=True)
    text, blocks = content(args, longest=LONGEST_TEXT)
    user = args.need("user")
    if user not in channel.members or workspace.users[user].deleted:
        raise SlackError("user_not_in_channel")
    message = workspace.post(channel.id, text, blocks, ephemeral_to=user, thread_ts=args.text("thread_ts"))
    return {"message_ts": message.ts}


def update(workspace: Workspace, args: Args) -> JSON:
    """Blocks that the request does not name stay; an empty list takes them away."""
    args.require("channel", "ts")
    message = own_message(workspace, args, refused="cant_update_message")
    text, blocks = content(args, longest=LONGEST_UPDATE)
    workspace.rewrite(message, text, message.blocks if blocks is None else blocks)
    return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": message.shown()}


def delete(workspace: Workspace, args: Args) -> JSON:
    args.require("channel", "ts")
    message = own_message(workspace, args, refused="cant_delete_message")
    workspace.remove(message)
    return {"channel": message.channel, "ts": message.ts}


def get_permalink(workspace: Workspace, args: Args) -> JSON:
    args.require("channel", "message_ts")
    channel = visible(workspace, args.need("channel"))
    message = workspace.message(channel.id, args.need("message_ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    link = f"{workspace.site}/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts not in (None, message.ts):
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


def visible(workspace: Workspace, given: str) -> Channel:
    """By id; what the app cannot see does not exist for it."""
    channel = workspace.channels.get(given)
    if channel is None or (channel.kind != "public_channel" and BOT_USER not in channel.members):
        raise SlackError("channel_not_found")
    return channel


def open_to_app(workspace: Workspace, given: str, *, post: bool = False) -> Channel:
    """A conversation that the app may write into: by id, by name (`#general`), or by the id of a user."""
    if post and given in workspace.users and given != BOT_USER:
        return workspace.direct_message(given)
    names = {channel.name: channel.id for channel in workspace.channels.values() if channel.user is None}
    channel = visible(workspace, names.get(given.removeprefix("#"), given) if post else given)
    if channel.is_archived:
        raise SlackError("is_archived")
    if BOT_USER not in channel.members and not (post and "chat:write.public" in workspace.scopes):
        raise SlackError("not_in_channel")
    return channel


def own_message(workspace: Workspace, args: Args, *, refused: str) -> Message:
    channel = visible(workspace, args.need("channel"))
    if channel.is_archived:
        raise SlackError("is_inactive")
    message = workspace.message(channel.id, args.need("ts"))
    if message is None or message.ephemeral_to is not None:
        raise SlackError("message_not_found")
    if not message.by_app:
        raise SlackError(refused)
    return message


def content(args: Args, *, longest: int) -> tuple[str, list[JSON] | None]:
    text, blocks = args.text("text") or "", blocks_of(args)
    if not text and not blocks and not args.structure("attachments"):
        raise SlackError("no_text")
    if measured(text) > longest:
        raise SlackError("msg_too_long")
    check_blocks(blocks)
    return text, blocks


def check_blocks(blocks: list[JSON] | None) -> None:
    if blocks is None:
        return
    if problems := message_problems(blocks):
        raise invalid_blocks(problems)
    if characters(blocks) > LONGEST_BLOCKS:
        raise SlackError("msg_blocks_too_long")
