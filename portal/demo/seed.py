"""The demo's practice: invented people, addresses under `.example`, numbers that France keeps for fiction."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from db.actors import INSTALLER
from db.changes.absences import Decided, decide_absences
from db.changes.intake import record_appointments
from db.changes.practices import (
    NewClosure,
    NewPractice,
    NewPractitioner,
    NewStaff,
    change_access,
    save_practice,
)
from db.changes.slack import link_slack
from db.config import Config
from db.crypto import vault
from db.queries.agenda import has_appointments
from db.queries.practices import Profile, all_practices, sending
from db.queries.slack import linked_staff
from db.queries.team import staff_member
from db.rules.folding import folded
from db.rules.intake_row import IntakeRow
from db.rules.settings import Settings
from db.rules.slots import Opening
from db.rules.telephones import TelephoneKind
from db.rules.windows import is_working_day
from db.states import AppointmentStatus
from portal.demo.accounts import ACCOUNT, SENDER, TOKEN
from portal.demo.slack.furnishing import ROUTE, demo_access, slack_user_id
from portal.forms.practice_file import KEY

DOMAIN = "tilleuls.example"
CONTACTS = frozenset({"first_name", "last_name", "phone", "email", "language"})
# Just before the two hours are over: five minutes are left until the first message.
MISSED_AGO = timedelta(minutes=115)
MISSED_EARLIER = timedelta(minutes=200)
FIRST_SENSIBLE_START = time(8)
ROUND_MIN = 5
SATURDAY = 5


def _days(*weekdays: int, hours: tuple[tuple[time, time], ...]) -> tuple[Opening, ...]:
    return tuple(Opening(weekday, *span) for weekday in weekdays for span in hours)


FULL_DAY = ((time(9), time(12, 30)), (time(14), time(18, 30)))
EVENING = ((time(12), time(20)),)
MORNING = ((time(8, 30), time(12, 30)),)
FULL_WEEK = _days(0, 1, 2, 3, 4, hours=FULL_DAY)

PRACTITIONERS = (
    NewPractitioner("Élise Marchand", "psychotherapy", 50, 10, staff=f"elise.marchand@{DOMAIN}"),
    NewPractitioner(
        "Karim Benali", "physiotherapy", 30, 5, FULL_WEEK + _days(5, hours=MORNING), f"karim.benali@{DOMAIN}"
    ),
    NewPractitioner(
        "Sophie Lambert", "dental", 40, 10, _days(0, 1, 3, 4, hours=FULL_DAY), f"sophie.lambert@{DOMAIN}"
    ),
    NewPractitioner(
        "Julien Moreau", "nutrition", 45, 15, _days(1, 3, hours=EVENING) + _days(2, 4, hours=FULL_DAY),
        f"julien.moreau@{DOMAIN}",
    ),
)  # fmt: skip
ON_CALL = f"nadia.haddad@{DOMAIN}"
STAFF = (
    NewStaff("Camille Roux", f"camille.roux@{DOMAIN}", "front_desk", "fr", f"nadia.haddad@{DOMAIN}"),
    NewStaff("Nadia Haddad", f"nadia.haddad@{DOMAIN}", "care_coordinator", "fr", f"camille.roux@{DOMAIN}"),
    NewStaff("Élise Marchand", f"elise.marchand@{DOMAIN}", "practitioner", "fr", f"nadia.haddad@{DOMAIN}"),
    NewStaff("Bernard Lacroix", f"bernard.lacroix@{DOMAIN}", "clinical_lead", "fr", f"elise.marchand@{DOMAIN}"),
    NewStaff("Dominique Petit", f"dominique.petit@{DOMAIN}", "admin", "fr", f"camille.roux@{DOMAIN}"),
    NewStaff("Karim Benali", f"karim.benali@{DOMAIN}", "practitioner", "fr", f"nadia.haddad@{DOMAIN}"),
    NewStaff("Sophie Lambert", f"sophie.lambert@{DOMAIN}", "practitioner", "fr", f"nadia.haddad@{DOMAIN}"),
    NewStaff("Julien Moreau", f"julien.moreau@{DOMAIN}", "practitioner", "fr", f"nadia.haddad@{DOMAIN}"),
)

WELFARE_CHECK = (
    "Appeler au numéro du dossier, deux fois, à une heure d’intervalle.",
    "Sans réponse : appeler la personne de confiance que le dossier nomme.",
    "Décider de la suite en équipe, et la noter ici.",
)


@dataclass(frozen=True)
class _Person:
    """`number` ends a telephone number of the range for fiction; None: no telephone."""

    first_name: str
    last_name: str
    number: int | None
    mailbox: bool = True
    language: str | None = None
    minor: bool = False
    fixed: bool = False


# Who missed an appointment today, each with the place of the practitioner who waited.
ABSENT = (
    (_Person("Léa", "Fontaine", 1), 0),
    (_Person("Marc", "Dubreuil", 2), 1),
    (_Person("Inès", "Carpentier", 3), 2),
    (_Person("Thomas", "Vasseur", 4), 3),
    (_Person("Margaux", "Delattre", 5), 0),
    (_Person("Emily", "Watson", 6, language="en"), 1),
    (_Person("Hélène", "Prigent", 7, mailbox=False), 2),
    (_Person("Gérard", "Lemaître", None), 3),
)
# Absences that no message follows: a fixed line and no mailbox, a child, an appointment already made.
WITHOUT_SEQUENCE = (
    (_Person("Odette", "Maillard", 8, mailbox=False, fixed=True), 1),
    (_Person("Noé", "Perrin", 9, minor=True), 2),
)
ALREADY_BOOKED = (_Person("Fatou", "Diallo", 10), 0)
# Who comes within the next weeks: working days from now, practitioner, time.
COMING = (
    (_Person("Antoine", "Girard", 11), 1, 0, time(9)),
    (_Person("Chloé", "Renaud", 12), 1, 0, time(14)),
    (_Person("Hugo", "Blanchard", 13), 1, 1, time(10)),
    (_Person("Manon", "Leclerc", 14), 2, 1, time(9, 35)),
    (_Person("Yasmine", "Amrani", 15), 2, 2, time(11)),
    (_Person("Paul", "Guérin", 16), 3, 2, time(9)),
    (_Person("Juliette", "Barbier", 17), 3, 3, time(15)),
    (_Person("Samir", "Haddou", 18), 4, 2, time(16)),
    (_Person("Claire", "Pelletier", 19), 5, 0, time(10)),
    (_Person("Louis", "Masson", 20), 6, 1, time(11, 10)),
    (_Person("Agathe", "Rolland", 21), 8, 3, time(17)),
    (_Person("Victor", "Chauvin", 22), 9, 0, time(16)),
)
# Who came: days ago, practitioner, time.
CAME = (
    (_Person("Sarah", "Benoît", 23), 1, 0, time(11)),
    (_Person("Mathis", "Collet", 24), 2, 1, time(9)),
    (_Person("Nina", "Aubert", 25), 3, 2, time(14)),
    (_Person("Rémi", "Tessier", 26), 6, 3, time(15)),
)


@dataclass(frozen=True)
class Seeded:
    """What this call did; all false and zero when the demo's practice was there already."""

    practice: bool
    appointments: int
    enrolled: int
    tasks: int


