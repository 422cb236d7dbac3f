import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser

import html5lib
import pytest

from jobs.messages.catalogue import Key, Wording, shipped
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import language_for
from jobs.messages.parts import MESSAGE_PARTS
from jobs.messages.render import render_email, render_sms, write_patient_email, write_sms
from tests.jobs.messages.samples import BY_EMAIL, LINK, ORDINARY, WAY_OUT, longest_sms

SEQUENCE = [key for key in shipped().every_key() if key.message not in MESSAGE_PARTS]
SMS = [key for key in SEQUENCE if key.channel == "sms"]
EMAILS = [key for key in SEQUENCE if key.channel == "email"]
FRENCH = language_for("fr")
SOUND_SMS = "Bonjour {{ first_name }}, à bientôt :\n{{ link }}\n{{ practice }}\n{{ opt_out }}"
SOUND_EMAIL = Wording(
    "Bonjour {{ first_name }},\n\nVoir : {{ link }}\n\nAu {{ phone }}.\n\n{{ practice }}\n\nSortir : {{ opt_out }}",
    "Votre rendez-vous",
)


def _name(key: Key) -> str:
    return "-".join(key)


class _Reading(HTMLParser):
    """What a reader of the HTML sees, and where its links lead."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_endtag(self, tag: str) -> None:
        if tag in self._open:
            del self._open[self._open.index(tag)]

    def handle_data(self, data: str) -> None:
        if "main" in self._open:
            self.words += _words(data)


def _words(text: str) -> Iterator[str]:
    return iter(re.findall(r"[^\W_]+", re.sub(r"https?://\S+", "", text)))


@pytest.mark.parametrize("key", SMS, ids=_name)
def test_every_shipped_sms_fits_one_segment_with_the_longest_values(key: Key) -> None:
    values = longest_sms(key.language)
    sms = render_sms(shipped(), key.message, speciality=key.speciality, language=key.language, values=values)
    assert sms.segments == 1
    assert sms.septets <= 160
    for part in (values.first_name, values.link):
        assert part in sms.text
    assert sms.text.endswith(values.opt_out)


@pytest.mark.parametrize("key", SMS, ids=_name)
def test_every_shipped_sms_says_who_writes_where_there_is_room(key: Key) -> None:
    sms = render_sms(shipped(), key.message, speciality=key.speciality, language=key.language, values=ORDINARY)
    assert "Cabinet des Tilleuls" in sms.text


@pytest.mark.parametrize("key", EMAILS, ids=_name)
@pytest.mark.parametrize("slots_soon", [True, False])
def test_every_shipped_email_carries_its_parts_in_text_and_html_alike(key: Key, slots_soon: bool) -> None:
    email = render_email(
        shipped(),
        key.message,
        speciality=key.speciality,
        language=key.language,
        values=replace(BY_EMAIL, slots_soon=slots_soon),
    )
    read = _Reading(email.html)
    assert list(_words(email.text)) == read.words
    assert read.links.count(LINK) == email.text.count(LINK + "\n") == 1
    assert read.links.count(WAY_OUT) == email.text.count(WAY_OUT) == 1
    assert read.links.count("tel:0184800000") == email.text.count("01 84 80 00 00") == 1
    assert "Camille" in email.text
    assert "112" in email.text
    assert not re.search(r"[{}\ue000-\uf8ff]|\n\n\n", email.text + email.subject)


@pytest.mark.parametrize("key", EMAILS, ids=_name)
def test_every_shipped_email_is_valid_html_that_fetches_nothing(key: Key) -> None:
    email = render_email(shipped(), key.message, speciality=key.speciality, language=key.language, values=BY_EMAIL)
    html5lib.HTMLParser(strict=True).parse(email.html)
    assert not re.search(r"<(img|script|link|iframe|table)|url\(|@import|@font-face", email.html)
    assert f'<html lang="{key.language}">' in email.html


@pytest.mark.parametrize("key", [*SMS, *EMAILS], ids=_name)
def test_no_shipped_text_says_today_or_yesterday(key: Key) -> None:
    wording = shipped().shipped[key]
    words = f"{wording.subject} {wording.body}".lower()
    assert not re.search(r"aujourd.hui|\bhier\b|\btoday\b|\byesterday\b", words)


@pytest.mark.parametrize("first_name", ["", "Maximilienneb", "Мария", "<script>", "Anne\nBcc: x@y.example", "ŒŒŒŒŒŒŒ"])
def test_a_name_that_does_not_fit_an_sms_is_left_out_of_the_greeting(first_name: str) -> None:
    sms = write_sms(Wording(SOUND_SMS), FRENCH, replace(ORDINARY, first_name=first_name))
    assert sms.text.startswith("Bonjour, à bientot :\n")


@pytest.mark.parametrize(
    ("first_name", "greeting"),
    [("FRANÇOIS", "Bonjour Francois,"), ("Zoë", "Bonjour Zoe,"), ("jean-paul", "Bonjour Jean-Paul,")],
)
def test_a_name_is_written_in_the_alphabet_of_the_sms(first_name: str, greeting: str) -> None:
    sms = write_sms(Wording(SOUND_SMS), FRENCH, replace(ORDINARY, first_name=first_name))
    assert sms.text.startswith(greeting)


def test_the_practices_line_gives_way_where_an_sms_has_no_room() -> None:
    long = replace(ORDINARY, practice="Maison pluridisciplinaire " + "des Tilleuls " * 6)
    assert write_sms(Wording(SOUND_SMS), FRENCH, long).text == (
        f"Bonjour Camille, à bientot :\n{LINK}\nSTOP pour se désinscrire"
    )


def test_an_sms_over_one_segment_is_refused_with_what_is_too_much() -> None:
    with pytest.raises(TextRefused, match="too many"):
        write_sms(Wording("a" * 120 + SOUND_SMS), FRENCH, ORDINARY)


def test_an_sms_that_its_alphabet_cannot_hold_is_refused() -> None:
    with pytest.raises(TextRefused, match="😀"):
        write_sms(Wording("😀 " + SOUND_SMS), FRENCH, ORDINARY)


@pytest.mark.parametrize("part", ["link", "opt_out"])
def test_an_sms_that_does_not_say_a_required_part_is_refused(part: str) -> None:
    with pytest.raises(TextRefused, match=part):
        write_sms(Wording(SOUND_SMS.replace(f"{{{{ {part} }}}}", "")), FRENCH, ORDINARY)


@pytest.mark.parametrize("part", ["link", "phone", "opt_out"])
def test_an_email_that_does_not_say_a_required_part_is_refused(part: str) -> None:
    hidden = SOUND_EMAIL.body.replace(f"{{{{ {part} }}}}", f"{{% if slots_soon %}}{{{{ {part} }}}}{{% endif %}}")
    with pytest.raises(TextRefused, match=part):
        write_patient_email(Wording(hidden, "Sujet"), FRENCH, BY_EMAIL)


def test_all_missing_values_are_listed_in_one_error() -> None:
    blank = replace(BY_EMAIL, first_name="", link=" ", phone="\n", practice="", opt_out="")
    with pytest.raises(MissingValues) as caught:
        write_patient_email(SOUND_EMAIL, FRENCH, blank)
    assert caught.value.names == ("link", "phone", "practice", "opt_out")


def test_a_value_that_no_placeholder_asks_for_may_be_blank() -> None:
    assert write_sms(Wording(SOUND_SMS), FRENCH, replace(ORDINARY, phone="")).segments == 1


def test_hostile_values_stay_words() -> None:
    hostile = replace(
        BY_EMAIL, practice='"><img src=x onerror=alert(1)>{{ link }}', phone='01"><script>alert(1)</script>'
    )
    email = write_patient_email(SOUND_EMAIL, FRENCH, hostile)
    read = _Reading(email.html)
    assert "<img" not in email.html
    assert "<script" not in email.html
    assert "{{ link }}" in email.text
    assert list(_words(email.text)) == read.words


def test_no_value_can_forge_a_header() -> None:
    wording = Wording(SOUND_EMAIL.body, "Message de {{ practice }}\nSuite")
    email = write_patient_email(wording, FRENCH, replace(BY_EMAIL, practice="X\r\nBcc: a@b.example"))
    assert email.subject == "Message de X Bcc: a@b.example Suite"


def test_a_blank_line_in_a_value_makes_no_new_block() -> None:
    email = write_patient_email(SOUND_EMAIL, FRENCH, replace(BY_EMAIL, practice="Un\n\n- Deux"))
    assert "<p>Un - Deux</p>" in email.html


def test_an_edited_text_is_rendered_in_place_of_the_shipped_one() -> None:
    mine = {Key("first", "sms", "general", "fr"): Wording("À vous : {{ link }} {{ opt_out }}")}
    catalogue = shipped().for_practice("fr", mine)
    sms = render_sms(catalogue, "first", speciality="dental", language="fr", values=ORDINARY)
    assert sms.text == f"A vous : {LINK} STOP pour se désinscrire"


@pytest.mark.parametrize("block", ["Voir : {{ link }}", "Voir :\n{{ link }}", "Voir: {{ link }}"])
def test_the_link_alone_after_its_colon_is_the_call_to_action(block: str) -> None:
    body = SOUND_EMAIL.body.replace("Voir : {{ link }}", block)
    email = write_patient_email(Wording(body, "Sujet"), FRENCH, BY_EMAIL)
    assert f'<a class="go" href="{LINK}">Voir</a>' in email.html
