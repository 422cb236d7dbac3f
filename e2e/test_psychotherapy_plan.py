"""A patient of a psychotherapist answers nothing: the five moments, stretched over two weeks and in words of their own;
then silence."""

from collections import Counter
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from e2e.people import NOEMIE, export
from e2e.stack import Stack
from e2e.staff import close_what_stands

PARIS = ZoneInfo("Europe/Paris")
TEMPLATES = Path(__file__).parents[1] / "templates" / "messages"
PSYCHOTHERAPIST = "Élise Marchand"
MOMENTS = [
    ("2026-11-16", "sms", "first"),
    ("2026-11-16", "email", "first"),
    ("2026-11-18", "email", "flexible"),
    ("2026-11-21", "sms", "worth"),
    ("2026-11-21", "email", "worth"),
    ("2026-11-25", "email", "closing"),
    ("2026-11-30", "sms", "last"),
    ("2026-11-30", "email", "last"),
]


def test_five_moments_over_two_weeks_in_words_of_their_own(stack: Stack, tmp_path: Path) -> None:
    close_what_stands(stack)
    stack.json("import", export(tmp_path / "export.csv", [NOEMIE], practitioner=PSYCHOTHERAPIST))
    stack.advance("15d")
    check_moments(stack)
    check_words(stack)
    stack.advance("30d")
    check_moments(stack)
    told = stack.json("journal", NOEMIE.number)
    assert told["ahead"] == told["steps_ahead"] == []
    events = [entry["event"] for entry in told["entries"]]
    assert events.count("message_sent") == len(MOMENTS)
    assert events.count("sequence_completed") == 1
    # Nobody is asked to do anything: this plan has messages alone.
    assert not any(event.startswith("task_") for event in events)


def check_moments(stack: Stack) -> None:
    got = stack.messages(to=NOEMIE.phone) + stack.messages(to=NOEMIE.email)
    times = [datetime.fromisoformat(one["at"]).astimezone(PARIS) for one in got]
    expected = [(day, channel) for day, channel, _ in MOMENTS]
    assert Counter((f"{at:%Y-%m-%d}", one["channel"]) for at, one in zip(times, got, strict=True)) == Counter(expected)
    assert all(time(9) <= at.time() < time(19, 30) for at in times)


def check_words(stack: Stack) -> None:
    """The subjects and the bodies are psychotherapy's; so is the first SMS, and the later ones are everybody's."""
    mails = stack.messages(to=NOEMIE.email)
    for mail, message in zip(mails, messages_by("email"), strict=True):
        assert mail["subject"] == words(message, "subject.txt", "psychotherapy").strip()
        for line in fixed_lines(words(message, "body.txt", "psychotherapy")):
            assert line in mail["text"], message
        assert "manqué" not in mail["subject"]
    for sms, (message, speciality) in zip(
        stack.messages(to=NOEMIE.phone),
        [("first", "psychotherapy"), ("worth", "general"), ("last", "general")],
        strict=True,
    ):
        start = words(message, "sms.txt", speciality).split("\n")[0].replace("{{ first_name }}", NOEMIE.first_name)
        assert sms["text"].startswith(start)


def messages_by(channel: str) -> list[str]:
    return [message for _, one, message in MOMENTS if one == channel]


def words(message: str, part: str, speciality: str) -> str:
    return (TEMPLATES / message / speciality / "fr" / part).read_text(encoding="utf-8")


def fixed_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line and "{" not in line]
