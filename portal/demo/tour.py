"""What `reprise run` prints when the demo stands: where to look, and what to try."""

from rich.markup import escape

from db.config import Config


def tour(config: Config) -> str:
    """A few lines of rich markup."""
    inbox = f"http://127.0.0.1:{config.demo_inbox_port}"
    where = "" if str(config.data) == ".data" else f" --data {escape(_shell_word(str(config.data)))}"
    reprise = ".venv/bin/reprise"
    steps = [
        (
            "Read what patients receive",
            "a telephone and a mailbox, side by side",
            f"[link={inbox}]{inbox}[/link]",
        ),
        (
            "Open the link in a message, choose a time",
            "booking it stops the follow-up",
            f"{config.base_url}/r/...",
        ),
        ("Let three days pass", "each message arrives on its day", f"{reprise} demo advance 3d{where}"),
        ("See what is open, and for whom", "calls, replies, missing contacts", f"{reprise} status{where}"),
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


def _shell_word(text: str) -> str:
    return text if text.replace("/", "").replace(".", "").replace("-", "").isalnum() else f"'{text}'"
