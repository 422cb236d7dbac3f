"""The practice as the machinery sees it."""

import json
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from db.crypto import vault
from db.engine import Row, fetch, fetch_one
from db.errors import ConfigurationError, NotFound
from db.rules.settings import Settings
from db.rules.windows import Calendar


@dataclass(frozen=True)
class Profile:
    """One practice: names, zone, settings. `phone` is E.164."""

    id: int
    ref: str
    key: str
    name: str
    discreet_name: str
    country: str
    subdivision: str | None
    zone: str
    language: str
    phone: str
    address: str | None
    notice_email: str | None
    reply_to: str
    settings: Settings

    @property
    def calendar(self) -> Calendar:
        return Calendar(self.zone, self.country, self.subdivision, self.settings.hours)

    def on_call(self, role: str, closed: tuple[tuple[date, date], ...]) -> Calendar:
        """When somebody of that role may be disturbed; `closed` are the days on which the whole practice is."""
        hours = self.settings.on_call.get(role, self.settings.hours)
        return Calendar(self.zone, self.country, self.subdivision, hours, closed)


@dataclass(frozen=True)
class Sending:
    """Access to mail server, SMS gateway and Slack, as `practice.toml` gave it; never shown, never logged."""

    smtp: dict[str, Any] = field(repr=False)
    sms: dict[str, Any] = field(repr=False)
    slack: dict[str, Any] = field(repr=False, default_factory=dict)


COLUMNS = (
    "id, ref, key, name, discreet_name, country, subdivision, zone, language, phone, address, notice_email, reply_to, "
    "settings"
)


async def practice(practice_id: int) -> Profile:
    row = await fetch_one(f"SELECT {COLUMNS} FROM practice WHERE id = $1", practice_id)
    if row is None:
        raise NotFound("This practice does not exist.")
    return _profile(row)


async def all_practices() -> list[Profile]:
    return [_profile(row) for row in await fetch(f"SELECT {COLUMNS} FROM practice ORDER BY id")]


async def only_practice() -> Profile:
    """The practice of this installation; the command line works for one."""
    found = await all_practices()
    if not found:
        raise ConfigurationError("No practice is set up yet: run `reprise setup practice.toml`.")
    if len(found) > 1:
        raise ConfigurationError("This installation has several practices: name one.")
    return found[0]


async def practice_by_ref(ref: str) -> Profile:
    row = await fetch_one(f"SELECT {COLUMNS} FROM practice WHERE ref = $1", ref)
    if row is None:
        raise NotFound("This practice does not exist.")
    return _profile(row)


async def sending(practice_id: int) -> Sending:
    row = await fetch_one("SELECT ref, sending FROM practice WHERE id = $1", practice_id)
    if row is None or row["sending"] is None:
        raise ConfigurationError("No mail server is set up for this practice: run `reprise setup practice.toml`.")
    access = json.loads(vault().open(row["sending"], owner=row["ref"], field="sending"))
    return Sending(smtp=access.get("smtp", {}), sms=access.get("sms", {}), slack=access.get("slack", {}))


# The same columns for a join, where the practice is `p`.
PRACTICE_OF_MEMBER = ", ".join(f"p.{name}" for name in COLUMNS.split(", "))


def profile_from(row: Row) -> Profile:
    """The practice in a row that has its columns, and maybe others."""
    return _profile({name: row[name] for name in COLUMNS.split(", ")})


def _profile(row: Row) -> Profile:
    values = dict(row)
    values["settings"] = Settings.from_json(json.loads(values["settings"]))
    return Profile(**values)
