"""`reprise lint`: findings with their places, on a machine that has neither stack nor database."""

import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import reprise
from jobs.messages.catalogue import Wording, shipped
from portal.commands.linting import lint_every_text

SMS = "Bonjour {{ first_name }}, d'autres dates ici :\n{{ link }}\n{{ opt_out }}"
FINDING = {"rule", "severity", "start", "end", "message"}


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """One command line, in an empty folder: the exit code, what it says, and what it says beside."""
    for name in ("DATABASE_URL", "REDIS_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)

    def line(*words: str, typed: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["reprise", "lint", *words])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(typed)))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            reprise.main()
        return int(ended.value.code or 0), out.getvalue(), err.getvalue()

    return line


def findings(run: Run, raw: bytes, *words: str) -> list[dict[str, Any]]:
    _code, out, _err = run(*words, "--json", "-", typed=raw)
    found: list[dict[str, Any]] = json.loads(out)
    return found


def test_every_text_passes_without_a_stack_or_a_practice(run: Run) -> None:
    code, out, _err = run()
    assert (code, out.split(" ", 1)[0]) == (0, "No")
    assert run("--json")[:2] == (0, "[]\n")


def test_a_text_without_findings_ends_with_zero(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sms.txt").write_text(SMS, encoding="utf-8")
    assert run("--kind", "sms", "sms.txt")[:2] == (0, "No findings in 1 text.\n")


def test_a_finding_is_told_with_its_place_its_words_its_rule_and_what_to_write(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sms.txt").write_text(f"Bonjour,\nvenez vite !\n{SMS}", encoding="utf-8")
    code, out, _err = run("--kind", "sms", "sms.txt", "--reader", "en")
    assert code == 1
    assert 'sms.txt:2:7: error guilt.urgency: "vite' in out
    # The advice is in the language of who reads, the words in that of the text.
    assert "Write 'quand vous le souhaitez'." in out
    assert "finding" in out.splitlines()[-1]


def test_json_holds_exactly_what_an_editor_needs(run: Run) -> None:
    [found] = findings(run, b"Un mot de votre psy", "--kind", "subject")
    assert set(found) == FINDING
    assert (found["rule"], found["severity"], found["start"], found["end"]) == ("discretion", "error", 16, 19)


@pytest.mark.parametrize(
    "raw",
    [
        "Été : votre rendez-vous d’hier\n",
        "\ufeffÉté : votre rendez-vous d’hier",
        "Bonjour,\r\nvotre rendez-vous d’hier\r\n",
        "😀 e\u0301te\u0301 hier\n\n",
        "\r\n\r\nhier",
    ],
    ids=["plain", "byte order mark", "CRLF", "combining accents", "blank lines"],
)
def test_places_count_the_characters_of_the_text_as_given(run: Run, raw: str) -> None:
    [found] = findings(run, raw.encode(), "--kind", "subject")
    assert raw[found["start"] : found["end"]].endswith("hier")


def test_a_byte_order_mark_is_no_part_of_a_senders_name(run: Run) -> None:
    assert findings(run, "\ufeffTilleuls\r\n".encode(), "--kind", "sender") == []


def test_a_warning_alone_ends_with_zero(run: Run) -> None:
    code, out, _err = run("--kind", "subject", "-", typed=b"Coucou")
    assert (code, "warning tone.familiar" in out) == (0, True)


def test_an_answer_may_be_asked_for_where_the_sender_can_receive(run: Run) -> None:
    raw = f"{SMS}\nRépondez STOP".encode()
    assert "opt_out.reply" in {one["rule"] for one in findings(run, raw, "--kind", "sms")}
    assert findings(run, raw, "--kind", "sms", "--can-receive") == []


def test_language_and_speciality_choose_the_word_lists(run: Run) -> None:
    raw = b"A missed appointment"
    assert findings(run, raw, "--kind", "subject", "--language", "en-GB") == []
    [found] = findings(run, raw, "--kind", "subject", "--language", "en", "--speciality", "psychotherapy")
    assert found["rule"] == "speciality.missed"


@pytest.mark.parametrize(
    ("words", "typed", "said"),
    [
        (("-",), b"x", "--kind sms|subject|email|sender"),
        (("--kind", "letter", "-"), b"x", "'letter' is not one of"),
        (("--kind", "sms", "nowhere.txt"), b"", "nowhere.txt cannot be read"),
        (("--kind", "sms", "."), b"", "cannot be read"),
        (("--kind", "sms", "-"), b"caf\xe9", "standard input is not UTF-8 (byte 4)"),
        (("--kind", "sms", "--language", "tlh", "-"), b"x", "Known: en, fr."),
        (("--kind", "sms", "--speciality", "magic", "-"), b"x", "Known: dental, general, nutrition"),
        (("--kind", "sms"), b"", "name its FILE"),
        (("--language", "en"), b"", "name its FILE"),
    ],
)
def test_what_cannot_be_read_is_said_clearly(run: Run, words: tuple[str, ...], typed: bytes, said: str) -> None:
    code, out, err = run(*words, typed=typed)
    assert (code, out) == (2, "")
    assert said in err


def test_nothing_in_a_text_steers_the_terminal(run: Run) -> None:
    _code, out, _err = run("--kind", "subject", "-", typed="Venez\x1b[31m\u202evite [bold]vite".encode())
    assert "\x1b" not in out
    assert "\u202e" not in out


def test_an_edited_text_is_told_with_the_file_it_stands_for(capsys: pytest.CaptureFixture[str]) -> None:
    catalogue = shipped()
    key = next(key for key in catalogue.every_key() if key.channel == "sms" and key.language == "fr")
    edited = catalogue.for_practice("fr", {key: Wording(f"Vite !\n{SMS}")})
    place = f"{key.message}/{key.speciality}/fr/sms.txt"
    assert lint_every_text(edited, as_json=False, can_receive=False, reader="fr") == ["error"]
    assert f"{place}:1:1: error guilt.urgency" in capsys.readouterr().out
    lint_every_text(edited, as_json=True, can_receive=False, reader="fr")
    [found] = json.loads(capsys.readouterr().out)
    assert set(found) == FINDING | {"text"}
    assert found["text"] == place


def test_text_of_a_reminder_may_say_when(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "reminder.txt"
    file.write_text("{{ when }} : {{ link }}\n{{ opt_out }}", encoding="utf-8")
    code, said, _ = run("--kind", "sms", "--json", str(file))
    assert (code, [one["rule"] for one in json.loads(said)]) == (1, ["placeholder.unknown"])
    assert run("--kind", "sms", "--message", "reminder", "--json", str(file))[:2] == (0, "[]\n")
    code, _, beside = run("--kind", "sms", "--message", "remainder", str(file))
    assert (code, "reminder" in beside) == (2, True)
