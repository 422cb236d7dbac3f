import pytest

from jobs.messages.gsm7 import BASIC, REPLACEMENTS, segments, septets, to_gsm7, unencodable


def test_the_alphabet_holds_what_the_standard_says() -> None:
    assert len(BASIC) == 127  # 128 places, one of them the escape
    assert set("àäèéìñòöùüæÇÉÄÖÜÑÆ") <= BASIC
    assert not set("çâêëîïôûœÀÈÊ«»’—…\u00a0") & BASIC


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("être, même, forêt", "etre, meme, foret"),
        ("ça va, François ?", "ca va, Francois ?"),
        ("cœur, ŒUVRE", "coeur, OEUVRE"),
        ("naïf, Noël, île, où, bûche, hôte, âge", "naif, Noel, ile, où, buche, hote, age"),
        ("À bientôt, Ève, Être", "A bientot, Eve, Etre"),
        ("l’heure — ou non… – oui", "l'heure - ou non... - oui"),
        ("«\u202fbonjour\u202f» et “ici”", '"bonjour" et "ici"'),
        ("10\u00a0h\u202f30", "10 h 30"),
        ("soft\u00adhyphen\u200bzero", "softhyphenzero"),
        ("Łukasz, Ağa, Žofie", "Lukasz, Aga, Zofie"),
        ("déjà là où é", "déjà là où é"),
    ],
)
def test_what_the_alphabet_lacks_is_replaced_by_the_table(text: str, written: str) -> None:
    assert to_gsm7(text) == written
    assert unencodable(written) == []


@pytest.mark.parametrize("wide", sorted(REPLACEMENTS))
def test_every_replacement_is_needed_and_encodable(wide: str) -> None:
    assert unencodable(REPLACEMENTS[wide]) == []
    assert unencodable(wide)


@pytest.mark.parametrize(("text", "cost"), [("a" * 10, 10), ("10 €", 5), ("[a]", 5), ("^{}\\[~]|€", 18)])
def test_the_extension_costs_two(text: str, cost: int) -> None:
    assert septets(text) == cost


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("Ж" * 70, 1),
        ("Ж" * 71, 2),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("ê" + "a" * 69, 1),
        ("ê" + "a" * 134, 3),
    ],
)
def test_segments_are_what_a_gateway_bills(text: str, parts: int) -> None:
    assert segments(text) == parts


def test_what_stays_unencodable_is_named_with_its_place() -> None:
    assert unencodable(to_gsm7("à Киев 😀"))[0] == (2, "К")
    assert unencodable("tout va bien") == []
