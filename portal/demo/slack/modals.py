"""The views.* methods."""

from portal.demo.slack.args import Args
from portal.demo.slack.blocks import too_large, view_problems
from portal.demo.slack.errors import SlackError, invalid_arguments
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import View
from portal.demo.slack.workspace import Workspace

MOST_STACKED = 3


def open_view(workspace: Workspace, args: Args) -> JSON:
    args.require("trigger_id", "view")
    body = checked(workspace, args.structure("view"), "modal")
    user = workspace.use_trigger(args.need("trigger_id"))
    view = workspace.view(user, body)
    workspace.modals[user] = [view]
    workspace.changed()
    return {"view": view.shown()}


def push_view(workspace: Workspace, args: Args) -> JSON:
    args.require("trigger_id", "view")
    body = checked(workspace, args.structure("view"), "modal")
    user = workspace.use_trigger(args.need("trigger_id"))
    return {"view": push(workspace, user, body).shown()}


def push(workspace: Workspace, user: str, body: JSON) -> View:
    stack = workspace.modals.setdefault(user, [])
    if len(stack) >= MOST_STACKED:
        raise SlackError("push_limit_reached")
    view = workspace.view(user, body, previous=stack[-1] if stack else None)
    stack.append(view)
    workspace.changed()
    return view


def update_view(workspace: Workspace, args: Args) -> JSON:
    if not args.has("view_id") and not args.has("external_id"):
        raise invalid_arguments("missing required field: view_id")
    args.require("view")
    wanted, outer = args.text("view_id"), args.text("external_id")
    view = next(
        (each for each in workspace.views() if each.id == wanted or (outer and each.body.get("external_id") == outer)),
        None,
    )
    if view is None:
        raise SlackError("not_found")
    body = checked(workspace, args.structure("view"), view.kind, own=view)
    _same_hash(view, args)
    workspace.replace_view(view, body)
    return {"view": view.shown()}


def publish(workspace: Workspace, args: Args) -> JSON:
    args.require("user_id", "view")
    user = workspace.users.get(args.need("user_id"))
    if user is None or user.deleted or user.is_bot:
        raise SlackError("invalid_arguments", messages=["invalid `user_id`"])
    before = workspace.homes.get(user.id)
    body = checked(workspace, args.structure("view"), "home", own=before)
    if before is not None:
        _same_hash(before, args)
        workspace.replace_view(before, body)
        return {"view": before.shown()}
    workspace.homes[user.id] = workspace.view(user.id, body)
    workspace.changed()
    return {"view": workspace.homes[user.id].shown()}


def checked(workspace: Workspace, body: object, kind: str, *, own: View | None = None) -> JSON:
    """`own`: the view that this one replaces, whose `external_id` it may keep."""
    if too_large(body):
        raise SlackError("view_too_large")
    if problems := view_problems(body, kind):
        raise invalid_arguments(*map(str, problems))
    assert isinstance(body, dict)
    outer = body.get("external_id")
    if outer and any(each is not own and each.body.get("external_id") == outer for each in workspace.views()):
        raise SlackError("duplicate_external_id")
    return body


def _same_hash(view: View, args: Args) -> None:
    if args.has("hash") and args.text("hash") != view.hash:
        raise SlackError("hash_conflict")
