import pytest

from jobs.messages.lint.fold import close, plain


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("ÉTÉ", "ete"),
        ("e\u0301te\u0301", "ete"),
        ("cœur", "coeur"),
        ("aujourd’hui", "aujourd'hui"),
        ("psy\u00adcho\u200blogue", "psychologue"),
        ("3ᵉ", "3e"),
        ("ｐｓｙ", "psy"),
        ("рsу", "psy"),  # with two Cyrillic letters
        ("un\u00a0mot\u202fici", "un mot ici"),
        ("a — b", "a - b"),
    ],
)
def test_a_text_is_folded_to_bare_letters(text: str, read: str) -> None:
    assert plain(text).text == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("p s y", "psy"),
        ("P.S.Y.", "psy."),
        ("p  s  y", "psy"),
        ("thé-rapie", "therapie"),
        ("psy_chologue", "psychologue"),
        ("urg3nt", "urgent"),
        ("il y a un an", "il y a un an"),
        ("un mot", "un mot"),
    ],
)
def test_a_close_reading_draws_hidden_words_together(text: str, read: str) -> None:
    assert close(plain(text)).text == read


@pytest.mark.parametrize("text", ["le cœur du thé-rapeute", "un p s y ici", "E\u0301te\u0301 ﬁn"])
def test_a_reading_knows_where_each_letter_came_from(text: str) -> None:
    for read in (plain(text), close(plain(text))):
        assert len(read.text) == len(read.origins)
        for at in range(len(read.text)):
            start, end = read.place(at, at + 1)
            assert read.text[at] in plain(text[start:end]).text
