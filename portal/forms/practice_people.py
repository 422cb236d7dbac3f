"""The people of a practice file: staff, their leave, practitioners, and the days on which nobody is there."""

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from db.changes.practices import NewClosure, NewPractitioner, NewStaff, NewStaffAbsence
from db.queries.team import BY_EMAIL, NO_ALERTS
from db.rules.names import name_key
from db.states import Role
from jobs.messages.languages import languages
from portal.forms.practice_hours import read_week, weekdays
from portal.forms.sending_access import email_address
from portal.forms.toml_reader import Section, Wrong, day, one_of, text, whole

SPECIALITIES = ("psychotherapy", "physiotherapy", "dental", "nutrition", "general")
ROLES = tuple(Role)

Staff = Sequence[NewStaff]


def read_staff(top: Section, language: str) -> tuple[NewStaff, ...]:
    sections = top.sections("staff")
    if not sections:
        top.complain("[[staff]]", "is missing: at least one person must be named, so that tasks have a name.")
    people = [_person(section, language) for section in sections]
    emails = [person.email for person in people]
    for section, person in zip(sections, people, strict=True):
        if person.email and emails.count(person.email) > 1:
            section.complain("email", f"{person.email} stands twice: each person needs an address of their own.")
        if person.fallback is not None and person.fallback == person.email:
            section.complain("fallback", "must be somebody else.")
        elif person.fallback is not None and (why := why_not(person.fallback, people)) is not None:
            section.complain("fallback", why)
    if people and not any(map(is_told, people)):
        top.complain("[[staff]]", 'nobody here is ever told of a case: write alerts = "email" for one person or more.')
    return tuple(people)


def _person(section: Section, language: str) -> NewStaff:
    person = NewStaff(
        name=section.required("name", text(80), "", '"Camille Roux"'),
        email=section.required("email", email_address, "", '"camille@cabinet.example"'),
        role=section.required("role", one_of(ROLES), Role.ADMIN.value, '"front_desk"'),
        language=section.read("language", one_of(sorted(languages())), language),
        fallback=section.read("fallback", email_address, None),
        days=section.read("days", weekdays, None),
        alerts=section.read("alerts", one_of((BY_EMAIL, NO_ALERTS)), BY_EMAIL),
    )
    section.refuse_unknown()
    return person


def is_told(person: NewStaff) -> bool:
    return person.alerts != NO_ALERTS


def why_not(email: str, staff: Staff) -> str | None:
    """Why nobody may be given a case at this address, and what to write instead."""
    person = next((one for one in staff if one.email == email), None)
    if person is None:
        return f"nobody here has the address {email}: write one that stands under [[staff]]."
    if not is_told(person):
        return f'{person.name} is never told of a case: name somebody else, or write alerts = "email" for them.'
    return None


def told(staff: Staff) -> Callable[[Any], str]:
    """The address of somebody of the file who hears of a case."""

    def convert(value: Any) -> str:
        email = email_address(value)
        if (why := why_not(email, staff)) is not None:
            raise Wrong(why)
        return email

    return convert


def read_absences(top: Section, staff: Staff) -> tuple[NewStaffAbsence, ...]:
    return tuple(_absence(section, staff) for section in top.sections("absences"))


def _absence(section: Section, staff: Staff) -> NewStaffAbsence:
    def known(value: Any) -> str:
        email = email_address(value)
        if email not in [one.email for one in staff]:
            raise Wrong(str(why_not(email, staff)))
        return email

    person = section.required("staff", known, "", '"camille@cabinet.example"')
    first, last = _days(section)
    stand_in = section.read("stand_in", told(staff), None)
    if stand_in is not None and stand_in == person:
        section.complain("stand_in", "must be somebody else.")
    section.refuse_unknown()
    return NewStaffAbsence(person, first, last, stand_in)


def _days(section: Section) -> tuple[date, date]:
    """Both included."""
    first = section.required("from", day, day("2000-01-01"), "2026-12-24")
    last = section.read("to", day, first)
    if last < first:
        section.complain("to", f"must not be before from ({first}).")
    return first, last


def read_practitioners(top: Section, settings: dict[str, Any], staff: Staff) -> tuple[NewPractitioner, ...]:
    sections = top.sections("practitioners")
    people = [_practitioner(section, settings, staff) for section in sections]
    keys = [name_key(person.name) for person in people]
    for section, person, key in zip(sections, people, keys, strict=True):
        if key and keys.count(key) > 1:
            section.complain("name", f"{person.name} stands twice.")
    return tuple(people)


def _practitioner(section: Section, settings: dict[str, Any], staff: Staff) -> NewPractitioner:
    """Without a week of its own, the practice's applies; without an address, a practitioner of staff of that name."""
    name = section.required("name", text(120), "", '"Maxime Lefèvre", as your software writes it')
    person = NewPractitioner(
        name=name,
        speciality=section.read("speciality", one_of(SPECIALITIES), "general"),
        duration_min=section.read("duration", whole(5, 480), settings["duration_min"]),
        buffer_min=section.read("buffer", whole(0, 240), settings["buffer_min"]),
        week=read_week(section.section("week", f"{section.place} week")) or None,
        staff=section.read("staff", told(staff), _of_that_name(name, staff)),
    )
    section.refuse_unknown()
    return person


def _of_that_name(name: str, staff: Staff) -> str | None:
    found = [
        one.email
        for one in staff
        if one.role == Role.PRACTITIONER and is_told(one) and name_key(one.name) == name_key(name)
    ]
    return found[0] if len(found) == 1 else None


def read_closures(top: Section, practitioners: Sequence[NewPractitioner]) -> tuple[NewClosure, ...]:
    names = {name_key(person.name): person.name for person in practitioners}
    return tuple(_closure(section, names) for section in top.sections("closures"))


def _closure(section: Section, names: dict[str, str]) -> NewClosure:
    def practitioner(value: Any) -> str:
        known = names.get(name_key(str(value)))
        if known is None:
            raise Wrong("is not the name of a practitioner of this file.")
        return known

    closure = NewClosure(*_days(section), section.read("practitioner", practitioner, None))
    section.refuse_unknown()
    return closure
