"""`practice.toml`: what is read, what is refused, and how."""

import shutil
import tomllib
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from db.changes.practices import NewPractice
from db.errors import ConfigurationError
from db.rules.plans import HIGH_RISK
from db.rules.settings import DEFAULT_WEEK, Settings
from db.rules.slots import Opening
from portal.forms.practice_file import PracticeFileRefused, read_practice_file

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "practice.toml"
SHORT = "https://rdv.example"

SMALL = """
[practice]
name = "Cabinet des Tilleuls"
discreet_name = "Les Tilleuls"
country = "FR"
phone = "01 42 00 00 00"
reply_to = "accueil@tilleuls.example"
notices_to = "accueil@tilleuls.example"
{practice}
[agenda]
{agenda}
[messages]
{messages}
[smtp]
host = "smtp.tilleuls.example"
from_address = "rdv@tilleuls.example"
{smtp}
[sms]
provider = "twilio"
account = "AC1"
{token}
{sender}
{sms}
[[staff]]
name = "Camille Roux"
email = "camille@tilleuls.example"
role = "front_desk"
{staff}
{end}
"""
SECOND = '[[staff]]\nname = "D"\nemail = "d@tilleuls.example"\nrole = "admin"'


def write(folder: Path, **parts: str) -> Path:
    usual = dict.fromkeys(("practice", "agenda", "messages", "smtp", "sms", "staff", "end"), "")
    usual |= {"token": 'token = "t"', "sender": 'sender = "Tilleuls"'}
    path = folder / "practice.toml"
    path.write_text(SMALL.format(**(usual | parts)), encoding="utf-8")
    return path


def read(folder: Path, **parts: str) -> NewPractice:
    return read_practice_file(write(folder, **parts), base_url=SHORT).new


def problems(folder: Path, **parts: str) -> tuple[str, ...]:
    with pytest.raises(PracticeFileRefused) as refused:
        read(folder, **parts)
    return refused.value.problems


def changed(path: Path, old: str, new: str) -> Path:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


def test_annotated_example_is_a_practice(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "practice.toml")
    (tmp_path / "smtp-password").write_text("of the server\n", encoding="utf-8")
    (tmp_path / "twilio-token").write_text("of the gateway\n", encoding="utf-8")
    file = read_practice_file(tmp_path / "practice.toml", base_url=SHORT)
    assert file.warnings == ()
    assert file.new.smtp["password"] == "of the server"
    assert file.new.sms["token"] == "of the gateway"
    assert [person.name for person in file.new.practitioners] == ["Élise Marchand", "Karim Benali"]
    assert file.new.practitioners[1].week == (
        Opening(0, time(8), time(12)),
        Opening(1, time(8), time(12)),
        Opening(1, time(14), time(19)),
        Opening(5, time(8, 30), time(12, 30)),
    )
    assert file.new.closures[0].starts_on == date(2026, 12, 24)
    assert file.new.closures[1].practitioner == "Karim Benali"
    assert [person.staff for person in file.new.practitioners] == ["elise@tilleuls.example", "karim@tilleuls.example"]
    settings = file.new.settings
    assert settings.plan_for("nutrition", high_risk=False).human_steps[0].fallback == "dominique@tilleuls.example"
    assert settings.plan_for("nutrition", high_risk=True) == HIGH_RISK
    assert settings.on_call_person == file.new.absences[0].stand_in == "andrea@tilleuls.example"
    assert len(settings.welfare_check) == 3


def test_what_the_example_shows_as_usual_is_usual(tmp_path: Path) -> None:
    shown = [
        line.lstrip("# ").split("#")[0]
        for line in EXAMPLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("# ") and " = " in line and line[2].islower()
    ]
    said: dict[str, Any] = tomllib.loads("\n".join(shown))
    usual = Settings()
    names = {"duration": "duration_min", "buffer": "buffer_min"}
    settings = {names.get(name, name): value for name, value in said.items() if hasattr(usual, names.get(name, name))}
    assert settings.pop("opens") == f"{usual.opens:%H:%M}"
    assert settings.pop("closes") == f"{usual.closes:%H:%M}"
    assert len(settings) == 9
    assert settings == {name: getattr(usual, name) for name in settings}


def test_a_small_file_takes_the_usual_settings(tmp_path: Path) -> None:
    new = read(tmp_path)
    assert new.settings == Settings()
    assert new.settings.week == DEFAULT_WEEK
    assert (new.zone, new.language, new.phone) == ("Europe/Paris", "fr", "+33142000000")
    assert new.smtp == {
        "host": "smtp.tilleuls.example",
        "port": 587,
        "security": "starttls",
        "from_address": "rdv@tilleuls.example",
        "from_name": "Les Tilleuls",
    }
    assert new.sms == {"provider": "twilio", "account": "AC1", "token": "t", "sender": "Tilleuls"}


