"""What `reprise run` prints when the demo stands: where to look, and what to try."""

from datetime import datetime, timedelta

from rich.markup import escape

from db.config import Config
from db.rules.windows import Calendar, is_open, next_opening, zone_named

# The demo's absences are marked at its start; their first messages are due so long after.
FIRST_IN = timedelta(minutes=6)


CALENDAR = Calendar("Europe/Paris", "FR", None)


def tour(config: Config, *, now: datetime) -> str:
    """A few lines of rich markup. `now` is the demo's time: at night and on Sundays nothing leaves."""
    inbox = f"http://127.0.0.1:{config.demo_inbox_port}"
    where = "" if str(config.data) == ".data" else f" --data {escape(_shell_word(str(config.data)))}"
    reprise = ".venv/bin/reprise"
    waits = "" if is_open(now + FIRST_IN, CALENDAR) else _waits(now, f"{reprise} demo advance {{}}{where}")
    steps = [
        (
            "Read what patients receive",
            "a telephone and a mailbox, side by side",
            f"[link={inbox}]{inbox}[/link]{waits}",
        ),
        (
            "Open the link in a message, choose a time",
            "booking it stops the follow-up",
            f"{config.base_url}/r/...",
        ),
        ("Let three days pass", "each message arrives on its day", f"{reprise} demo advance 3d{where}"),
        ("See what is open, and for whom", "calls, replies, missing contacts", f"{reprise} status{where}"),
        (
            "Come in as one of the team",
            "the worklist, a patient's record, the texts; no link and no code here",
            f"{config.base_url}/staff/demo",
        ),
        ("Handle a case in Slack", "a double of it on this machine: press as anybody of the team", f"{inbox}/slack"),
        ("Bring in absences of your own", "CSV, as practices export it", f"{reprise} import FILE{where}"),
    ]
    lines = [
        "",
        "[bold]Reprise is running[/bold]: four practitioners, today's missed appointments, nobody real.",
        "",
    ]
    for number, (what, why, how) in enumerate(steps, 1):
        lines += [f"  [bold]{number}. {what}[/bold] [dim]({why})[/dim]", f"     {how}"]
    return "\n".join([*lines, "", "Ctrl-C stops everything. Nothing leaves this machine.", ""])


def _waits(now: datetime, advance: str) -> str:
    """The practice is closed at this hour: say until when, and how not to wait."""
    opening = next_opening(now + FIRST_IN, CALENDAR)
    hours = -(-(opening - now) // timedelta(hours=1))
    when = f"{opening.astimezone(zone_named(CALENDAR.zone)):%A %H:%M}"
    return f"\n     The first ones leave when the practice opens, {when}; not to wait: {advance.format(f'{hours}h')}"


def _shell_word(text: str) -> str:
    return text if text.replace("/", "").replace(".", "").replace("-", "").isalnum() else f"'{text}'"