async def seed_demo(config: Config, *, now: datetime) -> Seeded:
    """The demo's practice with absences of today, once; later calls only follow the ports that this start chose."""
    fresh = not await all_practices()
    if fresh:
        await save_practice(demo_practice(config, now.date()), now=now)
    practice = (await all_practices())[0]
    if practice.settings.slack_route and not (await linked_staff(practice.id))[0]:
        await _link_staff(practice, now)
    if not fresh:
        await _follow_ports(config, practice, now)
    added = 0
    if not await has_appointments(practice.id):
        counts = await record_appointments(list(_rows(practice, now)), practice=practice, known=CONTACTS, now=now)
        added = counts.appointments_added
    decided = Decided()
    # A start that was interrupted between the two is completed by the next.
    while (batch := await decide_absences(practice, now=now)).total:
        decided.add(batch)
    return Seeded(fresh, added, decided.enrolled, decided.tasks)


async def _link_staff(practice: Profile, now: datetime) -> None:
    """Each is linked to their account at the double of Slack."""
    for person in STAFF:
        found = await staff_member(practice.id, index=vault().index(person.email, kind="email"))
        user = slack_user_id(person.email)
        await link_slack(found.ref, practice=practice.id, slack_user=user, actor=INSTALLER, now=now)


async def _follow_ports(config: Config, practice: Profile, now: datetime) -> None:
    access = await sending(practice.id)
    smtp = dict(access.smtp) | {name: demo_smtp(config)[name] for name in ("host", "port", "security")}
    await change_access(practice.id, smtp=smtp, sms=demo_sms(config), slack=demo_access(config), now=now)


def demo_smtp(config: Config) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": config.demo_smtp_port,
        "security": "none",
        "from_address": f"rdv@{DOMAIN}",
        "from_name": "Les Tilleuls",
    }


