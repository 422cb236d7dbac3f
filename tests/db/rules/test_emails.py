import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.rules.emails import read


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("marie.d@example.org", "marie.d@example.org"),
        ("  marie.d@example.org\t", "marie.d@example.org"),
        ("Marie.D@Example.ORG", "marie.d@example.org"),
        ("mailto:marie.d@example.org", "marie.d@example.org"),
        ("MAILTO:marie.d@example.org", "marie.d@example.org"),
        ("Marie D <marie.d@example.org>", "marie.d@example.org"),
        ('"D, Marie" <marie.d@example.org>', "marie.d@example.org"),
        ("'marie.d@example.org", "marie.d@example.org"),
        ("marie.d@example.org.", "marie.d@example.org"),
        ("marie.d@example.org;", "marie.d@example.org"),
        ("Courriel : marie.d@example.org", "marie.d@example.org"),
        ("marie.d@example.org; paul@example.org", "marie.d@example.org"),
        ("marie.d@example.org, paul@example.org", "marie.d@example.org"),
        ("marie.d@example.org paul@example.org", "marie.d@example.org"),
        ("marie.d@example.org / paul@example.org", "marie.d@example.org"),
        ("marie.d@example.org\npaul@example.org", "marie.d@example.org"),
        ("aucun@aucun.fr ; marie.d@example.org", "marie.d@example.org"),
        ("néant / marie.d@example.org", "marie.d@example.org"),
        ("\ufeffmarie.d@example.org\u200b", "marie.d@example.org"),
        ("ｍarie.d@example.org", "marie.d@example.org"),
        ("marie+sante@example.org", "marie+sante@example.org"),
        ("o'neil@example.org", "o'neil@example.org"),
        ("m_d-75@sub.example.co.uk", "m_d-75@sub.example.co.uk"),
        ("contact@médecin.fr", "contact@xn--mdecin-bva.fr"),
        ("a@example.org", "a@example.org"),
        ("sarah@sarah.fr", "sarah@sarah.fr"),
    ],
)
def test_an_address_is_read_in_one_canonical_form(written: str, address: str) -> None:
    assert read(written) == address


@pytest.mark.parametrize(
    "written",
    [
        "",
        " ",
        "-",
        "@",
        "néant",
        "Néant.",
        "aucun",
        "pas de mail",
        "n/a",
        "0612345678",
        "marie",
        "marie@",
        "@example.org",
        "marie@localhost",
        "marie@@example.org",
        "marie@paul@example.org",
        "marie@example..org",
        "marie@.example.org",
        "marie@-example.org",
        "marie@example-.org",
        "marie@exam_ple.org",
        "marie@192.168.0.1",
        "marie..d@example.org",
        ".marie@example.org",
        "marie.@example.org",
        "élise@example.org",
        "marie@example,org",
        "http://example.org",
        f"{'m' * 65}@example.org",
        f"marie@{'e' * 64}.org",
        f"marie@{'.'.join(['example'] * 35)}.org",
    ],
)
def test_what_is_not_an_address_is_not_read(written: str) -> None:
    assert read(written) is None


@pytest.mark.parametrize("written", ["marie dupont@example.org", "marie,dupont@example.org", "chez paul@example.org"])
def test_a_broken_address_is_not_cut_down_to_a_strangers(written: str) -> None:
    assert read(written) is None


@pytest.mark.parametrize(
    "written",
    [
        "aucun@aucun.fr",
        "AUCUN@gmail.com",
        "pasdemail@gmail.com",
        "pas-de-mail@example.org",
        "pas.d.adresse@example.org",
        "neant@neant.com",
        "noemail@example.org",
        "no-reply@example.org",
        "inconnu@inconnu.fr",
        "x@x.fr",
        "nc@nc.fr",
        "test@test.com",
    ],
)
def test_a_placeholder_is_not_an_address(written: str) -> None:
    assert read(written) is None


@given(st.text() | st.from_regex(r"[ -~]{0,20}@[ -~]{0,20}", fullmatch=True) | st.emails())
def test_any_text_gives_an_address_that_reads_as_itself_or_none(text: str) -> None:
    address = read(text)
    assert address is None or (read(address) == address and address == address.lower() and address.isascii())


@pytest.mark.parametrize(("letters", "fits"), [(60, True), (61, False)])
def test_an_address_has_at_most_254_characters(letters: int, fits: bool) -> None:
    address = f"{'m' * letters}@{'d' * 63}.{'d' * 62}.{'d' * 62}.org"
    assert len(address) == 194 + letters
    assert read(address) == (address if fits else None)
