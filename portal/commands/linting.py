"""`reprise lint`: what to mend in the texts, all of them or one."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import asyncpg
import click
from rich.markup import escape

from db import session
from db.config import Config
from db.errors import ConfigurationError, Refused
from db.queries.practices import all_practices
from jobs.messages.catalogue import Catalogue, Key, shipped
from jobs.messages.edited import edited_texts
from jobs.messages.languages import LAST_RESORT, languages
from jobs.messages.lint.check import lint as lint_text
from jobs.messages.lint.check import lint_catalogue
from jobs.messages.lint.findings import SENTENCES, Finding, Kind, Severity
from jobs.messages.lint.terms import known_languages
from portal.commands._common import command, configure, emit, notes, out, run_async

KINDS = get_args(Kind)
STANDARD_INPUT = "-"
_BYTE_ORDER_MARK = "\ufeff"


@dataclass(frozen=True)
class Lint:
    """One finding as `--json` gives it; `start` and `end` count the characters of the text as it was given."""

    rule: str
    severity: Severity
    start: int
    end: int
    message: str


@dataclass(frozen=True)
class CatalogueLint(Lint):
    """The same in one of the texts of the catalogue; the places are those within that text."""

    text: str


@click.command("lint")
@click.argument("file", required=False, type=click.Path(path_type=str))
@click.option("--kind", type=click.Choice(KINDS), help="What FILE is.")
@click.option("--language", help="The language of FILE (default: fr).")
@click.option("--speciality", help="The speciality of FILE (default: general).")
@click.option("--message", help="The message that FILE is for, such as reminder, where it has placeholders of its own.")
@click.option("--can-receive", is_flag=True, help="The sender can receive answers, so 'STOP' may be asked for.")
@click.option(
    "--reader", type=click.Choice(sorted(one.stem for one in SENTENCES.glob("*.toml"))), default=LAST_RESORT,
    show_default=True, help="The language in which findings are told.",
)  # fmt: skip
@command
def lint(
    data: Path,
    as_json: bool,
    file: str | None,
    kind: Kind | None,
    language: str | None,
    speciality: str | None,
    message: str | None,
    can_receive: bool,
    reader: str,
) -> None:
    """What to mend in a text (FILE, `-` for standard input), or in every text without FILE. Exit code 1: an error."""
    if file is None:
        if kind or language or speciality or message:
            raise click.UsageError("--kind, --language, --speciality and --message tell of one text: name its FILE.")
        severities = lint_every_text(
            run_async(_texts_here(configure(data))), as_json=as_json, can_receive=can_receive, reader=reader
        )
    else:
        if kind is None:
            raise click.UsageError(f"Say what {_name(file)} is: --kind {'|'.join(KINDS)}.")
        severities = _one_text(
            file,
            kind,
            _language(language or LAST_RESORT),
            _speciality(speciality or "general"),
            _message(message),
            as_json=as_json,
            can_receive=can_receive,
            reader=reader,
        )
    if "error" in severities:
        raise SystemExit(1)


async def _texts_here(config: Config) -> Catalogue:
    """With what the practice has published, where there is a practice and its database answers."""
    try:
        async with session.opened(config, connections=1):
            found = await all_practices()
            if len(found) == 1:
                return shipped().for_practice(found[0].language, await edited_texts(found[0].id))
    except (ConfigurationError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as problem:
        notes().print(f"({escape(str(problem).splitlines()[0])})", style="dim")
    return shipped()


def _one_text(
    file: str,
    kind: Kind,
    language: str,
    speciality: str,
    message: str | None,
    *,
    as_json: bool,
    can_receive: bool,
    reader: str,
) -> list[Severity]:
    given = _read(file)
    text = given.removeprefix(_BYTE_ORDER_MARK)
    found = lint_text(
        text,
        kind=kind,
        language=language,
        speciality=speciality,
        can_receive=can_receive,
        reader=reader,
        message=message,
    )
    if as_json:
        before = len(given) - len(text)
        emit([Lint(one.rule, one.severity, one.start + before, one.end + before, one.message) for one in found])
    else:
        for one in found:
            _tell(_name(file), text, one)
        _total(len(found), 1)
    return [one.severity for one in found]


def lint_every_text(catalogue: Catalogue, *, as_json: bool, can_receive: bool, reader: str) -> list[Severity]:
    """Print what to mend in a catalogue."""
    found = list(lint_catalogue(catalogue, can_receive=can_receive, reader=reader))
    if as_json:
        emit(
            [
                CatalogueLint(one.rule, one.severity, one.start, one.end, one.message, _place(key, kind))
                for key, kind, one in found
            ]
        )
    else:
        for key, kind, one in found:
            _tell(_place(key, kind), _source(catalogue, key, kind), one)
        _total(len(found), len(catalogue.every_key()))
    return [one.severity for _key, _kind, one in found]


def _language(code: str) -> str:
    """A language exists once it has texts; it may still lack a word list, which is a finding of its own."""
    known = sorted({*languages(), *known_languages()})
    if code.replace("_", "-").split("-")[0].lower() not in known:
        raise Refused(f"There is no language {code!r}. Known: {', '.join(known)}.")
    return code


def _speciality(name: str) -> str:
    known = sorted({key.speciality for key in shipped().every_key()})
    if name not in known:
        raise Refused(f"There is no speciality {name!r}. Known: {', '.join(known)}.")
    return name


def _message(name: str | None) -> str | None:
    known = sorted({key.message for key in shipped().every_key()})
    if name is not None and name not in known:
        raise Refused(f"There is no message {name!r}. Known: {', '.join(known)}.")
    return name


def _read(file: str) -> str:
    """The text with its line ends as they are, so that places count the characters of the file."""
    try:
        raw = sys.stdin.buffer.read() if file == STANDARD_INPUT else Path(file).read_bytes()
        return raw.decode("utf-8")
    except OSError as problem:
        raise Refused(f"{file} cannot be read: {problem.strerror or type(problem).__name__}.") from None
    except UnicodeDecodeError as problem:
        raise Refused(
            f"{_name(file)} is not UTF-8 (byte {problem.start + 1}): save it as UTF-8 and try again."
        ) from None


def _name(file: str) -> str:
    return "standard input" if file == STANDARD_INPUT else file


def _place(key: Key, kind: Kind) -> str:
    """The file under templates/messages that holds, or would hold, this text."""
    part = "body" if kind == "email" else kind
    return f"{key.message}/{key.speciality}/{key.language}/{part}.txt"


def _source(catalogue: Catalogue, key: Key, kind: Kind) -> str:
    wording = catalogue.edited.get(key) or catalogue.shipped[key]
    return wording.subject if kind == "subject" else wording.body


def _tell(name: str, text: str, one: Finding) -> None:
    line, column = _line_and_column(text, one.start)
    colour = "red" if one.severity == "error" else "yellow"
    words = " ".join("".join(_visible(text[one.start : one.end])).split())
    place = _one_line(f"{name}:{line}:{column}")
    out().print(
        f"{escape(place)}: [{colour}]{one.severity}[/{colour}] {one.rule}: {escape(_quoted(words))}\n"
        f"    {escape(_one_line(one.message))}",
    )


def _quoted(words: str) -> str:
    shortened = words if len(words) <= 60 else f"{words[:57]}..."
    return f'"{shortened}"' if words else "(here)"


def _one_line(text: str) -> str:
    return " ".join("".join(_visible(text)).split())


def _visible(text: str) -> Iterator[str]:
    """A text may come from anywhere: nothing in it may steer the terminal."""
    return (letter if letter.isprintable() else " " for letter in text)


def _line_and_column(text: str, at: int) -> tuple[int, int]:
    """Counted from one, as editors do."""
    before = text[:at]
    return before.count("\n") + 1, at - before.rfind("\n")


def _total(findings: int, texts: int) -> None:
    of = "1 text" if texts == 1 else f"{texts} texts"
    out().print(f"{findings or 'No'} finding{'' if findings == 1 else 's'} in {of}.")
