"""`practice.toml`: one practice, whole and checked, before anything of it touches the database."""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from db.changes.practices import NewPractice, NewStaff
from db.errors import ConfigurationError
from db.queries.words import FIRST_LANGUAGE
from db.rules import telephones
from db.rules.plans import HIGH_RISK
from db.rules.public_holidays import COUNTRIES, known_subdivision
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from db.rules.windows import zone_named
from jobs.messages.languages import languages
from portal.forms.practice_hours import read_hours
from portal.forms.practice_people import read_absences, read_closures, read_practitioners, read_staff
from portal.forms.practice_plans import read_follow_up, roles_nobody_has
from portal.forms.sending_access import Around, discreet, email_address, read_sms, read_smtp
from portal.forms.slack_access import read_slack
from portal.forms.toml_reader import Section, Wrong, one_of, text

# An installation serves one practice; its row is found again by this name, whatever the practice calls itself.
KEY = "practice"
ZONES = {"FR": "Europe/Paris", "CH": "Europe/Zurich", "BE": "Europe/Brussels"}
LONGEST_BASE_URL = 24
MOST_LINES, LONGEST_LINE = 20, 200
RECORD_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!-z|~]*")
NUMBER = "{number}"


class PracticeFileRefused(ConfigurationError):
    """Everything that is wrong with the file, one line each."""

    def __init__(self, path: Path, problems: list[str]) -> None:
        super().__init__(f"{path.name} cannot be used: {' '.join(problems)}")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class PracticeFile:
    """A practice ready to be saved, and what its installer should know all the same."""

    new: NewPractice
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Basics:
    country: str
    subdivision: str | None
    zone: str
    language: str
    discreet_name: str


def read_practice_file(path: Path, *, base_url: str) -> PracticeFile:
    """Raises `PracticeFileRefused` with every problem at once."""
    problems: list[str] = []
    top = Section("", _parsed(path), problems)
    practice = top.section("practice", "[practice]")
    basics = _basics(practice)
    hours = read_hours(top)
    staff = read_staff(top, basics.language)
    practitioners = read_practitioners(top, hours, staff)
    slack = read_slack(top.section("slack", "[slack]"), path.parent)
    new = NewPractice(
        key=KEY,
        name=practice.required("name", text(120), "", '"Cabinet des Tilleuls"'),
        discreet_name=basics.discreet_name,
        country=basics.country,
        subdivision=basics.subdivision,
        zone=basics.zone,
        language=basics.language,
        phone=practice.required("phone", _phone(basics.country), "", '"01 42 00 00 00"'),
        address=practice.read("address", text(200), None),
        notice_email=practice.read("notices_to", email_address, None),
        reply_to=practice.required("reply_to", email_address, "", '"accueil@cabinet.example"'),
        settings=replace(_settings(top, practice, staff, hours), slack_route=slack.get("route", "")),
        smtp=read_smtp(top.section("smtp", "[smtp]"), _around(path, basics)),
        sms=read_sms(top.section("sms", "[sms]"), _around(path, basics)),
        staff=staff,
        practitioners=practitioners,
        closures=read_closures(top, practitioners),
        absences=read_absences(top, staff),
        slack=slack,
    )
    practice.refuse_unknown()
    top.refuse_unknown()
    if problems:
        raise PracticeFileRefused(path, problems)
    return PracticeFile(new, tuple(_warnings(new, base_url)))


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as problem:
        raise ConfigurationError(f"{path} cannot be read ({problem.strerror}).") from None
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path.name} is not UTF-8: save it again as UTF-8.") from None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigurationError(f"{path.name} is not valid TOML: {problem}.") from None


def _around(path: Path, basics: _Basics) -> Around:
    return Around(path.parent, basics.country, basics.language, basics.discreet_name)


