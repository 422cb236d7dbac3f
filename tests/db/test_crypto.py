"""Sealed values are bound to row and field; the blind index is keyed, and the same for ever."""

import itertools
import secrets

import pytest

from db import crypto
from db.crypto import INDEX_BYTES, NONCE_BYTES, Vault, make_vault
from db.errors import ConfigurationError

FIRST, SECOND, INDEX = (bytes([number]) * 32 for number in (1, 2, 3))
OLD = make_vault({1: FIRST}, INDEX)
ROTATED = make_vault({1: FIRST, 2: SECOND}, INDEX)
HERE = {"owner": "abcdefghijkm", "field": "patient.phone"}


@pytest.mark.parametrize("value", ["", "+33612345678", "Zoë Ångström", "é" * 5000, "👩‍⚕️", "\x00\n"])
def test_what_is_sealed_opens_again(value: str) -> None:
    assert OLD.open(OLD.seal(value, **HERE), **HERE) == value


def test_sealed_value_says_nothing_and_is_never_twice_the_same() -> None:
    sealed = {OLD.seal("+33612345678", **HERE) for _ in range(50)}
    assert len(sealed) == 50
    assert not any(b"612345678" in value for value in sealed)


@pytest.mark.parametrize(
    "place",
    [
        {"owner": "another12345", "field": "patient.phone"},
        {"owner": "abcdefghijkm", "field": "patient.email"},
        {"owner": "abcdefghijkm/patient", "field": "phone"},
        {"owner": "", "field": "abcdefghijkm/patient.phone"},
    ],
)
def test_value_copied_to_another_row_or_field_does_not_open(place: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="does not open"):
        OLD.open(OLD.seal("+33612345678", **HERE), **place)


def test_every_altered_byte_is_refused() -> None:
    sealed = OLD.seal("+33612345678", **HERE)
    for place in range(len(sealed)):
        altered = bytearray(sealed)
        altered[place] ^= 0x01
        with pytest.raises(ConfigurationError):
            OLD.open(bytes(altered), **HERE)


@pytest.mark.parametrize("length", [1, 1 + NONCE_BYTES, 20])
def test_value_cut_short_is_refused(length: int) -> None:
    with pytest.raises(ConfigurationError):
        OLD.open(OLD.seal("+33612345678", **HERE)[:length], **HERE)


def test_newest_key_seals_and_every_key_of_the_ring_opens() -> None:
    before, after = OLD.seal("a", **HERE), ROTATED.seal("a", **HERE)
    assert (before[0], after[0]) == (1, 2)
    assert ROTATED.open(before, **HERE) == ROTATED.open(after, **HERE) == "a"
    assert (ROTATED.is_current(before), ROTATED.is_current(after)) == (False, True)


def test_missing_key_is_named() -> None:
    with pytest.raises(ConfigurationError, match="key 2 is missing"):
        OLD.open(ROTATED.seal("a", **HERE), **HERE)


def test_key_of_another_installation_is_said_so() -> None:
    with pytest.raises(ConfigurationError, match="not the one it was written with"):
        make_vault({1: SECOND}, INDEX).open(OLD.seal("a", **HERE), **HERE)


def test_refusals_do_not_show_what_is_sealed() -> None:
    with pytest.raises(ConfigurationError) as refused:
        OLD.open(OLD.seal("+33612345678", **HERE), owner="x", field="y")
    assert "612345678" not in repr(refused.value)
    assert refused.value.__cause__ is None


def test_blind_index_is_the_same_for_ever_whatever_key_seals() -> None:
    index = OLD.index("+33612345678", kind="phone")
    assert index == ROTATED.index("+33612345678", kind="phone")
    assert len(index) == INDEX_BYTES
    assert index.hex() == "9ea2158a999a6d8fca8655abd2d99b7f"


def test_blind_index_tells_kinds_values_and_installations_apart() -> None:
    other = make_vault({1: FIRST}, SECOND)
    seen = [vault.index(v, kind=k) for vault, v, k in itertools.product((OLD, other), "ab", ("phone", "email"))]
    assert len(set(seen)) == 8


def test_seal_of_the_journal_has_a_key_of_its_own() -> None:
    assert OLD.seal_key == ROTATED.seal_key
    assert OLD.seal_key not in (INDEX, FIRST)
    assert OLD.seal_key[:INDEX_BYTES] != OLD.index("", kind="journal seal")


def test_no_key_shows_when_a_vault_is_printed() -> None:
    index_key = secrets.token_bytes(32)
    assert repr(index_key) not in repr(make_vault({1: FIRST}, index_key))


def test_ring_without_keys_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="is empty"):
        make_vault({}, INDEX)


def test_process_without_keys_says_where_to_get_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_vault", None)
    with pytest.raises(ConfigurationError, match=r"db\.session"):
        crypto.vault()


def test_vault_in_use_is_the_one_that_was_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crypto, "_vault", None)
    crypto.use(ROTATED)
    assert isinstance(crypto.vault(), Vault)
    assert crypto.vault() is ROTATED
