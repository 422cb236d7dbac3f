"""When a practice is closed for so long that somebody must be on call."""

from datetime import date, timedelta

from db.rules.windows import ONE_DAY, Calendar, closing_of, is_working_day, opening_of

USUAL_LOOK = timedelta(days=60)
FURTHEST_LOOK = timedelta(days=400)


def long_closure(calendar: Calendar, *, since: date, over: timedelta) -> tuple[date, date] | None:
    """The first stretch of closed days ahead, both included, that lasts longer than `over` from close to opening.

    One that runs already counts from the day before `since`. Looks beyond the last closure that is known.
    """
    known = max((last for _, last in calendar.closed), default=since)
    furthest = min(max(since + USUAL_LOOK, known + timedelta(days=14)), since + FURTHEST_LOOK)
    open_on, day = since - ONE_DAY, since
    while day <= furthest:
        if is_working_day(day, calendar):
            if opening_of(day, calendar) - closing_of(open_on, calendar) > over:
                return open_on + ONE_DAY, day - ONE_DAY
            open_on = day
        day += ONE_DAY
    return (open_on + ONE_DAY, furthest) if furthest - open_on > over else None
