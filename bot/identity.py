"""Who presses: a Slack user who is linked to somebody who works here, now. And who somebody may be at Slack."""

from bot.client import SlackClient, SlackUser
from db.actors import Hand, staff
from db.queries.slack import Member, slack_member

member_of = slack_member


def hand_of(member: Member) -> Hand:
    return Hand(staff(member.ref), member.id)


async def proposed(client: SlackClient, email: str) -> SlackUser | None:
    """The Slack user with this address: a proposal, which the person confirms once signed in here."""
    return await client.find_by_email(email)
