"""What somebody has done on the pages of a rehearsal: it stands in the address, and nowhere else."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from db.queries.links import Booking, PatientPage
from db.queries.rehearsals import RehearsedLink
from db.rules.windows import zone_named
from db.states import Channel

_WRITTEN = re.compile(r"0|(?:b(\d{12})(c?)|(x))?(s?)(e?)")
_MOMENT = "%Y%m%d%H%M"
_STOPPED = {Channel.SMS: "s", Channel.EMAIL: "e"}


@dataclass(frozen=True, slots=True)
class Pretence:
    """`booked` is the start of the appointment that was not booked."""

    booked: datetime | None = None
    confirmed: bool = False
    cancelled: bool = False
    stopped: tuple[Channel, ...] = ()

    def base(self, token: str) -> str:
        return f"/r/{token}/rehearsal/{self.written()}"

    def written(self) -> str:
        """Short, and of letters and digits."""
        booked = f"b{self.booked.astimezone(UTC):{_MOMENT}}{'c' * self.confirmed}" if self.booked else ""
        stopped = "".join(letter for channel, letter in _STOPPED.items() if channel in self.stopped)
        return (booked or "x" * self.cancelled) + stopped or "0"


NOTHING_DONE = Pretence()


def read_pretence(text: str) -> Pretence | None:
    """None for what no page of ours has written."""
    match = _WRITTEN.fullmatch(text) if text.isascii() else None
    if match is None or not text:
        return None
    booked, confirmed, cancelled, *stopped = match.groups()
    try:
        moment = datetime.strptime(booked, _MOMENT).replace(tzinfo=UTC) if booked else None
    except ValueError:
        return None
    off = tuple(channel for channel, letter in zip(_STOPPED, stopped, strict=True) if letter)
    return Pretence(moment, bool(confirmed), bool(cancelled), off)


def pretended_page(link: RehearsedLink, pretence: Pretence, *, now: datetime, moving: bool) -> PatientPage:
    """The page as it would be after that, with the practice's own open times."""
    week = link.availability.week
    booking = None
    if pretence.booked is not None:
        booking = Booking(
            ref="rehearsal",
            day=pretence.booked.astimezone(zone_named(link.zone)).date(),
            starts_at=pretence.booked,
            ends_at=pretence.booked + week.duration,
            calendar_sequence=0,
            updated_at=now,
            can_change=True,
            confirmed=pretence.confirmed,
        )
    return PatientPage(
        practice=link.practice,
        phone=link.phone,
        country=link.country,
        zone=link.zone,
        address=link.address,
        language=link.language,
        practitioner=link.practitioner,
        duration_min=int(week.duration.total_seconds() // 60),
        cancel_notice_hours=link.cancel_notice_hours,
        booking=booking,
        was_cancelled=pretence.cancelled,
        slots=tuple(link.availability.open_slots(now)) if booking is None or moving else (),
        channels=tuple(Channel),
        opted_out=pretence.stopped,
    )
