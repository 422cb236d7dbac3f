"""What Kannel's smsbox answers, in Reprise's words. Source: its `sendsms`, version 1.4.5, asked and read."""

from jobs.delivery.errors import DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.sms.gateway import Outcome

ACCEPTED = 202
BAD_REQUEST = 400
FORBIDDEN = 403
TOO_MANY = 429
SERVER_ERRORS = 500

# Kannel answers in sentences, and uses one status for several things: the sentence's beginning tells them apart.
NO_RECIPIENT = "Missing receiver"
UNROUTABLE = "Not routable"
OUR_SETTINGS = ("Sender missing", "DLR-URL field", "DLR-Mask field")
TEXT = ("Charset or body",)

TO_PHONE = 1
NOT_TO_PHONE = 2
QUEUED = 4
TO_CENTRE = 8
NOT_TO_CENTRE = 16
# The centre's word is worth a call of its own: it settles a message whose answer was lost before it is sent anew.
WANTED_RECEIPTS = TO_PHONE + NOT_TO_PHONE + TO_CENTRE + NOT_TO_CENTRE
OUTCOMES = {
    TO_PHONE: Outcome.DELIVERED,
    TO_CENTRE: Outcome.SENT,
    NOT_TO_PHONE: Outcome.FAILED,
    NOT_TO_CENTRE: Outcome.FAILED,
}


def refusal(status: int, text: str, *, retry_after: float | None = None) -> DeliveryError:
    """The error that an answer other than `ACCEPTED` stands for."""
    if status == TOO_MANY or status >= SERVER_ERRORS:
        return Temporary(status, text, retry_after=retry_after)
    if status == FORBIDDEN and text.startswith(UNROUTABLE):
        # No connection of this Kannel takes that number, which says nothing against the next one.
        return Permanent(status, text)
    if status != BAD_REQUEST or text.startswith(OUR_SETTINGS):
        return SendingRefused(status, text)
    return Permanent(status, text, PermanentKind.REFUSED_CONTENT if text.startswith(TEXT) else PermanentKind.OTHER)
