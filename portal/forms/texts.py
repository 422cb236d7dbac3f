"""The editor's form: a subject, a body, and for whom the preview is."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from db.changes.tones import LONGEST_BODY, LONGEST_SUBJECT
from db.queries.tones import TextWords

USUAL_NAME = "Alix"
LONGEST_NAME = 40
# Browsers end lines as CR LF; a line broken by hand in a word processor may arrive as a vertical tab or as U+2028.
_LINE_END = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Everything that steers a terminal or a database rather than being read; line ends and tabs stay.
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
# Who holds the key that gives the brace a little too long types a no-break space, which looks like any other.
_IN_BRACES = re.compile(r"\{\{[^{}\n]*\}\}|\{%[^{}\n]*%\}")
_NO_BREAK = str.maketrans("\u00a0\u202f", "  ")


@dataclass(frozen=True, slots=True)
class TextForm:
    """`seen` is the mark of what the page showed; `too_long` names the fields that are."""

    words: TextWords
    seen: str
    first_name: str = USUAL_NAME
    slots_soon: bool = True
    phone: str = ""

    @property
    def too_long(self) -> tuple[str, ...]:
        lengths = {"subject": (self.words.subject, LONGEST_SUBJECT), "body": (self.words.body, LONGEST_BODY)}
        return tuple(name for name, (text, most) in lengths.items() if len(text) > most)


def text_form(fields: Mapping[str, str], *, has_subject: bool) -> TextForm:
    """A subject is one line, whatever was pasted."""
    body = _lines(fields.get("body", ""))
    subject = " ".join(_lines(fields.get("subject", "")).split()) if has_subject else ""
    return TextForm(
        words=TextWords(body, subject),
        seen=fields.get("seen", ""),
        first_name=fields.get("first_name", "")[:LONGEST_NAME],
        slots_soon="slots_soon" in fields,
        phone=fields.get("phone", "")[:LONGEST_NAME],
    )


def version_number(fields: Mapping[str, str]) -> int | None:
    given = fields.get("version", "")
    return int(given) if re.fullmatch(r"[1-9]\d{0,6}", given) else None


def _lines(text: str) -> str:
    text = _CONTROL.sub("", _LINE_END.sub("\n", text)).strip()
    return _IN_BRACES.sub(lambda tag: tag.group().translate(_NO_BREAK), text)
