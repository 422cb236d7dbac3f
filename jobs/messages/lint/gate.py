"""The linter at the send: a text with an error does not leave, whoever wrote it and however it got here."""

from functools import lru_cache

from jobs.messages.catalogue import Found
from jobs.messages.errors import TextRefused
from jobs.messages.lint.check import lint
from jobs.messages.lint.findings import Kind


def refuse_faulty(found: Found, *, can_receive: bool) -> None:
    """Raises `TextRefused` with the rules that the text breaks. A text is read once, however often it is sent."""
    body: Kind = "sms" if found.key.channel == "sms" else "email"
    parts: list[tuple[Kind, str]] = [(body, found.wording.body)]
    if body == "email":
        parts.append(("subject", found.wording.subject))
    for kind, text in parts:
        broken = _broken(text, kind, found.key.language, found.key.speciality, found.key.message, can_receive)
        if broken:
            raise TextRefused(f"The {kind} of {found.key.message} breaks {', '.join(broken)}: edit the text.")


@lru_cache(maxsize=4096)
def _broken(text: str, kind: Kind, language: str, speciality: str, message: str, can_receive: bool) -> tuple[str, ...]:
    findings = lint(text, kind=kind, language=language, speciality=speciality, can_receive=can_receive, message=message)
    return tuple(sorted({one.rule for one in findings if one.severity == "error"}))
