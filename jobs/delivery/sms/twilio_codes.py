"""Twilio's error codes, in Reprise's words. Source: Twilio's error and warning dictionary."""

from jobs.delivery.errors import DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.sms.gateway import FailureKind

BLOCKED = frozenset({21610})
ADDRESS_INVALID = frozenset(
    {
        21211,  # not a telephone number
        21214,  # cannot be reached
        21217,  # not a valid number
        21604,  # no recipient given
        21612,  # no route to it from this sender
        21614,  # not a mobile
        30003,  # handset unreachable
        30005,  # unknown handset
        30006,  # landline, or a carrier that cannot be reached
    }
)
REFUSED_CONTENT = frozenset(
    {
        21602,  # no body
        21605,  # body too long
        21617,  # concatenated body too long
        30007,  # filtered by the carrier
        30019,  # too big for the carrier
    }
)
TEMPORARY = frozenset(
    {
        14107,  # sending too fast
        20429,  # too many requests
        20500,  # internal error
        20503,  # service unavailable
        21611,  # the sender's queue is full
        30001,  # queue overflow
        30008,  # unknown error at the carrier
        30009,  # a segment was lost
        30017,  # the carrier's network is congested
        30022,  # over the carrier's rate
        63038,  # the account's daily limit
    }
)
SENDING_REFUSED = frozenset(
    {
        20003,  # wrong credentials
        20005,  # account not active
        20008,  # test credentials
        20404,  # no such account
        21212,  # sender is not a telephone number
        21266,  # sender and recipient are the same
        21408,  # the region is not switched on
        21603,  # no sender given
        21606,  # sender is not ours, or cannot send
        21609,  # the address for receipts is not valid
        21659,  # sender is not a Twilio number
        21660,  # sender belongs to another account
        21703,  # the pool has no sender
        21705,  # no such pool
        30002,  # account suspended
        30024,  # sender not provisioned at the carrier
        30032,  # sender not verified
        30034,  # sender not registered
    }
)


def refusal(status: int, code: int | None, text: str, *, retry_after: float | None = None) -> DeliveryError:
    """The error that an HTTP answer other than success stands for."""
    name = status if code is None else code
    if status == 429 or status >= 500 or code in TEMPORARY:
        return Temporary(name, text, retry_after=retry_after)
    if code in BLOCKED:
        return Permanent(name, text, PermanentKind.BLOCKED)
    if code in ADDRESS_INVALID:
        return Permanent(name, text, PermanentKind.ADDRESS_INVALID)
    if code in REFUSED_CONTENT:
        return Permanent(name, text, PermanentKind.REFUSED_CONTENT)
    if status != 400 or code in SENDING_REFUSED:
        # 401, 403, 404 and redirects: whatever their code, the address or the account is wrong, not the
        # message.
        return SendingRefused(name, text)
    return Permanent(name, text)


def failure(code: int | None) -> tuple[FailureKind, PermanentKind | None]:
    """What a receipt's error code means for a message that had been accepted."""
    if code in BLOCKED:
        return FailureKind.BLOCKED, PermanentKind.BLOCKED
    if code in ADDRESS_INVALID:
        return FailureKind.PERMANENT, PermanentKind.ADDRESS_INVALID
    if code in REFUSED_CONTENT:
        return FailureKind.PERMANENT, PermanentKind.REFUSED_CONTENT
    if code in TEMPORARY:
        return FailureKind.TEMPORARY, None
    return FailureKind.PERMANENT, PermanentKind.OTHER
