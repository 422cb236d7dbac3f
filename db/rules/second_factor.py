"""The second factor: a code of six digits that changes every half minute (RFC 6238), and codes for the day the
telephone is lost."""

import hmac
import secrets
from datetime import datetime

from pyotp import TOTP, random_base32

ISSUER = "Reprise"
STEP_SECONDS = 30
# A telephone's clock may be half a minute off, and typing takes time.
NEIGHBOURS = (0, -1, 1)
DIGITS = 6

RECOVERY_CODES = 10
RECOVERY_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
RECOVERY_LENGTH, RECOVERY_GROUP = 12, 4


def new_secret() -> str:
    """160 bits, as an authenticator wants them written."""
    return random_base32()


def matching_step(secret: str, code: str, *, now: datetime, after: int | None) -> int | None:
    """The time step whose code this is, among those since the last one used."""
    typed = "".join(code.split())
    if len(typed) != DIGITS or not (typed.isascii() and typed.isdigit()):
        return None
    here, found = int(now.timestamp()) // STEP_SECONDS, None
    for step in (here + one for one in NEIGHBOURS):
        if hmac.compare_digest(TOTP(secret).generate_otp(step), typed) and (after is None or step > after):
            found = step
    return found


def address_of(secret: str, *, account: str, practice: str) -> str:
    """What the picture says to the authenticator."""
    return TOTP(secret).provisioning_uri(name=account, issuer_name=f"{ISSUER} {practice}")


def code_at(secret: str, moment: datetime) -> str:
    """The code that an authenticator shows at that moment."""
    return TOTP(secret).generate_otp(int(moment.timestamp()) // STEP_SECONDS)


def new_recovery_codes() -> list[str]:
    """Ten of 59 bits, in groups that can be copied by hand."""
    return [_grouped() for _ in range(RECOVERY_CODES)]


def _grouped() -> str:
    letters = "".join(secrets.choice(RECOVERY_ALPHABET) for _ in range(RECOVERY_LENGTH))
    return "-".join(letters[at : at + RECOVERY_GROUP] for at in range(0, RECOVERY_LENGTH, RECOVERY_GROUP))


def recovery_form(typed: str) -> str | None:
    """The one form in which a recovery code is kept; None for what cannot be one."""
    bare = "".join(letter for letter in typed.lower() if letter.isalnum())
    fits = len(bare) == RECOVERY_LENGTH and all(letter in RECOVERY_ALPHABET for letter in bare)
    return bare if fits else None