@pytest.mark.parametrize(("country", "zone"), [("CH", "Europe/Zurich"), ("BE", "Europe/Brussels")])
def test_zone_is_the_country_s_unless_it_is_told(tmp_path: Path, country: str, zone: str) -> None:
    path = changed(write(tmp_path), '"FR"', f'"{country}"')
    changed(path, '"01 42 00 00 00"', '"+33 1 42 00 00 00"')
    assert read_practice_file(path, base_url=SHORT).new.zone == zone


@pytest.mark.parametrize(
    ("parts", "place", "hint"),
    [
        ({"practice": 'zone = "Europe/Pariss"'}, "[practice] zone", "Europe/Paris"),
        ({"practice": 'subdivision = "Texas"'}, "[practice] subdivision", "Alsace-Moselle"),
        ({"practice": 'language = "tlh"'}, "[practice] language", "en, fr"),
        ({"practice": 'adress = "4 rue"'}, "[practice] adress", "did you mean address"),
        ({"practice": "address = 4"}, "[practice] address", "text in quotes"),
        ({"agenda": "duration = 0"}, "[agenda] duration", "from 5 to 480"),
        ({"agenda": 'duration = "50"'}, "[agenda] duration", "whole number"),
        ({"agenda": "horizon_days = 9999"}, "[agenda] horizon_days", "from 1 to 180"),
        ({"agenda": 'week = { lundi = ["09:00-12:00"] }'}, "[agenda.week] lundi", "known here: monday"),
        ({"agenda": 'week = { monday = ["09:00"] }'}, "[agenda.week] monday", "09:00-12:30"),
        ({"agenda": 'week = { monday = "09:00-12:00" }'}, "[agenda.week] monday", "a list"),
        ({"agenda": 'week = { monday = ["12:00-09:00"] }'}, "[agenda.week] monday", "before it starts"),
        ({"agenda": 'week = { monday = ["09:00-25:00"] }'}, "[agenda.week] monday", "time of day"),
        ({"agenda": 'week = { monday = ["09:00-12:00", "11:00-13:00"] }'}, "[agenda.week] monday", "overlap"),
        ({"agenda": "week = 3"}, "[agenda] week", "section"),
        ({"messages": 'opens = "20:00"'}, "[messages] closes", "later than opens"),
        ({"messages": 'later_messages_at = "21:00"'}, "[messages] later_messages_at", "between"),
        ({"messages": 'days = ["lundi"]'}, "[messages] days", "monday"),
        ({"messages": "days = []"}, "[messages] days", "monday"),
        ({"messages": 'worth_sms = "yes"'}, "[messages] worth_sms", "true or false"),
        ({"messages": "history_days = 1"}, "[messages] history_days", "at least max_age_days"),
        ({"smtp": 'security = "none"'}, "[smtp] security", "starttls or tls"),
        ({"smtp": 'security = "ssl"'}, "[smtp] security", "starttls, tls, none"),
        ({"smtp": "port = 70000"}, "[smtp] port", "65535"),
        ({"smtp": 'username = "u"'}, "[smtp] password", "password_file"),
        ({"smtp": 'password = "p"'}, "[smtp] password", "username"),
        ({"smtp": 'username = "u"\npassword = "p"\npassword_file = "f"'}, "[smtp] password", "either"),
        ({"smtp": 'username = "u"\npassword_file = "nowhere"'}, "[smtp] password_file", "cannot be read"),
        ({"smtp": 'ca_file = "nowhere"'}, "[smtp] ca_file", "no file"),
        ({"token": ""}, "[sms] token", "token_file"),
        ({"sender": ""}, "[sms] sender", "is missing"),
        ({"sender": 'sender = "06 44 60 00 00"'}, "[sms] sender", "06, 07"),
        ({"sender": 'sender = "+33 7 44 60 00 00"'}, "[sms] sender", "06, 07"),
        ({"sender": 'sender = "LesTilleulsDeTours"'}, "[sms] sender", "11"),
        ({"sender": 'sender = "1234567890"'}, "[sms] sender", "not a telephone number"),
        ({"staff": 'fallback = "nobody@tilleuls.example"'}, "[[staff]] 1 fallback", "nobody here"),
        ({"staff": 'fallback = "camille@tilleuls.example"'}, "[[staff]] 1 fallback", "somebody else"),
        ({"staff": "role2 = 1"}, "[[staff]] 1 role2", "did you mean role"),
        ({"end": "[[practitioners]]"}, "[[practitioners]] 1 name", "is missing"),
        ({"end": "[practitioners]"}, "practitioners", "double square brackets"),
        (
            {"end": '[[practitioners]]\nname = "A B"\n[[practitioners]]\nname = "a  b"'},
            "[[practitioners]] 1 name",
            "stands twice",
        ),
        (
            {"end": '[[practitioners]]\nname = "A"\nspeciality = "kine"'},
            "[[practitioners]] 1 speciality",
            "psychotherapy",
        ),
        ({"end": '[[closures]]\nfrom = "soon"'}, "[[closures]] 1 from", "2026-12-24"),
        ({"end": "[[closures]]\nfrom = 2026-12-24\nto = 2026-12-01"}, "[[closures]] 1 to", "before from"),
        (
            {"end": '[[closures]]\nfrom = 2026-12-24\npractitioner = "X"'},
            "[[closures]] 1 practitioner",
            "not the name",
        ),
        ({"end": "[extra]"}, "extra", "is not known"),
    ],
)
def test_a_mistake_is_named_with_what_to_write(tmp_path: Path, parts: dict[str, str], place: str, hint: str) -> None:
    found = problems(tmp_path, **parts)

    assert any(hint in one for one in found if one.startswith(f"{place}:")), found


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    path = changed(write(tmp_path, agenda="duration = 0", sender=""), '"Les Tilleuls"', '""')
    changed(path, "01 42 00 00 00", "12")
    with pytest.raises(PracticeFileRefused) as refused:
        read_practice_file(path, base_url=SHORT)
    places = [problem.split(":")[0] for problem in refused.value.problems]
    assert set(places) >= {
        "[practice] discreet_name",
        "[practice] phone",
        "[agenda] duration",
        "[sms] sender",
    }


