"""Credentials and numbers of the demo: fixed, public, and of no use anywhere else.

The numbers are of the range that France keeps for fiction (06 39 98 xx xx).
"""

from dataclasses import dataclass

ACCOUNT = "ACdemo0000000000000000000000000000"
TOKEN = "demo-token-of-no-value"  # noqa: S105
# A short number, which can receive answers.
SENDER = "38180"


@dataclass(frozen=True, slots=True)
class Fate:
    """What the gateway's double does with a message to one number.

    `status` and `code` of the answer; `times` says how often before it relents (None: always). With `late`
    the message is taken and its receipt fails; with `taken` it is taken and the answer is an error all the
    same.
    """

    code: int
    text: str
    status: int = 400
    times: int | None = None
    retry_after: int | None = None
    late: bool = False
    taken: bool = False


FATES = {
    "+33639989901": Fate(21211, "The 'To' number is not a valid phone number."),
    "+33639989902": Fate(21614, "The 'To' number is not a valid mobile number."),
    "+33639989903": Fate(21610, "Attempt to send to unsubscribed recipient."),
    "+33639989904": Fate(20429, "Too many requests.", status=429, times=2, retry_after=1),
    "+33639989905": Fate(20503, "Service unavailable.", status=503),
    "+33639989906": Fate(30005, "Unknown destination handset.", late=True),
    "+33639989907": Fate(30008, "Unknown error.", late=True),
    "+33639989908": Fate(20504, "Gateway timeout.", status=504, taken=True),
}
