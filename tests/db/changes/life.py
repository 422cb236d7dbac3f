"""A practice's life: where and when it is played, who is in it, and what its machines do by themselves."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from db.changes.deliveries import Claimed
from db.changes.enrolments import review_enrolments
from db.changes.human_steps import open_due_steps
from db.changes.practices import NewClosure, NewPractitioner, NewStaff, NewStaffAbsence, save_practice
from db.changes.settlements import Outcome, expire_leases
from db.changes.watching import look_again
from db.engine import fetch_value
from db.queries.practices import Profile, only_practice
from db.rules.intake_row import IntakeRow
from db.rules.plans import Plan
from db.rules.risk import RiskRule
from db.rules.settings import Settings
from db.rules.telephones import TelephoneKind
from db.rules.windows import Hours
from db.states import Channel
from db.tables.deliveries import BULK, HUMAN
from tests import factories as f
from tests.db.changes.acts import claim, settled
from tests.emptying import empty_database

FAMILY = "+33611111111"
# Name, role, fallback, weekdays worked.
TEAM: tuple[tuple[str, str, str | None, tuple[int, ...] | None], ...] = (
    ("Accueil", "front_desk", "b@tilleuls.example", None),
    ("Gestion", "admin", None, None),
    ("Coordination", "care_coordinator", "b@tilleuls.example", (0, 1, 2, 3)),
    ("Direction", "clinical_lead", "b@tilleuls.example", None),
    ("Soignant A", "practitioner", None, None),
    ("Soignant B", "practitioner", "d@tilleuls.example", (1, 4, 5)),
)
# What a server answers, as often as it stands here.
ANSWERS = (*[Outcome.SENT] * 20, *[Outcome.TEMPORARY] * 3, *(one for one in Outcome if one is not Outcome.DELIVERED))


@dataclass(frozen=True)
class World:
    """Where and when a life is played, and what the practice has set."""

    place: tuple[str, str, str | None]
    start: datetime
    hours: Hours
    on_call: Mapping[str, Hours]
    closed: tuple[tuple[date, date], ...]
    plans: Mapping[str, Plan]

    @property
    def settings(self) -> Settings:
        return Settings(
            opens=self.hours.opens,
            closes=self.hours.closes,
            weekdays=tuple(sorted(self.hours.weekdays)),
            step_at=self.hours.step_at,
            plans=dict(self.plans),
            on_call=dict(self.on_call),
            risk_rules=tuple(RiskRule),
        )


@dataclass
class Patient:
    key: str
    first_name: str
    last_name: str
    phone: str | None
    email: str | None
    phone_kind: TelephoneKind | None = TelephoneKind.MOBILE


@dataclass(frozen=True)
class Sent:
    """A message that a server took."""

    at: datetime
    delivery: Claimed
    patient: int | None


def _four() -> list[Patient]:
    """Two of a family, one without a mailbox, one with a landline."""
    return [
        Patient("P1", "Zéphyrine", "Quenneville", FAMILY, "zephyrine@courrier.example"),
        Patient("P2", "Barnabé", "Quenneville", FAMILY, None),
        Patient("P3", "Ysaline", "Vuarnoz", "+33622222222", "ysaline@courrier.example"),
        Patient("P4", "Wandrille", "Oyonnax", "+33142424242", "wandrille@courrier.example", TelephoneKind.FIXED),
    ]


@dataclass
class Life:
    world: World
    now: datetime
    practice: Profile = field(init=False)
    patients: list[Patient] = field(default_factory=_four)
    rows: list[IntakeRow] = field(default_factory=list)
    sent: list[Sent] = field(default_factory=list)
    # Every number and mailbox that was ever in use.
    contacts: set[str] = field(default_factory=set)
    told: int = 0
    # When a person last said that messages may go on, of anybody's: by an outcome, or outright.
    decided_at: datetime | None = None
    resumed_at: datetime | None = None
    closed: tuple[tuple[date, date], ...] = ()
    away: tuple[NewStaffAbsence, ...] = ()
    # Addresses of staff who are told of nothing.
    deaf: set[str] = field(default_factory=set)
    # Looks at what leaves, before it does.
    watch: Callable[["Life", Claimed], Awaitable[None]] | None = None

    @classmethod
    async def begin(cls, world: World) -> "Life":
        await empty_database()
        life = cls(world, world.start, closed=world.closed)
        await life.save()
        return life

    async def save(self) -> None:
        zone, country, part = self.world.place
        new = f.new_practice(
            zone=zone,
            country=country,
            subdivision=part,
            settings=self.world.settings,
            staff=tuple(
                NewStaff(
                    name,
                    address(place),
                    role,
                    "fr",
                    fallback,
                    days,
                    "none" if address(place) in self.deaf else "email",
                )
                for place, (name, role, fallback, days) in enumerate(TEAM)
            ),
            practitioners=(
                NewPractitioner("Soignant A", "psychotherapy", 50, 10, staff=address(4)),
                NewPractitioner("Soignant B", "dental", 30, 0, staff=address(5)),
            ),
            closures=tuple(NewClosure(first, last) for first, last in self.closed),
            absences=self.away,
        )
        await save_practice(new, now=self.now)
        self.practice = await only_practice()

    async def next_due(self, *, of_staff: bool = True) -> datetime | None:
        """When a machine has something to do, but for looking again at what waits for a person, which never ends."""
        moment: datetime | None = await fetch_value(
            "SELECT min(at) FROM (SELECT min(d.attempt_at) AS at FROM delivery d LEFT JOIN enrolment e "
            "ON e.id = d.enrolment AND d.step IS NOT NULL WHERE d.status = 'planned' "
            "AND e.status IS DISTINCT FROM 'paused' AND (d.staff IS NULL OR $1) "
            "UNION ALL SELECT min(lease_until) FROM delivery WHERE status = 'claimed' "
            "UNION ALL SELECT min(due_at) FROM task WHERE status = 'planned' "
            "UNION ALL SELECT min(resume_at) FROM enrolment WHERE status = 'paused' "
            "AND reason IN ('will_book', 'by_hand')) AS due",
            of_staff,
        )
        return moment

    async def tick(self) -> None:
        await expire_leases(now=self.now)
        await review_enrolments(now=self.now)
        while await open_due_steps(now=self.now):
            pass
        await look_again(now=self.now)

    async def send(self, first: int = 0, every: int = 1) -> None:
        """Everything that is due leaves; what the servers answer is counted off from `first`."""
        answer = first
        for lane in (HUMAN, BULK):
            for channel in Channel:
                for one in await self.claimed(channel, lane):
                    answer += every
                    outcome = ANSWERS[answer % len(ANSWERS)]
                    for _ in range(2):
                        await settled(self.practice, one, outcome, self.now)
                    if outcome is Outcome.SENT:
                        patient = await fetch_value("SELECT patient FROM delivery WHERE id = $1", one.id)
                        self.sent.append(Sent(self.now, one, patient))

    async def claimed(self, channel: Channel, lane: str) -> Sequence[Claimed]:
        going = await claim(self.practice, channel, self.now, lane=lane)
        for one in going:
            if self.watch is not None:
                await self.watch(self, one)
        return going


def address(place: int) -> str:
    return f"{'abcdef'[place % len(TEAM)]}@tilleuls.example"
