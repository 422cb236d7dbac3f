"""Encrypted columns and their blind index.

A sealed value is one byte of key id, a 12-byte nonce and the AES-256-GCM text, bound to the row and the field it was
written for, so that a value copied to another row does not open. The blind index is a keyed hash that lets a telephone
number or an email address be found, and an opt-out outlive the erasure of the contact.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from db.errors import ConfigurationError, Unreadable

NONCE_BYTES = 12
INDEX_BYTES = 16


@dataclass(frozen=True)
class Vault:
    """The keys of one installation. The last key of the ring seals; every key of it opens."""

    ring: dict[int, AESGCM] = field(repr=False)
    newest: int
    index_key: bytes = field(repr=False)

    def seal(self, value: str, *, owner: str, field: str) -> bytes:
        """`owner` is the row's own random reference, `field` the column: both must be given again to open."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        body = self.ring[self.newest].encrypt(nonce, value.encode(), _bound_to(owner, field))
        return bytes([self.newest]) + nonce + body

    def open(self, sealed: bytes, *, owner: str, field: str) -> str:
        cipher = self.ring.get(sealed[0])
        if cipher is None:
            raise ConfigurationError(
                f"Encryption key {sealed[0]} is missing from REPRISE_ENCRYPTION_KEYS: put it back."
            )
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        try:
            return cipher.decrypt(nonce, body, _bound_to(owner, field)).decode()
        except (InvalidTag, ValueError):
            raise Unreadable(
                f"A stored {field} does not open with key {sealed[0]}: REPRISE_ENCRYPTION_KEYS is not the one it was "
                "written with."
            ) from None

    @property
    def seal_key(self) -> bytes:
        """Keys the journal's hash chain; as lasting as the blind indexes, so that old seals can always be checked."""
        return hmac.new(self.index_key, b"journal seal", hashlib.sha256).digest()

    def is_current(self, sealed: bytes) -> bool:
        return sealed[0] == self.newest

    def index(self, value: str, *, kind: str) -> bytes:
        """The same for the same (kind, value) for ever; `value` must be in its one canonical form."""
        return hmac.new(self.index_key, f"{kind}:{value}".encode(), hashlib.sha256).digest()[:INDEX_BYTES]


def make_vault(ring: dict[int, bytes], index_key: bytes) -> Vault:
    if not ring:
        raise ConfigurationError("REPRISE_ENCRYPTION_KEYS is empty: `reprise run` makes one at first start.")
    return Vault({number: AESGCM(key) for number, key in ring.items()}, list(ring)[-1], index_key)


def _bound_to(owner: str, field: str) -> bytes:
    return f"{owner}/{field}".encode()


_vault: Vault | None = None


def use(chosen: Vault) -> None:
    global _vault
    _vault = chosen


def vault() -> Vault:
    """The vault that `db.session` opened for this process."""
    if _vault is None:
        raise ConfigurationError("No keys are open in this process: go through db.session.")
    return _vault
