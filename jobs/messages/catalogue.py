"""All the texts, loaded once, and which one a patient gets.

`templates/messages/<message>/<speciality>/<language>/` holds `subject.txt` and `body.txt` (the email), and
`sms.txt`. A channel that a speciality lacks is the general one's. Messages, specialities and languages are
whatever folders exist.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import NamedTuple

from db.errors import ConfigurationError
from db.states import Channel
from jobs.messages.errors import TextRefused
from jobs.messages.languages import LAST_RESORT, MESSAGES, preferred

GENERAL = "general"


class Key(NamedTuple):
    message: str
    channel: str
    speciality: str
    language: str


@dataclass(frozen=True)
class Wording:
    """What an admin edits: the source of an SMS, or of an email's subject and body. `version` is the practice's; what
    was shipped has none."""

    body: str
    subject: str = ""
    version: int = 0


@dataclass(frozen=True)
class Found:
    key: Key
    wording: Wording


@dataclass(frozen=True)
class Catalogue:
    """The shipped texts and, over them, the practice's own."""

    shipped: Mapping[Key, Wording]
    edited: Mapping[Key, Wording] = field(default_factory=dict)
    default_language: str = LAST_RESORT

    def for_practice(self, default_language: str, edited: Mapping[Key, Wording] | None = None) -> "Catalogue":
        return Catalogue(self.shipped, edited or {}, default_language)

    def find(self, message: str, channel: str, speciality: str, language: str, *, strict: bool = False) -> Found:
        """The patient's language first, then the practice's, then French; within each, the speciality's.

        Where a speciality has none, and for everybody in strict discretion, the general words.
        """
        specialities = (GENERAL,) if strict else (speciality, GENERAL)
        for code in preferred(language, self.default_language):
            for kind in specialities:
                key = Key(message, channel, kind, code)
                wording = self.edited.get(key) or self.shipped.get(key)
                if wording is not None:
                    return Found(key, wording)
        raise TextRefused(f"No text says {message} by {channel}: add it under templates/messages.")

    def every_key(self) -> list[Key]:
        return sorted({*self.shipped, *self.edited})

    def channels(self, message: str) -> set[str]:
        return {key.channel for key in self.shipped if key.message == message}


@cache
def shipped() -> Catalogue:
    return load(MESSAGES)


def load(root: Path) -> Catalogue:
    texts: dict[Key, Wording] = {}
    for folder in _folders(root):
        message, speciality, language = folder.relative_to(root).parts
        sms, subject, body = (_read(folder / f"{part}.txt") for part in ("sms", "subject", "body"))
        if bool(subject) != bool(body):
            raise ConfigurationError(f"{folder} holds half an email: give it both subject.txt and body.txt.")
        if sms:
            texts[Key(message, Channel.SMS.value, speciality, language)] = Wording(sms)
        if body:
            texts[Key(message, Channel.EMAIL.value, speciality, language)] = Wording(body, subject)
    return Catalogue(texts)


def _folders(root: Path) -> Iterator[Path]:
    return (folder for folder in sorted(root.glob("[!_]*/*/*")) if folder.is_dir())


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip() if file.is_file() else ""
