"""One practice's access to Slack, as its file gave it."""

from dataclasses import dataclass, field
from typing import Literal

from db.queries.practices import Sending

SLACK = "https://slack.com/api/"
Route = Literal["person", "channel"]


@dataclass(frozen=True, slots=True)
class SlackAccess:
    """`channel` is the practice's own, by id; `command` the slash command, with its slash; `base_url` is Slack's, but
    for a double."""

    bot_token: str = field(repr=False)
    signing_secret: str = field(repr=False)
    channel: str
    command: str
    route: Route
    base_url: str = SLACK


def slack_access(sending: Sending) -> SlackAccess | None:
    """None where the practice has no Slack."""
    return SlackAccess(**sending.slack) if sending.slack else None
