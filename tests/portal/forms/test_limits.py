"""`per_second` of `[smtp]` and `[sms]`."""

from pathlib import Path
from typing import Any

import pytest

from portal.forms.sending_access import Around, read_sms, read_smtp
from portal.forms.toml_reader import Section

SMTP = {"host": "smtp.example", "from_address": "rdv@tilleuls.example"}
SMS = {"provider": "twilio", "account": "AC1", "token": "secret", "sender": "Tilleuls"}


def read(folder: Path, place: str, **more: Any) -> tuple[dict[str, Any], list[str]]:
    problems: list[str] = []
    around = Around(folder, "FR", "fr", "Les Tilleuls")
    if place == "[smtp]":
        return read_smtp(Section(place, SMTP | more, problems), around), problems
    return read_sms(Section(place, SMS | more, problems), around), problems


@pytest.mark.parametrize("place", ["[smtp]", "[sms]"])
@pytest.mark.parametrize("limit", [0.1, 0.5, 10, 400, 1000])
def test_a_limit_is_kept(tmp_path: Path, place: str, limit: float) -> None:
    stored, problems = read(tmp_path, place, per_second=limit)
    assert (stored["per_second"], problems) == (limit, [])


@pytest.mark.parametrize("place", ["[smtp]", "[sms]"])
def test_without_one_nothing_is_kept(tmp_path: Path, place: str) -> None:
    stored, problems = read(tmp_path, place)
    assert "per_second" not in stored
    assert problems == []


@pytest.mark.parametrize("limit", [0, -1, 0.05, 1001, "10", True, [10]])
def test_what_is_no_limit_is_told(tmp_path: Path, limit: Any) -> None:
    _, problems = read(tmp_path, "[sms]", per_second=limit)
    assert len(problems) == 1
    assert problems[0].startswith("[sms] per_second: write how many messages")
