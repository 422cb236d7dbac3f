"""Link tokens: short, signed, with exactly one spelling each."""

import string

import pytest
from itsdangerous import BadSignature

from db import tokens
from db.errors import ConfigurationError
from db.tokens import ALPHABET, ID_LENGTH, TOKEN_LENGTH, LinkSigner, new_link_id, new_reference

OLD, NEW = b"o" * 32, b"n" * 32
SIGNER = LinkSigner([OLD], purpose="link")
LINK_ID = "Ab3xYz09"
TOKEN = SIGNER.sign(LINK_ID)


def is_refused(token: str, signer: LinkSigner = SIGNER) -> bool:
    try:
        signer.read(token)
    except BadSignature:
        return True
    return False


def test_token_is_25_characters_of_base62_that_no_telephone_cuts_off() -> None:
    for _ in range(200):
        token = SIGNER.sign(new_link_id())
        assert len(token) == TOKEN_LENGTH == 25
        assert set(token) <= set(ALPHABET) == set(string.ascii_letters + string.digits)


def test_id_and_mac_together_have_128_bits_or_more() -> None:
    assert len(ALPHABET) ** ID_LENGTH * 2 ** (8 * tokens.MAC_BYTES) >= 2**128


def test_token_reads_back() -> None:
    assert SIGNER.read(TOKEN) == LINK_ID


def test_same_id_always_gives_the_same_token() -> None:
    assert TOKEN == SIGNER.sign(LINK_ID) == "Ab3xYz09" + TOKEN[ID_LENGTH:]


def test_every_change_of_one_character_is_refused() -> None:
    """Over the whole alphabet, and over what looks like it or is mangled on the way."""
    for place in range(TOKEN_LENGTH):
        for character in ALPHABET + "-_.+/=~ \x00éАl1O0":
            changed = TOKEN[:place] + character + TOKEN[place + 1 :]
            assert changed == TOKEN or is_refused(changed), changed


@pytest.mark.parametrize("change", [str.upper, str.lower, str.swapcase, str.title])
def test_change_of_case_is_refused(change: object) -> None:
    assert is_refused(change(TOKEN))  # type: ignore[operator]


def test_each_letter_in_the_other_case_is_refused() -> None:
    for place, character in enumerate(TOKEN):
        changed = TOKEN[:place] + character.swapcase() + TOKEN[place + 1 :]
        assert changed == TOKEN or is_refused(changed)


@pytest.mark.parametrize("length", range(TOKEN_LENGTH))
def test_every_prefix_and_every_suffix_is_refused(length: int) -> None:
    assert is_refused(TOKEN[:length])
    assert is_refused(TOKEN[TOKEN_LENGTH - length :])


@pytest.mark.parametrize("more", [".", ",", ")", " ", "\n", "\x00", "0", "a", "?x=1", "/", "=", "é"])
def test_whatever_is_added_at_either_end_is_refused(more: str) -> None:
    assert is_refused(TOKEN + more)
    assert is_refused(more + TOKEN)
    assert is_refused(f"{TOKEN[1:]}{more}"[:TOKEN_LENGTH])


def test_neighbouring_characters_swapped_are_refused() -> None:
    for place in range(TOKEN_LENGTH - 1):
        changed = TOKEN[:place] + TOKEN[place + 1] + TOKEN[place] + TOKEN[place + 2 :]
        assert changed == TOKEN or is_refused(changed)


def test_mac_plus_a_multiple_of_its_range_is_no_second_spelling() -> None:
    """Seventeen digits hold more than 96 bits: what is above them must not wrap round."""
    value = 0
    for character in TOKEN[ID_LENGTH:]:
        value = value * 62 + ALPHABET.index(character)
    assert value < 2**96
    for times in (1, 2, 17):
        digits, rest = [], value + times * 2**96
        for _ in range(TOKEN_LENGTH - ID_LENGTH):
            rest, digit = divmod(rest, 62)
            digits.append(ALPHABET[digit])
        if rest == 0:
            assert is_refused(LINK_ID + "".join(reversed(digits)))


@pytest.mark.parametrize("other", [LinkSigner([NEW], purpose="link"), LinkSigner([OLD], purpose="session")])
def test_token_of_another_key_or_purpose_is_refused(other: LinkSigner) -> None:
    assert is_refused(other.sign(LINK_ID))


def test_mac_of_another_id_is_refused() -> None:
    assert is_refused(new_link_id() + TOKEN[ID_LENGTH:])


def test_newest_key_signs_and_the_older_ones_still_read() -> None:
    rotated = LinkSigner([OLD, NEW], purpose="link")
    assert rotated.sign(LINK_ID) == LinkSigner([NEW], purpose="link").sign(LINK_ID)
    assert rotated.read(TOKEN) == rotated.read(rotated.sign(LINK_ID)) == LINK_ID
    assert is_refused(rotated.sign(LINK_ID))


@pytest.mark.parametrize("make", [new_link_id, new_reference])
def test_random_names_do_not_repeat_and_use_all_their_characters(make: object) -> None:
    seen = [make() for _ in range(2000)]  # type: ignore[operator]
    assert len(set(seen)) == len(seen)
    letters = set("".join(seen))
    assert len(letters) in (62, 31)


def test_process_without_keys_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokens, "_links", None)
    with pytest.raises(ConfigurationError, match=r"db\.session"):
        tokens.links()
    with pytest.raises(ConfigurationError, match="REPRISE_SIGNING_KEYS"):
        tokens.use([])