def _basics(practice: Section) -> _Basics:
    """What the reading of everything else depends on."""
    language = practice.read("language", one_of(sorted(languages())), FIRST_LANGUAGE)
    country = practice.required("country", one_of(COUNTRIES), "FR", '"FR"')
    return _Basics(
        country=country,
        subdivision=practice.read("subdivision", lambda value: _subdivision(value, country), None),
        zone=practice.read("zone", _zone, ZONES[country]),
        language=language,
        discreet_name=practice.required("discreet_name", discreet(language), "", '"Les Tilleuls"'),
    )


def _settings(top: Section, practice: Section, staff: tuple[NewStaff, ...], hours: dict[str, Any]) -> Settings:
    return Settings(
        **hours,
        **read_follow_up(top, hours, staff),
        welfare_check=practice.read("welfare_check", lines(MOST_LINES, LONGEST_LINE), ()),
        record_url=practice.read("record_url", _record_url, ""),
    )


def _phone(country: str) -> Any:
    def convert(value: Any) -> str:
        found = telephones.read(value, country) if isinstance(value, str) else None
        if found is None:
            raise Wrong('write a telephone number that patients may call, such as "01 42 00 00 00".')
        return found.e164

    return convert


def _zone(value: Any) -> str:
    return zone_named(str(value)).key


def _subdivision(value: Any, country: str) -> str | None:
    known_subdivision(country, str(value))
    return str(value) or None


def lines(most: int, longest: int) -> Callable[[Any], tuple[str, ...]]:
    def convert(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or not value:
            raise Wrong('write a list of lines, such as ["Call the emergency contact", "..."].')
        if len(value) > most:
            raise Wrong(f"write at most {most} lines; it has {len(value)}.")
        return tuple(text(longest)(one) for one in value)

    return convert


def _record_url(value: Any) -> str:
    """Where a browser goes: an address of the web and nothing else, with one place for the number."""
    url = text(500)(value)
    if url.count(NUMBER) != 1 or not RECORD_URL.fullmatch(url.replace(NUMBER, "_")):
        raise Wrong(
            f"write an https or http address with {NUMBER} once, after the host, where the patient's number goes: "
            f'"https://logiciel.example/patients/{NUMBER}".'
        )
    return url


def _warnings(new: NewPractice, base_url: str) -> list[str]:
    warnings = []
    if len(base_url) > LONGEST_BASE_URL:
        warnings.append(
            f"The address of the patient pages, {base_url}, is {len(base_url)} characters long: with more than "
            f"{LONGEST_BASE_URL} an SMS may take two segments. Set a shorter REPRISE_BASE_URL."
        )
    if len(new.staff) < 2:
        warnings.append(
            f"{new.staff[0].name} is the only member of staff: add a second person under [[staff]], so that a task "
            "has somebody to fall back on."
        )
    if new.notice_email is None:
        warnings.append(
            "[practice] notices_to is not set: nobody is told by email when a patient books, moves or cancels."
        )
    if not new.practitioners:
        warnings.append(
            "No [[practitioners]]: each is added, with the practice's week, when an import first names them."
        )
    return [*warnings, *_warnings_of_risk(new)]


def _warnings_of_risk(new: NewPractice) -> Iterator[str]:
    """What leaves a patient at high risk to somebody else than the plan means."""
    if missing := roles_nobody_has(new.settings.plans, new.staff):
        yield (
            f"Nobody under [[staff]] is {', '.join(missing)}: what the plan {HIGH_RISK.name} asks of them goes to "
            "somebody else, in turn. Give somebody the role, or name people in a plan of your own."
        )
    if unknown := [person.name for person in new.practitioners if person.staff is None]:
        yield (
            f"Alerts about the patients of {', '.join(unknown)} go to the care coordinator or the clinical lead: write "
            'staff = "their address" under [[practitioners]], with a person of [[staff]].'
        )
    if not new.settings.plan_named(HIGH_RISK.name).human_steps:
        yield f"[plans.{HIGH_RISK.name}] asks nothing of a person: a patient at high risk gets messages alone."
    if RiskRule.CRISIS not in new.settings.risk_rules:
        yield "[risk] off names crisis: a crisis flag makes nobody a patient at high risk."