@pytest.mark.parametrize("name", ["Cabinet de psychothérapie", "Centre dentaire des Tilleuls", "Kiné Tilleuls"])
def test_a_discreet_name_may_not_tell_what_care_is_given(tmp_path: Path, name: str) -> None:
    path = changed(write(tmp_path), 'discreet_name = "Les Tilleuls"', f'discreet_name = "{name}"')
    with pytest.raises(PracticeFileRefused, match="tells what care is given"):
        read_practice_file(path, base_url=SHORT)


@pytest.mark.parametrize("name", ["PsyTilleuls", "DentTours"])
def test_neither_may_an_sms_sender(tmp_path: Path, name: str) -> None:
    found = problems(tmp_path, sender=f'sender = "{name}"')
    assert found[0].startswith("[sms] sender:")


@pytest.mark.parametrize(
    ("sender", "kept"),
    [
        ("Tilleuls37", "Tilleuls37"),
        ("38180", "38180"),
        ("09 39 00 00 00", "+33939000000"),
        ("+44 7400 123456", "+447400123456"),
        ("MG" + "0" * 32, "MG" + "0" * 32),
    ],
)
def test_senders_are_kept_as_the_gateway_wants_them(tmp_path: Path, sender: str, kept: str) -> None:
    assert read(tmp_path, sender=f'sender = "{sender}"').sms["sender"] == kept


def test_a_mail_server_on_this_machine_needs_no_encryption(tmp_path: Path) -> None:
    path = changed(write(tmp_path, smtp='security = "none"\nport = 2525'), "smtp.tilleuls.example", "127.0.0.1")
    assert read_practice_file(path, base_url=SHORT).new.smtp["security"] == "none"


def test_what_is_worth_knowing_is_told_without_refusing(tmp_path: Path) -> None:
    long = "https://rendez-vous.cabinet-des-tilleuls.example"
    told = " ".join(read_practice_file(write(tmp_path), base_url=long).warnings)
    assert "two segments" in told
    assert "only member of staff" in told
    two = read_practice_file(write(tmp_path, end=SECOND), base_url=SHORT)
    assert "only member of staff" not in " ".join(two.warnings)


def test_nobody_to_name_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.index("[[staff]]")], encoding="utf-8")
    with pytest.raises(PracticeFileRefused, match="at least one person"):
        read_practice_file(path, base_url=SHORT)


@pytest.mark.parametrize(("content", "hint"), [(b"[practice", "not valid TOML"), (b"name = '\xe9'", "UTF-8")])
def test_a_file_that_is_no_toml_is_one_sentence(tmp_path: Path, content: bytes, hint: str) -> None:
    path = tmp_path / "practice.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match=hint):
        read_practice_file(path, base_url=SHORT)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read"):
        read_practice_file(tmp_path / "nowhere.toml", base_url=SHORT)