def demo_sms(config: Config) -> dict[str, Any]:
    return {
        "provider": "twilio",
        "account": ACCOUNT,
        "token": TOKEN,
        "sender": SENDER,
        "base_url": f"http://127.0.0.1:{config.demo_inbox_port}",
    }


def demo_practice(config: Config, today: date) -> NewPractice:
    return NewPractice(
        key=KEY,
        name="Maison de santé des Tilleuls",
        discreet_name="Les Tilleuls",
        country="FR",
        subdivision=None,
        zone="Europe/Paris",
        language="fr",
        phone="+33199000010",
        address="4 place des Tilleuls, 37000 Tours",
        notice_email=f"accueil@{DOMAIN}",
        reply_to=f"accueil@{DOMAIN}",
        settings=Settings(on_call_person=ON_CALL, welfare_check=WELFARE_CHECK, slack_route=ROUTE),
        smtp=demo_smtp(config),
        sms=demo_sms(config),
        staff=STAFF,
        practitioners=PRACTITIONERS,
        closures=(
            NewClosure(today + timedelta(days=17), today + timedelta(days=18)),
            NewClosure(today + timedelta(days=20), today + timedelta(days=24), "Karim Benali"),
        ),
        slack=demo_access(config),
    )


def _rows(practice: Profile, now: datetime) -> Iterator[IntakeRow]:
    zone = ZoneInfo(practice.zone)
    just_now, earlier = _rounded(now - MISSED_AGO), _rounded(now - MISSED_EARLIER)
    if earlier.astimezone(zone).time() < FIRST_SENSIBLE_START:
        earlier = just_now
    for place, (person, practitioner) in enumerate((*ABSENT, *WITHOUT_SEQUENCE, ALREADY_BOOKED)):
        # The first of each practitioner was expected last, the others before.
        starts_at = just_now if place < len(PRACTITIONERS) else earlier
        yield _row(person, practitioner, starts_at, AppointmentStatus.NO_SHOW, zone)
    working = _working_days(practice, now.astimezone(zone).date())
    days = [next(working) for _ in range(max(when for _, when, _, _ in COMING))]
    for person, when, practitioner, at in (*COMING, (ALREADY_BOOKED[0], 3, ALREADY_BOOKED[1], time(17))):
        starts_at = datetime.combine(days[when - 1], at, zone)
        yield _row(person, practitioner, starts_at, AppointmentStatus.BOOKED, zone)
    for person, ago, practitioner, at in CAME:
        starts_at = datetime.combine(now.astimezone(zone).date() - timedelta(days=ago), at, zone)
        yield _row(person, practitioner, starts_at, AppointmentStatus.ATTENDED, zone)


def _rounded(moment: datetime) -> datetime:
    """Down to what stands in an agenda."""
    return moment.replace(minute=moment.minute - moment.minute % ROUND_MIN, second=0, microsecond=0)


def _working_days(practice: Profile, today: date) -> Iterator[date]:
    ahead = today
    while True:
        ahead += timedelta(days=1)
        if ahead.weekday() < SATURDAY and is_working_day(ahead, practice.calendar):
            yield ahead


def _row(
    person: _Person, practitioner: int, starts_at: datetime, status: AppointmentStatus, zone: ZoneInfo
) -> IntakeRow:
    number = person.number if person.number is not None else 99
    phone = None if person.number is None else f"+3363998{number:04d}"
    row = IntakeRow(
        line=0,
        patient_key=f"P{1000 + number}",
        first_name=person.first_name,
        last_name=person.last_name,
        phone=phone,
        phone_kind=None if phone is None else TelephoneKind.MOBILE,
        phone_given=phone is not None,
        email=_mailbox(person) if person.mailbox else None,
        language=person.language,
        minor=person.minor,
        practitioner=PRACTITIONERS[practitioner].name,
        speciality=None,
        appointment_key=f"{1000 + number}-{starts_at.astimezone(zone):%Y%m%d}",
        day=starts_at.astimezone(zone).date(),
        starts_at=starts_at,
        duration_min=None,
        status=status,
        risk_rules=frozenset(),
    )
    if person.fixed:
        # 01 99 00 is the range of fixed lines for fiction.
        return replace(row, phone=f"+3319900{number:04d}", phone_kind=TelephoneKind.FIXED)
    return row


def _mailbox(person: _Person) -> str:
    name = folded(f"{person.first_name}.{person.last_name}")
    return f"{name.replace(' ', '')}@mail.example"
