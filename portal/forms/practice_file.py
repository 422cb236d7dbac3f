"""`practice.toml`: one practice, whole and checked, before anything of it touches the database."""

import itertools
import tomllib
from dataclasses import dataclass
from datetime import time
from pathlib import Path
from typing import Any

from db.changes.practices import NewClosure, NewPractice, NewPractitioner, NewStaff
from db.errors import ConfigurationError
from db.queries.words import FIRST_LANGUAGE
from db.rules import telephones
from db.rules.names import name_key
from db.rules.public_holidays import COUNTRIES, known_subdivision
from db.rules.settings import Settings
from db.rules.slots import Opening
from db.rules.windows import zone_named
from jobs.messages.languages import languages
from portal.forms.sending_access import Around, discreet, email_address, read_sms, read_smtp
from portal.forms.toml_reader import Section, Wrong, clock_time, day, flag, one_of, text, whole

# An installation serves one practice; its row is found again by this name, whatever the practice calls itself.
KEY = "practice"
ZONES = {"FR": "Europe/Paris", "CH": "Europe/Zurich", "BE": "Europe/Brussels"}
SPECIALITIES = ("psychotherapy", "physiotherapy", "dental", "nutrition", "general")
ROLES = ("admin", "clinical_lead", "practitioner", "care_coordinator", "front_desk")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST_BASE_URL = 24
USUAL = Settings()


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
    settings = _settings(top)
    staff = _staff(top, basics.language)
    practitioners = _practitioners(top, settings)
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
        settings=Settings(**settings),
        smtp=read_smtp(top.section("smtp", "[smtp]"), _around(path, basics)),
        sms=read_sms(top.section("sms", "[sms]"), _around(path, basics)),
        staff=staff,
        practitioners=practitioners,
        closures=_closures(top, practitioners),
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


def _settings(top: Section) -> dict[str, Any]:
    agenda, messages = top.section("agenda", "[agenda]"), top.section("messages", "[messages]")
    found: dict[str, Any] = {
        "week": _week(agenda.section("week", "[agenda.week]")) or USUAL.week,
        "duration_min": agenda.read("duration", whole(5, 480), USUAL.duration_min),
        "buffer_min": agenda.read("buffer", whole(0, 240), USUAL.buffer_min),
        "notice_hours": agenda.read("notice_hours", whole(0, 336), USUAL.notice_hours),
        "cancel_notice_hours": agenda.read("cancel_notice_hours", whole(0, 336), USUAL.cancel_notice_hours),
        "horizon_days": agenda.read("horizon_days", whole(1, 180), USUAL.horizon_days),
        "opens": messages.read("opens", clock_time, USUAL.opens),
        "closes": messages.read("closes", clock_time, USUAL.closes),
        "step_at": messages.read("later_messages_at", clock_time, USUAL.step_at),
        "weekdays": messages.read("days", _days, USUAL.weekdays),
        "worth_sms": messages.read("worth_sms", flag, USUAL.worth_sms),
        "strict": messages.read("strict", flag, USUAL.strict),
        "max_age_days": messages.read("max_age_days", whole(0, 30), USUAL.max_age_days),
        "history_days": messages.read("history_days", whole(0, 365), USUAL.history_days),
    }
    if found["opens"] >= found["closes"]:
        messages.complain("closes", f"must be later than opens ({found['opens']:%H:%M}).")
    elif not found["opens"] <= found["step_at"] < found["closes"]:
        messages.complain("later_messages_at", "must lie between opens and closes.")
    if found["max_age_days"] > found["history_days"]:
        messages.complain("history_days", f"must be at least max_age_days ({found['max_age_days']}).")
    agenda.refuse_unknown()
    messages.refuse_unknown()
    return found


def _week(section: Section) -> tuple[Opening, ...]:
    """`monday = ["09:00-12:30", "14:00-18:30"]`; a day that is left out is not worked."""
    openings: list[Opening] = []
    for number, name in enumerate(WEEKDAYS):
        spans: list[tuple[time, time]] = section.read(name, _spans, [])
        for before, after in itertools.pairwise(spans):
            if after[0] < before[1]:
                section.complain(name, "the stretches overlap: write them apart, in order.")
        openings += [Opening(number, starts, ends) for starts, ends in spans]
    section.refuse_unknown()
    return tuple(openings)


