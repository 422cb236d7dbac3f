"""Marking what a rehearsal sends, so that nobody takes it for a real message."""

from html import escape

from jobs.messages import gsm7
from jobs.messages.email_body import Email
from jobs.messages.languages import language_for


def mark_sms(text: str, language: str) -> str:
    """The mark may make it two segments: it goes to a member of staff."""
    return gsm7.to_gsm7(f"[{language_for(language).rehearsal}] {text}")


def mark_email(mail: Email, language: str) -> Email:
    words = language_for(language)
    subject = f"[{words.rehearsal}] {mail.subject}"
    before, body, after = mail.html.partition("<main")
    banner = f"<p><strong>{escape(words.rehearsal_note)}</strong></p>\n"
    html = f"{before}{banner}{body}{after}" if body else f"{banner}{mail.html}"
    return Email(subject, f"{words.rehearsal_note}\n\n{mail.text}", html)
