"""Linking one's own account to Slack: the address proposes somebody, and whoever is signed in confirms it."""

from typing import Any

import structlog
from litestar import Response, get, post
from litestar.di import NamedDependency

from bot.client import SlackClient, SlackUser
from bot.errors import (
    AppRemoved,
    ChannelGone,
    Passing,
    RateLimited,
    ScopeMissing,
    SlackProblem,
    TokenRevoked,
    UserGone,
    problem_of,
)
from bot.identity import proposed
from bot.listeners.home import redraw_home
from db.changes.slack import link_slack, unlink_slack
from db.clock import now
from db.errors import Refused
from db.queries.slack import slack_trouble, slack_user_of
from db.queries.team import email_of
from db.queries.words import FIRST_LANGUAGE, words
from portal.services import AnyRequest, services
from portal.staff.permissions import May, guard
from portal.staff.render import page, seeing
from portal.staff.session import SignedIn, form_of
from portal.staff.words import words_for

log = structlog.get_logger()

OWN = [guard(May.OWN_ACCOUNT)]
PAGE = "/staff/account/slack"
# What is said of an answer of Slack's that has no words of its own.
REFUSED = "refused"
KINDS_SAID: tuple[tuple[type[SlackProblem], str], ...] = (
    (RateLimited, "ratelimited"),
    (Passing, "down"),
    (TokenRevoked, "token_revoked"),
    (AppRemoved, "account_inactive"),
    (ScopeMissing, "missing_scope"),
    (ChannelGone, "channel_not_found"),
    (UserGone, "user_not_found"),
)


class SlackIsAway(Exception):
    """It does not answer, or not as it should: whom the address belongs to there is not known."""


@get("/account/slack", guards=OWN)
async def show_link(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[str]:
    linked = await slack_user_of(me.id)
    client = await _client(request, me)
    found: SlackUser | None = None
    away = False
    if linked is None and client is not None:
        try:
            found = await _proposed(client, me)
        except SlackIsAway:
            away = True
    return page("slack_link", me, linked=linked is not None, on=client is not None, found=found, away=away)


@post("/account/slack", guards=OWN, status_code=200)
async def link(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    """What the form says is held against Slack once more: nobody links somebody else."""
    chosen = (await form_of(request)).get("user", "")
    client = await _client(request, me)
    try:
        found = await _proposed(client, me) if client is not None else None
    except SlackIsAway:
        return seeing(PAGE, notice="slack_away")
    if found is None or found.id != chosen:
        return seeing(PAGE, notice="slack_other")
    try:
        await link_slack(me.ref, practice=me.practice.id, slack_user=found.id, actor=me.hand.actor, now=now())
    except Refused:
        return seeing(PAGE, notice="slack_taken")
    return seeing(PAGE, notice="slack_linked")


@post("/account/slack/unlink", guards=OWN, status_code=200)
async def unlink(request: AnyRequest, me: NamedDependency[SignedIn]) -> Response[Any]:
    user, bot = await slack_user_of(me.id), await services(request).bots.of(me.practice)
    await unlink_slack(me.ref, practice=me.practice.id, actor=me.hand.actor, now=now())
    if user is not None and bot is not None:
        bot.here.afterwards(redraw_home(bot.here, user))
    return seeing(PAGE, notice="slack_unlinked")


async def slack_trouble_said(me: SignedIn) -> str:
    """That Slack takes no messages, and why; empty while all is well."""
    found = await slack_trouble(me.practice.id)
    if found is None:
        return ""
    problem = problem_of(found.error)
    said = words_for(me.language).slack_link
    sentence = said.unread if isinstance(problem, UserGone) else said.trouble
    return str(sentence).format(why=words(me.language).of("slack_errors", _word_for(problem)))


def _word_for(problem: SlackProblem) -> str:
    """Slack's own word where it has one of ours, else that of its kind."""
    if problem.code in words(FIRST_LANGUAGE).groups["slack_errors"]:
        return problem.code
    return next((word for kind, word in KINDS_SAID if isinstance(problem, kind)), REFUSED)


async def _client(request: AnyRequest, me: SignedIn) -> SlackClient | None:
    bot = await services(request).bots.of(me.practice)
    return bot.here.client if bot is not None else None


async def _proposed(client: SlackClient, me: SignedIn) -> SlackUser | None:
    try:
        return await proposed(client, await email_of(me.id))
    except SlackProblem as problem:
        log.info("slack_not_asked", code=problem.code)
        raise SlackIsAway from None


HANDLERS: list[Any] = [show_link, link, unlink]