def _spans(value: Any) -> list[tuple[time, time]]:
    if not isinstance(value, list):
        raise Wrong('write a list such as ["09:00-12:30", "14:00-18:30"].')
    return sorted(_span(one) for one in value)


def _span(value: Any) -> tuple[time, time]:
    starts, dash, ends = str(value).partition("-")
    if not dash:
        raise Wrong(f'{value!r}: write two times of day with a hyphen between, such as "09:00-12:30".')
    span = clock_time(starts.strip()), clock_time(ends.strip())
    if span[0] >= span[1]:
        raise Wrong(f"{value!r} ends before it starts.")
    return span


def _days(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list) or not value or not all(one in WEEKDAYS for one in value):
        raise Wrong(f"write a list of {', '.join(WEEKDAYS)}.")
    return tuple(sorted({WEEKDAYS.index(one) for one in value}))


def _staff(top: Section, language: str) -> tuple[NewStaff, ...]:
    sections = top.sections("staff")
    if not sections:
        top.complain("[[staff]]", "is missing: at least one person must be named, so that tasks have a name.")
    people = [_person(section, language) for section in sections]
    emails = [person.email for person in people]
    for section, person in zip(sections, people, strict=True):
        if person.email and emails.count(person.email) > 1:
            section.complain("email", f"{person.email} stands twice: each person needs an address of their own.")
        if person.fallback is not None and person.fallback not in emails:
            section.complain("fallback", f"nobody here has the address {person.fallback}.")
        if person.fallback is not None and person.fallback == person.email:
            section.complain("fallback", "must be somebody else.")
    return tuple(people)


def _person(section: Section, language: str) -> NewStaff:
    person = NewStaff(
        name=section.required("name", text(80), "", '"Camille Roux"'),
        email=section.required("email", email_address, "", '"camille@cabinet.example"'),
        role=section.required("role", one_of(ROLES), ROLES[0], '"front_desk"'),
        language=section.read("language", one_of(sorted(languages())), language),
        fallback=section.read("fallback", email_address, None),
    )
    section.refuse_unknown()
    return person


def _practitioners(top: Section, settings: dict[str, Any]) -> tuple[NewPractitioner, ...]:
    sections = top.sections("practitioners")
    people = [_practitioner(section, settings) for section in sections]
    keys = [name_key(person.name) for person in people]
    for section, person, key in zip(sections, people, keys, strict=True):
        if key and keys.count(key) > 1:
            section.complain("name", f"{person.name} stands twice.")
    return tuple(people)


def _practitioner(section: Section, settings: dict[str, Any]) -> NewPractitioner:
    """Without a week of its own, the practice's applies."""
    person = NewPractitioner(
        name=section.required("name", text(120), "", '"Maxime Lefèvre", as your software writes it'),
        speciality=section.read("speciality", one_of(SPECIALITIES), "general"),
        duration_min=section.read("duration", whole(5, 480), settings["duration_min"]),
        buffer_min=section.read("buffer", whole(0, 240), settings["buffer_min"]),
        week=_week(section.section("week", f"{section.place} week")) or None,
    )
    section.refuse_unknown()
    return person


def _closures(top: Section, practitioners: tuple[NewPractitioner, ...]) -> tuple[NewClosure, ...]:
    names = {name_key(person.name): person.name for person in practitioners}
    return tuple(_closure(section, names) for section in top.sections("closures"))


def _closure(section: Section, names: dict[str, str]) -> NewClosure:
    def practitioner(value: Any) -> str:
        known = names.get(name_key(str(value)))
        if known is None:
            raise Wrong("is not the name of a practitioner of this file.")
        return known

    first = section.required("from", day, day("2000-01-01"), "2026-12-24")
    last = section.read("to", day, first)
    if last < first:
        section.complain("to", f"must not be before from ({first}).")
    closure = NewClosure(first, last, section.read("practitioner", practitioner, None))
    section.refuse_unknown()
    return closure


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
    return warnings
