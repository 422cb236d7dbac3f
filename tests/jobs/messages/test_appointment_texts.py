"""The texts about an appointment that is ahead, those after a call, and the one automatic answer."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import html5lib
import pytest

from db.rules.emergency import NUMBERS
from jobs.messages.catalogue import Key, Wording, shipped
from jobs.messages.emergency import say_emergency_numbers
from jobs.messages.errors import BrokenSource, MissingValues, TextRefused
from jobs.messages.languages import language_for
from jobs.messages.lint.check import lint
from jobs.messages.parts import MESSAGE_PARTS, has_way_out
from jobs.messages.render import Sms, render_email, render_sms, write_patient_email, write_sms
from jobs.messages.values import MessageValues
from tests.jobs.messages.samples import AHEAD, AHEAD_BY_EMAIL, LINK, WAY_OUT, longest_sms

TEXTS = [key for key in shipped().every_key() if key.message in MESSAGE_PARTS]
EMAILS = [key for key in TEXTS if key.channel == "email"]
DATED = [key for key in EMAILS if key.message != "agreed_later"]
TO_PATIENTS = [key for key in TEXTS if key.channel == "sms" and key.message != "emergency"]
DATED_SMS = [key for key in TO_PATIENTS if key.message != "agreed_later"]
LANGUAGES = sorted({key.language for key in TEXTS})
COUNTRIES = [*sorted(NUMBERS), "DE"]
FRENCH = language_for("fr")
ZONES = {"FR": "Europe/Paris", "CH": "Europe/Zurich", "BE": "Europe/Brussels"}
# Every weekday on every first and thirtieth of a month, as the clock of each country shows it.
MOMENTS = [
    datetime(2024, 1, 1, 20, 30, tzinfo=UTC) + timedelta(days=day)
    for day in range(7 * 366)
    if (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=day)).day in (1, 30)
]


def _name(key: Key) -> str:
    return "-".join(key)


def _sms(key: Key, values: MessageValues) -> Sms:
    return render_sms(shipped(), key.message, speciality="dental", language=key.language, values=values)


@pytest.mark.parametrize("key", TO_PATIENTS, ids=_name)
@pytest.mark.parametrize("country", sorted(ZONES))
def test_every_sms_fits_one_segment_at_every_moment(key: Key, country: str) -> None:
    longest = replace(longest_sms(key.language), missed_on=None)
    for moment in MOMENTS:
        sms = _sms(key, replace(longest, starts_at=moment.astimezone(ZoneInfo(ZONES[country]))))
        assert sms.segments == 1
    assert longest.first_name in sms.text
    assert longest.link in sms.text
    assert sms.text.endswith(longest.opt_out)


@pytest.mark.parametrize("key", TO_PATIENTS, ids=_name)
def test_an_sms_says_who_writes_where_there_is_room(key: Key) -> None:
    assert "\nCabinet des Tilleuls\n" in _sms(key, AHEAD).text


@pytest.mark.parametrize("key", DATED_SMS, ids=_name)
def test_an_sms_says_when_by_the_practices_clock(key: Key) -> None:
    text = _sms(key, AHEAD).text
    assert ("mar. 24 nov. à 10:00" if key.language == "fr" else "Tue 24 Nov at 10:00") in text


@pytest.mark.parametrize("key", TO_PATIENTS, ids=_name)
@pytest.mark.parametrize("first_name", ["", "Maximilienneb", "Мария", "😀", "Anne\nBcc: x@y.example"])
def test_a_name_that_would_flip_the_alphabet_is_left_out(key: Key, first_name: str) -> None:
    sms = _sms(key, replace(AHEAD, first_name=first_name))
    assert sms.segments == 1
    assert sms.text.startswith(("Bonjour, ", "Hello, "))


@pytest.mark.parametrize("key", EMAILS, ids=_name)
@pytest.mark.parametrize("place", ["12 rue des Tilleuls, 69003 Lyon", "https://visio.tilleuls.example/s/7fQ2", ""])
def test_every_email_carries_its_parts_in_text_and_html_alike(key: Key, place: str) -> None:
    values = replace(AHEAD_BY_EMAIL, place=place)
    email = render_email(shipped(), key.message, speciality="nutrition", language=key.language, values=values)
    html5lib.HTMLParser(strict=True).parse(email.html)
    assert f'href="{LINK}"' in email.html
    assert email.text.count(LINK + "\n") == 1
    assert 'href="tel:0184800000"' in email.html
    ways_out = 1 if has_way_out("email", key.message) else 0
    assert email.html.count(f'href="{WAY_OUT}"') == email.text.count(WAY_OUT) == ways_out
    assert "112" in email.text
    assert not re.search(r"[{}\ue000-\uf8ff]|\n\n\n", email.text + email.subject + email.html.partition("<main>")[2])


@pytest.mark.parametrize("key", DATED, ids=_name)
def test_an_email_says_when_and_where(key: Key) -> None:
    email = render_email(
        shipped(), key.message, speciality="general", language=key.language, values=replace(AHEAD_BY_EMAIL)
    )
    said = "mardi 24 novembre à 10:00" if key.language == "fr" else "Tuesday 24 November at 10:00"
    for part in (said, "12 rue des Tilleuls, 69003 Lyon"):
        assert part in email.text
        assert part in email.html


@pytest.mark.parametrize("key", DATED, ids=_name)
def test_where_no_place_is_known_its_line_is_not_there(key: Key) -> None:
    values = replace(AHEAD_BY_EMAIL, place=" ")
    email = render_email(shipped(), key.message, speciality="general", language=key.language, values=values)
    assert not re.search(r"^- (Où|Where)", email.text, re.MULTILINE)
    assert email.html.count("<li>") == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_agreed_may_have_no_date_yet(language: str) -> None:
    undated = replace(AHEAD_BY_EMAIL, starts_at=None, place="")
    email = render_email(shipped(), "agreed_booked", speciality="general", language=language, values=undated)
    assert "<ul>" not in email.html
    sms = render_sms(
        shipped(), "agreed_booked", speciality="general", language=language, values=replace(AHEAD, starts_at=None)
    )
    assert "\n\n" not in sms.text
    assert "10:00" not in email.text + email.subject + sms.text


def test_the_french_sms_read_so() -> None:
    written = {key.message: _sms(key, AHEAD).text for key in TO_PATIENTS if key.language == "fr"}
    end = f"\n{LINK}\nCabinet des Tilleuls\nSTOP pour se désinscrire"
    assert written == {
        "reminder": f"Bonjour Camille, rendez-vous mar. 24 nov. à 10:00. Déplacer ou annuler :{end}",
        "agreed_booked": f"Bonjour Camille, rendez-vous noté.\nmar. 24 nov. à 10:00\nPour le changer :{end}",
        "agreed_later": f"Bonjour Camille, comme convenu, voici le lien pour choisir une date :{end}",
    }


def test_a_video_link_can_be_followed_and_nothing_else_becomes_one() -> None:
    wording = shipped().shipped[Key("confirmation", "email", "general", "fr")]
    for place, href in [
        ("https://visio.example/s/7f?a=1&b=2", "https://visio.example/s/7f?a=1&amp;b=2"),
        ('https://x.example/"onclick="alert(1)', None),
        ("javascript:alert(1)", None),
        ("<b>12 rue</b>", None),
    ]:
        html = write_patient_email(wording, FRENCH, replace(AHEAD_BY_EMAIL, place=place), "confirmation").html
        assert (f'<a href="{href}">{href}</a>' in html) == (href is not None)
        assert html.count("<a ") == (3 if href else 2)
        assert "<b>" not in html


@pytest.mark.parametrize("kind", ["email", "sms"])
def test_both_reminders_are_found_by_the_names_of_their_rows(kind: str) -> None:
    if kind == "sms":
        mine = render_sms(shipped(), "reminder_sms", speciality="dental", language="fr", values=AHEAD).text
        assert mine == render_sms(shipped(), "reminder", speciality="dental", language="fr", values=AHEAD).text
    else:
        mail = render_email(shipped(), "reminder_email", speciality="dental", language="fr", values=AHEAD_BY_EMAIL)
        assert mail.subject == "Rappel de votre rendez-vous : mardi 24 novembre à 10:00"


@pytest.mark.parametrize("country", COUNTRIES)
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("practice", ["Cabinet des Tilleuls", "Maison pluridisciplinaire des Tilleuls"])
def test_the_emergency_answer_is_one_segment_in_every_country(country: str, language: str, practice: str) -> None:
    numbers = say_emergency_numbers(country, language)
    values = MessageValues("", "", "", practice, None, "", numbers=numbers)
    sms = render_sms(shipped(), "emergency", speciality="psychotherapy", language=language, values=values)
    assert sms.segments == 1
    assert numbers in sms.text
    assert re.search(r"personne ne lit ici dans l'instant|nobody reads messages here as they arrive", sms.text)
    assert lint(sms.text, kind="subject", language=language, can_receive=False) == []


@pytest.mark.parametrize("key", TEXTS, ids=_name)
def test_no_text_says_what_day_it_is_or_what_was_missed(key: Key) -> None:
    wording = shipped().shipped[key]
    words = f"{wording.subject} {wording.body}".lower()
    assert not re.search(
        r"aujourd.hui|\bhier\b|demain|veille|\btoday\b|yesterday|tomorrow|manqu|missed|absen|oubli|forg", words
    )


@pytest.mark.parametrize(
    ("message", "values", "names"),
    [
        ("confirmation", replace(AHEAD_BY_EMAIL, starts_at=None, link="", phone=" "), ("link", "phone", "when")),
        ("reminder", replace(AHEAD_BY_EMAIL, starts_at=None, opt_out=""), ("opt_out", "when")),
        ("agreed_later", replace(AHEAD_BY_EMAIL, practice="", link="\n"), ("link", "practice")),
    ],
)
def test_all_missing_values_are_listed_in_one_error(
    message: str, values: MessageValues, names: tuple[str, ...]
) -> None:
    with pytest.raises(MissingValues) as caught:
        render_email(shipped(), message, speciality="general", language="fr", values=values)
    assert caught.value.names == names


def test_a_value_that_only_the_subject_says_is_needed_too() -> None:
    wording = Wording(shipped().shipped[Key("agreed_later", "email", "general", "fr")].body, "Un mot de {{ practice }}")
    with pytest.raises(MissingValues, match="practice"):
        write_patient_email(wording, FRENCH, replace(AHEAD_BY_EMAIL, practice=""), "agreed_later")


def test_an_emergency_answer_without_its_numbers_is_refused() -> None:
    with pytest.raises(MissingValues, match="numbers"):
        render_sms(shipped(), "emergency", speciality="general", language="fr", values=AHEAD)
    with pytest.raises(TextRefused, match="numbers"):
        write_sms(Wording("Personne ne lit ici."), FRENCH, AHEAD, "emergency")


def test_a_reminder_that_does_not_say_when_is_refused() -> None:
    with pytest.raises(TextRefused, match="when"):
        write_sms(Wording("Votre rendez-vous : {{ link }} {{ opt_out }}"), FRENCH, AHEAD, "reminder")


@pytest.mark.parametrize(("message", "tag"), [("first", "when"), ("reminder", "missed_on"), ("reminder", "place")])
def test_a_placeholder_of_another_message_is_refused(message: str, tag: str) -> None:
    text = f"{{{{ {tag} }}}} {{{{ link }}}} {{{{ opt_out }}}}"
    with pytest.raises(BrokenSource, match=tag):
        write_sms(Wording(text), FRENCH, AHEAD, message)
