"""What a practice file says of time: weeks, working days, when messages leave."""

import itertools
from datetime import time
from typing import Any

from db.rules.settings import Settings
from db.rules.slots import Opening
from portal.forms.toml_reader import Section, Wrong, clock_time, flag, whole

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
USUAL = Settings()


def read_hours(top: Section) -> dict[str, Any]:
    """`[agenda]` and `[messages]`, as `Settings` names them."""
    agenda, messages = top.section("agenda", "[agenda]"), top.section("messages", "[messages]")
    found: dict[str, Any] = {
        "week": read_week(agenda.section("week", "[agenda.week]")) or USUAL.week,
        "duration_min": agenda.read("duration", whole(5, 480), USUAL.duration_min),
        "buffer_min": agenda.read("buffer", whole(0, 240), USUAL.buffer_min),
        "notice_hours": agenda.read("notice_hours", whole(0, 336), USUAL.notice_hours),
        "cancel_notice_hours": agenda.read("cancel_notice_hours", whole(0, 336), USUAL.cancel_notice_hours),
        "horizon_days": agenda.read("horizon_days", whole(1, 180), USUAL.horizon_days),
        "opens": messages.read("opens", clock_time, USUAL.opens),
        "closes": messages.read("closes", clock_time, USUAL.closes),
        "step_at": messages.read("later_messages_at", clock_time, USUAL.step_at),
        "weekdays": messages.read("days", weekdays, USUAL.weekdays),
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


def read_week(section: Section) -> tuple[Opening, ...]:
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


def weekdays(value: Any) -> tuple[int, ...]:
    """Monday 0, in order."""
    if not isinstance(value, list) or not value or not all(one in WEEKDAYS for one in value):
        raise Wrong(f"write a list of {', '.join(WEEKDAYS)}.")
    return tuple(sorted({WEEKDAYS.index(one) for one in value}))
