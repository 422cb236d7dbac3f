import pytest

from db.tokens import (
    LINK,
    REFERENCE_ALPHABET,
    RETURN_PATH,
    BadSignature,
    LinkSigner,
    TokenForm,
    new_link_id,
    new_reference,
)

OLD, NEW = b"o" * 32, b"n" * 32


def signer(*keys: bytes, purpose: str = "bounce", form: TokenForm = RETURN_PATH) -> LinkSigner:
    return LinkSigner(list(keys) or [OLD], purpose=purpose, form=form)


def test_return_path_token_is_32_characters_without_capitals_and_reads_back() -> None:
    for _ in range(200):
        reference = new_reference()
        token = signer().sign(reference)
        assert len(token) == RETURN_PATH.length == 32
        assert set(token) <= set(REFERENCE_ALPHABET)
        assert token == token.lower()
        assert signer().read(token) == reference


def test_address_with_a_token_fits_before_the_at() -> None:
    assert len("retour+" + signer().sign(new_reference())) <= 64


@pytest.mark.parametrize("form", [LINK, RETURN_PATH])
def test_mac_alphabet_is_just_wide_enough_for_its_bits(form: TokenForm) -> None:
    largest = (1 << 96) - 1
    assert len(form.mac_text(largest.to_bytes(12, "big"))) == form.mac_length
    assert len(form.alphabet) ** (form.mac_length - 1) <= largest < len(form.alphabet) ** form.mac_length
    assert form.mac_text(bytes(12)) == form.alphabet[0] * form.mac_length


@pytest.mark.parametrize("place", range(32))
def test_any_other_character_is_refused(place: int) -> None:
    token = signer().sign("k3n2p8vxw4ra")
    other = "2" if token[place] != "2" else "3"
    with pytest.raises(BadSignature):
        signer().read(token[:place] + other + token[place + 1 :])


@pytest.mark.parametrize("bad", ["", "k3n2p8vxw4ra", "k3n2p8vxw4ra" + "2" * 20, "é" * 32, "K3N2P8VXW4RA" + "2" * 20])
def test_what_was_never_signed_is_refused(bad: str) -> None:
    with pytest.raises(BadSignature):
        signer().read(bad)


def test_one_purpose_never_reads_the_tokens_of_another() -> None:
    token = signer(purpose="link").sign("k3n2p8vxw4ra")
    with pytest.raises(BadSignature):
        signer(purpose="bounce").read(token)


def test_older_key_is_read_and_the_newest_signs() -> None:
    both = signer(OLD, NEW)
    assert both.read(signer(OLD).sign("k3n2p8vxw4ra")) == "k3n2p8vxw4ra"
    assert both.sign("k3n2p8vxw4ra") == signer(NEW).sign("k3n2p8vxw4ra")


def test_link_tokens_stay_as_they_were() -> None:
    assert (LINK.id_length, LINK.mac_length, LINK.length) == (8, 17, 25)
    assert len(new_link_id()) == 8
    assert LinkSigner([b"a" * 32, b"b" * 32], purpose="link").sign("abcdefgh") == "abcdefgh1QrmolqtJKKUkHD7N"
