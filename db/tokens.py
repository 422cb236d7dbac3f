"""Signed links, and signed return paths.

A link token is an 8-character random id and 17 characters of MAC, all base62: 25 characters, 47 + 96 bits, no
punctuation that a telephone would cut off. The id alone is stored, limited, expired and revoked; each token has exactly
one spelling, because the MAC is a fixed-width number with an upper bound.

The token in a return path is a delivery's reference and 20 characters of MAC, all of the references' own alphabet:
32 characters, 59 + 96 bits, without capitals, because mail servers change the case of what stands before an `@`.

The token in a sign-in link is a nonce of 128 bits and the same MAC, 39 characters; a keyed hash of the nonce is stored
with the moment at which it ends, and is gone once it is used.
"""

import hashlib
import hmac
import secrets
import string
from dataclasses import dataclass
from functools import cached_property

from itsdangerous import BadSignature as BadSignature
from itsdangerous import HMACAlgorithm, Signer

from db.errors import ConfigurationError

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
REFERENCE_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"
MAC_BYTES = 12
DRAWN_BITS = 128


@dataclass(frozen=True)
class TokenForm:
    """The characters of an id, and of the MAC behind it."""

    alphabet: str
    id_length: int

    @cached_property
    def mac_length(self) -> int:
        """As many digits as the largest MAC takes in this alphabet."""
        length, numbers = 0, 1
        while numbers < 256**MAC_BYTES:
            length, numbers = length + 1, numbers * len(self.alphabet)
        return length

    @property
    def length(self) -> int:
        return self.id_length + self.mac_length

    def mac_text(self, mac: bytes) -> str:
        return self._spelt(int.from_bytes(mac, "big"), self.mac_length)

    def new_id(self) -> str:
        # One draw, so much wider than the id that every id is as likely as the next.
        return self._spelt(secrets.randbits(DRAWN_BITS), self.id_length)

    def _spelt(self, number: int, length: int) -> str:
        base, digits = len(self.alphabet), []
        for _ in range(length):
            number, rest = divmod(number, base)
            digits.append(self.alphabet[rest])
        return "".join(reversed(digits))


LINK = TokenForm(ALPHABET, 8)
RETURN_PATH = TokenForm(REFERENCE_ALPHABET, 12)
# As many characters as what is drawn fills.
SIGN_IN = TokenForm(ALPHABET, 22)

ID_LENGTH = LINK.id_length
TOKEN_LENGTH = LINK.length


class _ShortHmac(HMACAlgorithm):
    def get_signature(self, key: bytes, value: bytes) -> bytes:
        return super().get_signature(key, value)[:MAC_BYTES]


class LinkSigner:
    """Signs and reads the tokens of one purpose; keys oldest to newest, the newest signs, all of them read."""

    def __init__(self, keys: list[bytes], *, purpose: str, form: TokenForm = LINK) -> None:
        self._form, self._length = form, form.length
        self._signer = Signer(
            list(keys), salt=f"reprise.{purpose}", key_derivation="hmac", digest_method=hashlib.sha256
        )
        self._algorithm = _ShortHmac(hashlib.sha256)
        self._derived = [self._signer.derive_key(key) for key in self._signer.secret_keys]

    def sign(self, link_id: str) -> str:
        return link_id + self._mac(self._derived[-1], link_id)

    def read(self, token: str) -> str:
        """The id. Raises `BadSignature` for whatever this installation did not sign."""
        link_id, mac = token[: self._form.id_length], token[self._form.id_length :]
        if len(token) != self._length or not token.isascii():
            raise BadSignature("not a token")
        for key in reversed(self._derived):
            if hmac.compare_digest(self._mac(key, link_id), mac):
                return link_id
        raise BadSignature("signature does not match")

    def _mac(self, key: bytes, link_id: str) -> str:
        return self._form.mac_text(self._algorithm.get_signature(key, link_id.encode()))


def new_link_id() -> str:
    return LINK.new_id()


def new_reference() -> str:
    """A random reference for the journal and for exports: 12 characters that say nothing."""
    return RETURN_PATH.new_id()


_links: LinkSigner | None = None
_bounces: LinkSigner | None = None
_sign_ins: LinkSigner | None = None


def use(keys: list[bytes]) -> None:
    global _links, _bounces, _sign_ins
    if not keys:
        raise ConfigurationError("REPRISE_SIGNING_KEYS is empty: `reprise run` makes one at first start.")
    _links = LinkSigner(keys, purpose="link")
    _bounces = LinkSigner(keys, purpose="bounce", form=RETURN_PATH)
    _sign_ins = LinkSigner(keys, purpose="sign-in", form=SIGN_IN)


def links() -> LinkSigner:
    """The signer of patient links that `db.session` opened for this process."""
    return _opened(_links)


def bounces() -> LinkSigner:
    """The signer of return paths; the id is a delivery's reference."""
    return _opened(_bounces)


def sign_ins() -> LinkSigner:
    """The signer of sign-in links; the id is the nonce of one."""
    return _opened(_sign_ins)


def _opened(signer: LinkSigner | None) -> LinkSigner:
    if signer is None:
        raise ConfigurationError("No keys are open in this process: go through db.session.")
    return signer
