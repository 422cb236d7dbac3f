"""The demo's workspace: the practice's staff, each under an id that stays the same, and one channel."""

from collections.abc import Sequence

from db.config import Config
from db.rules.folding import folded
from portal.demo.slack.accounts import SIGNING_SECRET, TOKEN
from portal.demo.slack.double import MOUNTED, SlackDouble

CHANNEL, CHANNEL_NAME = "C0SUIVI", "suivi"
COMMAND = "/reprise"
ROUTE = "channel"


def slack_user_id(email: str) -> str:
    """As `U0CAMILLEROUX`."""
    local = folded(email.partition("@")[0])
    return "U0" + "".join(sign for sign in local.upper() if sign.isalnum() and sign.isascii())[:16]


def demo_access(config: Config) -> dict[str, str]:
    """What the practice's `[slack]` would say."""
    return {
        "bot_token": TOKEN,
        "signing_secret": SIGNING_SECRET,
        "channel": CHANNEL,
        "command": COMMAND,
        "route": ROUTE,
        "base_url": f"{_double(config)}{MOUNTED}/api/",
    }


def demo_slack(config: Config, people: Sequence[tuple[str, str]]) -> SlackDouble:
    """`people`: name and address of each member of staff."""
    slack = SlackDouble(base_url=_double(config), app_url=config.base_url)
    for name, email in people:
        slack.workspace.add_user(name, email, user_id=slack_user_id(email))
    slack.workspace.add_channel(CHANNEL_NAME, [slack_user_id(email) for _, email in people], channel_id=CHANNEL)
    return slack


def _double(config: Config) -> str:
    return f"http://127.0.0.1:{config.demo_inbox_port}"
