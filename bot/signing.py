"""A request as Slack would sign it, to ask ourselves whether we would believe it."""

import json
import secrets
from dataclasses import dataclass, field

from slack_sdk.signature import SignatureVerifier

from db.clock import Clock


@dataclass(frozen=True)
class Challenge:
    """What Slack sends when the address of an app is entered; the answer holds `secret`."""

    secret: str
    body: str
    headers: dict[str, str] = field(repr=False)


def challenge(signing_secret: str) -> Challenge:
    secret = secrets.token_hex(16)
    body = json.dumps({"type": "url_verification", "challenge": secret})
    # The machine's own time, whatever the demo's clock says: so does the library that checks it.
    timestamp = str(int(Clock().now().timestamp()))
    signature = SignatureVerifier(signing_secret).generate_signature(timestamp=timestamp, body=body) or ""
    headers = {
        "Content-Type": "application/json",
        "X-Slack-Request-Timestamp": timestamp,
        "X-Slack-Signature": signature,
    }
    return Challenge(secret, body, headers)
