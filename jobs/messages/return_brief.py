"""The brief for the practitioner of a patient who has rebooked, as an email: the same words as text and as HTML.

Its lists are as long as what happened, so it is made of its own templates rather than of the one-line placeholders of
the other notices; nothing of it is kept once it is written.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import escape

from db.queries.return_brief import HumanStep, ReturnBrief, SentMessage
from db.queries.words import Words, words
from jobs.messages.email_body import Block, Email
from jobs.messages.languages import MESSAGES, Language, language_for, preferred
from jobs.messages.values import one_line

FOLDER = "_return_brief"
# Stands where the address goes until the text is laid out; no value can hold it, for `one_line` takes it out.
LINK = "\uf8ff"


@dataclass(frozen=True)
class _Line:
    moment: str
    name: str
    channel: str = ""
    status: str = ""
    result: str = ""


def render_return_brief(brief: ReturnBrief, language: str, zone: ZoneInfo) -> Email:
    """To staff: when, whose file by its number, what was sent and done. `zone` is the practice's."""
    says = _Says(language_for(language), words(language_for(language).code), zone)
    values = {
        "number": one_line(brief.number) or "-",
        "practitioner": one_line(brief.practitioner) or "-",
        "booked": says.when(brief.booked_on, brief.booked_at),
        "missed": says.when(brief.missed_on, brief.missed_at),
        "messages": [says.message(one) for one in brief.messages],
        "steps": [says.step(one) for one in brief.steps],
        "barriers": [says.words.of("barriers", one) for one in brief.barriers],
        "link": LINK if brief.record_url else "",
    }
    subject = one_line(_text("subject.txt", language).render(values))
    body = re.sub(r"\n{3,}", "\n\n", _text("body.txt", language).render(values).strip())
    url = one_line(brief.record_url)
    html = _layout().render(
        subject=subject,
        blocks=[_block(part, url) for part in body.split("\n\n")],
        language=says.language.code,
        footnote="",
    )
    return Email(subject, body.replace(LINK, url) + "\n", html)


@dataclass(frozen=True)
class _Says:
    language: Language
    words: Words
    zone: ZoneInfo

    def when(self, day: date, moment: datetime | None) -> str:
        return self.moment(moment) if moment else self.language.say_date(day)

    def moment(self, moment: datetime) -> str:
        return self.language.say_moment(moment.astimezone(self.zone))

    def message(self, one: SentMessage) -> _Line:
        of = self.words.of
        return _Line(
            moment=self.moment(one.at),
            name=of("messages", one.message),
            channel=of("channels", one.channel),
            status=of("delivery_statuses", one.status),
        )

    def step(self, one: HumanStep) -> _Line:
        of = self.words.of
        result = of("outcomes", one.outcome) or of("task_statuses", one.status)
        return _Line(moment=self.moment(one.at), name=of("tasks", one.kind), result=result)


def _block(part: str, url: str) -> Block:
    lines = part.split("\n")
    if part.endswith(LINK):
        return Block("action", (escape(part.removesuffix(LINK).rstrip(" :")),), url)
    if all(line.startswith("- ") for line in lines):
        return Block("list", tuple(escape(line[2:]) for line in lines))
    return Block("words", tuple(escape(line) for line in lines))


@cache
def _text(name: str, language: str) -> Template:
    folder = next(code for code in preferred(language) if (MESSAGES / FOLDER / code / name).is_file())
    return _environment(as_html=False).get_template(f"{FOLDER}/{folder}/{name}")


def _layout() -> Template:
    return _environment(as_html=True).get_template("_layout/email.html")


@cache
def _environment(*, as_html: bool) -> Environment:
    return Environment(
        loader=FileSystemLoader(MESSAGES),
        autoescape=as_html,  # noqa: S701 - off for the plain text alone, whose lines are escaped one by one
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
