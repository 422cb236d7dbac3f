"""What the status of a returned email says about the address that it was sent to (RFC 3463)."""

import re

# Unknown, moved or disabled mailboxes and domains, and the unspecific 5.0.0. Besides them what large providers say of a
# mailbox that does not exist: 5.4.1 and 5.4.310 (Exchange), 5.5.0 (Outlook.com). 5.1.7 and 5.1.8 speak of the sender.
_ADDRESS = re.compile(r"5\.(?:0\.\d+|1\.(?![78]$)\d+|2\.[01]|4\.(?:1|4|310)|5\.0)")


def concerns_address(status: str) -> bool:
    """Whether nothing will ever arrive there; else it is this message, its sender or this week that was refused.

    A full mailbox empties, and a refusal for the sender's reputation meets every patient of one provider at once:
    neither may close an address for good.
    """
    return _ADDRESS.fullmatch(status) is not None
