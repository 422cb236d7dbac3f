"""What `reprise doctor` says of Slack: the token and what it may do, the channel, the signing secret, who is linked."""

from collections.abc import AsyncIterator

import httpx

from bot.access import SlackAccess, slack_access
from bot.client import SlackClient
from bot.errors import AppRemoved, ChannelGone, ScopeMissing, SlackProblem, TokenRevoked
from bot.manifest import SCOPES, request_url
from bot.signing import challenge
from db.queries.practices import Profile, Sending, all_practices
from db.queries.slack import linked_staff, slack_trouble
from portal.commands._findings import Finding, State, failed, ok, warning

PATIENCE_S = 5.0
AGAIN = "then run `reprise setup`."
WHAT_TO_DO: dict[type[SlackProblem], str] = {
    TokenRevoked: f"install the app anew, write its bot token into practice.toml, {AGAIN}",
    AppRemoved: f"install the app into the workspace again, write its bot token into practice.toml, {AGAIN}",
    ScopeMissing: "paste `reprise slack manifest` into the app's settings, and install it again.",
}


async def slack_findings(practice: Profile, access: Sending, *, base_url: str) -> AsyncIterator[Finding]:
    """Nothing for a practice without Slack."""
    own = slack_access(access)
    if own is None or not practice.settings.slack_route:
        return
    client = SlackClient(own)
    try:
        token = await _token(client)
        yield token
        if token.state is State.OK:
            yield await _channel(client, own.channel)
    finally:
        await client.close()
    yield await _secret(own, await address_for_slack(practice, base_url))
    yield await _people(practice)


async def address_for_slack(practice: Profile, base_url: str) -> str:
    """Where Slack speaks to this practice; it is named where there are several."""
    return request_url(base_url, practice.ref if len(await all_practices()) > 1 else None)


async def _token(client: SlackClient) -> Finding:
    try:
        app = await client.identity()
    except SlackProblem as problem:
        todo = next((text for kind, text in WHAT_TO_DO.items() if isinstance(problem, kind)), "try again later.")
        return failed("slack token", f"Slack answers {problem.code}: {todo}")
    missing = [scope for scope in SCOPES if scope not in app.scopes]
    if missing:
        return failed("slack token", f"it may not {', '.join(missing)}: {WHAT_TO_DO[ScopeMissing]}")
    return ok("slack token", f"{app.user} in {app.team}, with all that it needs.")


async def _channel(client: SlackClient, channel: str) -> Finding:
    try:
        state = await client.channel(channel)
    except ChannelGone:
        return failed(
            "slack channel",
            f"the app does not see {channel}: check its id in practice.toml, and write /invite @Reprise there.",
        )
    except SlackProblem as problem:
        return failed("slack channel", f"Slack answers {problem.code} for {channel}.")
    if state.is_archived:
        return failed("slack channel", f"#{state.name} is archived: take it out of the archive, or name another.")
    if not state.is_member:
        return failed("slack channel", f"the app is not in #{state.name}: write /invite @Reprise there.")
    return ok("slack channel", f"#{state.name}, and the app is in it.")


async def _secret(access: SlackAccess, url: str) -> Finding:
    """Whether the portal, at its public address, believes what is signed with it. That it is Slack's own secret shows
    when Slack accepts the address."""
    asked = challenge(access.signing_secret)
    try:
        async with httpx.AsyncClient(timeout=PATIENCE_S) as web:
            answer = await web.post(url, content=asked.body, headers=asked.headers)
    except httpx.HTTPError as problem:
        return warning("slack secret", f"{url} cannot be reached from here ({type(problem).__name__}): is it up?")
    if answer.status_code == httpx.codes.OK and asked.secret in answer.text:
        return ok("slack secret", f"{url} answers what is signed with it.")
    return failed(
        "slack secret",
        f"{url} answers {answer.status_code} to what is signed with it: check that this address leads to the portal.",
    )


async def _people(practice: Profile) -> Finding:
    linked, active = await linked_staff(practice.id)
    trouble = await slack_trouble(practice.id)
    if trouble is not None:
        return warning(
            "slack", f"{trouble.cases} cases wait for Slack ({trouble.error}); whoever has them is told by email."
        )
    if not linked:
        return warning("slack", "nobody is linked: each links their own account at /staff/account/slack.")
    return ok("slack", f"{linked} of {active} people are linked; the others are told by email.")
