"""The one-time link with which a member of staff signs in: the same words as text and as HTML.

The texts are in `templates/messages/_accounts/<message>/<language>/`.
"""

from functools import cache

from jobs.messages.email_body import Email, write_email
from jobs.messages.languages import MESSAGES, language_for, preferred
from jobs.messages.source import compose, fill, parse
from jobs.messages.values import one_line

ACCOUNTS = MESSAGES / "_accounts"
PLACEHOLDERS = ("link", "practice")


def render_sign_in(link: str, *, language: str, practice: str) -> Email:
    spoken = language_for(language)
    values = {"link": one_line(link), "practice": one_line(practice)}
    subject, body = (compose(parse(source, PLACEHOLDERS)) for source in _sources("sign_in", spoken.code))
    return write_email(one_line(fill(subject, values)), body, values, spoken.code)


@cache
def _sources(message: str, language: str) -> tuple[str, str]:
    folder = next(folder for code in preferred(language) if (folder := ACCOUNTS / message / code).is_dir())
    subject, body = ((folder / name).read_text(encoding="utf-8").strip() for name in ("subject.txt", "body.txt"))
    return subject, body
