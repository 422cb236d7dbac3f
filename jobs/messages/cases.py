"""What a member of staff is told of a case: what is asked and by when, and nothing of the patient.

Not whose case it is, nor what care is given, nor why: those stay on the staff pages. The texts are in
`templates/messages/_cases/<occasion>/<language>/`, what each kind of task asks in `db/words/`, which Slack reads too.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from db.queries.words import words as words_of
from db.states import Reason, TaskKind
from jobs.messages.email_body import Email, write_email
from jobs.messages.errors import MissingValues, TextRefused
from jobs.messages.languages import MESSAGES, Language, language_for, preferred
from jobs.messages.source import CASE_PLACEHOLDERS, compose, fill, marks_in, parse, without_line
from jobs.messages.values import one_line

CASES = MESSAGES / "_cases"
# What may be unknown: the line that says it goes.
ABSENT = ("deadline", "holder", "why", "slack")


@dataclass(frozen=True, slots=True)
class CaseNotice:
    """`ref` is the case's reference, `holder` the member of staff who has it; `deadline` is aware and in the
    practice's zone. `urgent` and `crisis` read the same. `not_in_slack`: it was to be said there, and nobody should
    look for it."""

    ref: str
    kind: TaskKind
    urgent: bool = False
    crisis: bool = False
    deadline: datetime | None = None
    holder: str | None = None
    not_in_slack: bool = False


@dataclass(frozen=True)
class CaseWords:
    """What staff read for codes: `asked` by kind of task, `why` by reason of a move; `instead` of Slack."""

    priority: str
    asked: Mapping[str, str]
    why: Mapping[str, str]
    instead: str


def render_case(occasion: str, notice: CaseNotice, *, language: str, practice: str, why: Reason | None = None) -> Email:
    """`occasion` is the name of the message, as `case_opened`; `why` the reason of a move, said where it has words."""
    spoken = language_for(language)
    values = _values(notice, spoken, practice, why)
    subject, body = (compose(parse(source, CASE_PLACEHOLDERS)) for source in _sources(occasion, spoken.code))
    for name in ABSENT:
        if not values[name]:
            body = without_line(body, name)
    if blank := [name for name in marks_in(subject + body) if not values[name]]:
        raise MissingValues("The email", blank)
    return write_email(one_line(fill(subject, values)), body, values, spoken.code)


def _values(notice: CaseNotice, spoken: Language, practice: str, why: Reason | None) -> dict[str, str]:
    words = case_words(spoken.code)
    asked = words.asked[notice.kind]
    return {
        "reference": one_line(notice.ref),
        "asked": f"{asked} ({words.priority})" if notice.urgent or notice.crisis else asked,
        "deadline": spoken.say_moment(notice.deadline) if notice.deadline else "",
        "holder": one_line(notice.holder or ""),
        "why": words.why.get(why, "") if why else "",
        "slack": words.instead if notice.not_in_slack else "",
        "practice": one_line(practice),
    }


@cache
def case_words(language: str) -> CaseWords:
    known = words_of(language)
    slack = known.groups["slack"]
    return CaseWords(slack["priority"], known.groups["asked"], known.groups["moved"], slack["email_instead"])


@cache
def _sources(occasion: str, language: str) -> tuple[str, str]:
    folders = [CASES / occasion / code for code in preferred(language)]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None:
        raise TextRefused(f"No text says {occasion} to staff: add it under templates/messages/_cases.")
    subject, body = ((folder / name).read_text(encoding="utf-8").strip() for name in ("subject.txt", "body.txt"))
    return subject, body
