"""The App Home, drawn anew whenever somebody opens it or presses something in it."""

import re
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp

from bot.blocks.home import HomeShown, home_view, unlinked_home
from bot.errors import SlackProblem
from bot.here import Here
from bot.identity import member_of
from bot.reading import text_in
from db import clock
from db.queries.practices import practice as profile_of
from db.queries.slack import cases_of, leave_of, unclaimed_cases

log = structlog.get_logger()

ANYTHING = re.compile(".*")


def listen(app: AsyncApp, here: Here) -> None:
    @app.event("app_home_opened")
    async def opened(event: dict[str, Any]) -> None:
        user = text_in(event, "user")
        if event.get("tab", "home") == "home" and user:
            await redraw_home(here, user)

    @app.event(ANYTHING)
    async def other() -> None:
        """Whatever else the app was subscribed to by hand."""


async def redraw_home(here: Here, user: str) -> None:
    """As `show_home`, where nobody is lost if Slack does not let it: it is drawn when they come back to it."""
    try:
        await show_home(here, user)
    except SlackProblem as problem:
        log.info("home_not_shown", code=problem.code)


async def show_home(here: Here, user: str, *, said: str | None = None) -> None:
    """`said`: the answer to what was just pressed there."""
    member = await member_of(here.practice, user)
    words = here.words_for(member)
    if member is None:
        await here.client.publish_home(user, unlinked_home(words, base_url=here.base_url))
        return
    practice = await profile_of(here.practice)
    shown = HomeShown(
        mine=await cases_of(here.practice, member.id),
        unclaimed=await unclaimed_cases(here.practice, member, but_mine=True),
        leave=await leave_of(practice, member, now=clock.now()),
    )
    view = home_view(shown, words, base_url=here.base_url, command=here.access.command, said=said)
    await here.client.publish_home(user, view)
