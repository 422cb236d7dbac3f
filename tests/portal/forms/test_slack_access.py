"""`[slack]` of a practice file."""

import re
from pathlib import Path
from typing import Any

import pytest

from portal.forms.practice_file import PracticeFileRefused, read_practice_file
from portal.forms.slack_access import read_slack
from portal.forms.toml_reader import Section

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "practice.toml"


def read(folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """What is stored, and what is wrong; a key that is None is left out."""
    usual = {"bot_token": "xoxb-1-a", "signing_secret": "s" * 32, "channel": "C0123ABCD"}
    values = {key: value for key, value in (usual | changes).items() if value is not None}
    problems: list[str] = []
    return read_slack(Section("[slack]", values, problems), folder), problems


def test_what_is_not_said_is_the_usual(tmp_path: Path) -> None:
    stored, problems = read(tmp_path)
    assert problems == []
    assert stored == {
        "bot_token": "xoxb-1-a",
        "signing_secret": "s" * 32,
        "channel": "C0123ABCD",
        "command": "/reprise",
        "route": "person",
    }


def test_both_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("xoxb-2-b\n", encoding="utf-8")
    (tmp_path / "secret").write_text("x" * 32, encoding="utf-8")
    files = {"bot_token": None, "bot_token_file": "token", "signing_secret": None, "signing_secret_file": "secret"}
    stored, problems = read(tmp_path, **files, route="channel", command="/Suivi")
    assert problems == []
    assert (stored["bot_token"], stored["signing_secret"]) == ("xoxb-2-b", "x" * 32)
    assert (stored["route"], stored["command"]) == ("channel", "/suivi")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("bot_token", None),
        ("bot_token", "xoxp-a-person's"),
        ("signing_secret", None),
        ("channel", None),
        ("channel", "#suivi"),
        ("channel", "D0123ABCD"),
        ("route", "everybody"),
        ("command", "reprise"),
        ("command", "/two words"),
        ("base_url", "https://slack.example/api/"),
        ("base_url", "http://10.0.0.7/api/"),
        ("token", "x"),
    ],
)
def test_what_cannot_work_is_said_by_its_key(tmp_path: Path, key: str, value: str | None) -> None:
    _, problems = read(tmp_path, **{key: value})
    assert len(problems) == 1
    assert problems[0].startswith(f"[slack] {key}")
    assert "xoxp" not in problems[0]


def test_a_double_on_this_machine_may_take_the_place_of_slack(tmp_path: Path) -> None:
    stored, problems = read(tmp_path, base_url="http://127.0.0.1:8001/slack/api")
    assert problems == []
    assert stored["base_url"] == "http://127.0.0.1:8001/slack/api/"


def test_a_file_without_the_section_has_no_slack(tmp_path: Path) -> None:
    text = EXAMPLE.read_text(encoding="utf-8")
    for name in ("smtp-password", "twilio-token", "slack-token", "slack-secret"):
        (tmp_path / name).write_text("xoxb-secret", encoding="utf-8")
    plain = tmp_path / "practice.toml"
    plain.write_text(text, encoding="utf-8")
    new = read_practice_file(plain, base_url="https://rdv.example").new
    assert new.slack == {}
    assert new.settings.slack_route == ""
    start = text.index("# [slack]")
    end = text.index("\n\n", start)
    told = tmp_path / "told.toml"
    section = re.sub("^# ", "", text[start:end], flags=re.MULTILINE)
    told.write_text(text[:start] + section + text[end:], encoding="utf-8")
    new = read_practice_file(told, base_url="https://rdv.example").new
    assert new.slack["channel"] == "C0123ABCD"
    assert new.settings.slack_route == "person"


def test_a_wrong_section_refuses_the_whole_file(tmp_path: Path) -> None:
    (tmp_path / "practice.toml").write_text('[slack]\nchannel = "suivi"\n', encoding="utf-8")
    with pytest.raises(PracticeFileRefused, match=r"\[slack\] channel"):
        read_practice_file(tmp_path / "practice.toml", base_url="https://rdv.example")
