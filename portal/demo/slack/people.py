"""The users.*, bots.* and auth.* methods."""

from portal.demo.slack.accounts import APP, APP_NAME, BOT, BOT_USER, DOMAIN, TEAM, TEAM_NAME
from portal.demo.slack.args import Args
from portal.demo.slack.conversations import paged
from portal.demo.slack.errors import SlackError
from portal.demo.slack.shapes import JSON
from portal.demo.slack.workspace import Workspace


def auth_test(workspace: Workspace, _: Args) -> JSON:
    return {
        "url": f"{workspace.site}/",
        "team": TEAM_NAME,
        "user": workspace.users[BOT_USER].name,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "bot_id": BOT,
        "is_enterprise_install": False,
    }


def api_test(_: Workspace, args: Args) -> JSON:
    if error := args.text("error"):
        raise SlackError(error)
    return {}


def team_info(_: Workspace, __: Args) -> JSON:
    return {"team": {"id": TEAM, "name": TEAM_NAME, "domain": DOMAIN}}


def bots_info(_: Workspace, args: Args) -> JSON:
    if args.text("bot") not in (None, BOT):
        raise SlackError("bot_not_found")
    return {"bot": {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": APP_NAME, "deleted": False}}


def users_info(workspace: Workspace, args: Args) -> JSON:
    user = workspace.users.get(args.need("user"))
    if user is None:
        raise SlackError("user_not_found")
    return {"user": user.shown(email=_email(workspace))}


def users_list(workspace: Workspace, args: Args) -> JSON:
    page, cursor = paged(list(workspace.users.values()), args, most=1000)
    told = [user.shown(email=_email(workspace)) for user in page]
    return {"members": told, "response_metadata": {"next_cursor": cursor}}


def lookup_by_email(workspace: Workspace, args: Args) -> JSON:
    """A deactivated user is not found."""
    wanted = args.need("email").casefold()
    for user in workspace.users.values():
        if user.email.casefold() == wanted and not user.deleted:
            return {"user": user.shown(email=True)}
    raise SlackError("users_not_found")


def _email(workspace: Workspace) -> bool:
    return "users:read.email" in workspace.scopes
