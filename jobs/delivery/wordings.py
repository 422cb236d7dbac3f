"""Which words a message carries: chosen when it is claimed, named in its row, and found again by that name.

`worth/email/dental/fr@3` is the third version that the practice wrote of this text; `worth/email/dental/fr@0-1a2b3c4d`
the one that Reprise ships, with the beginning of its checksum: another release may bring other words. Either name means
the same words for ever. A message whose earlier attempt may have left keeps its words, whatever is published meanwhile:
a gateway knows it again by its text, and a patient who gets it twice reads the same thing twice.
"""

import hashlib
import re
from functools import lru_cache

from db.changes.deliveries import Claimed
from db.queries.tones import TextKey, version_words
from jobs.delivery.compose import Sender
from jobs.messages.catalogue import GENERAL, Found, Key, Wording, shipped
from jobs.messages.errors import TextRefused
from jobs.messages.parts import text_of

_NAME = re.compile(r"(?P<key>[^/@]+(?:/[^/@]+){3})@(?P<version>\d+)(?:-\w+)?")


def choose(one: Claimed, sender: Sender) -> str | None:
    """The name of its words; none for what somebody tries out on themselves, and what is no text of the catalogue."""
    if _tried(one, sender) is not None:
        return None
    try:
        if one.wording is not None and _may_still_be_said(one.wording, sender):
            return one.wording
        return name_of(_present(one, sender))
    except TextRefused:
        return None


async def words_of(one: Claimed, sender: Sender) -> Found | None:
    """The words that it was claimed with. The practice may have published others since, or taken these back."""
    if (tried := _tried(one, sender)) is not None:
        return tried
    if one.wording is None or (named := _read(one.wording)) is None:
        return None
    key, version = named
    present = shipped().shipped.get(key) if version == 0 else sender.edited.get(key)
    if present is not None and present.version == version:
        return Found(key, present)
    words = await version_words(sender.practice.id, TextKey(*key), version)
    if words is None:
        raise TextRefused(f"The words {one.wording} are not kept any more.")
    return Found(key, Wording(words.body, words.subject, version))


def name_of(found: Found) -> str:
    return f"{'/'.join(found.key)}@{found.wording.version or _of_release(found.wording)}"


@lru_cache(maxsize=1024)
def _of_release(wording: Wording) -> str:
    text = f"{wording.subject}\0{wording.body}".encode()
    return f"0-{hashlib.sha256(text).hexdigest()[:8]}"


def _present(one: Claimed, sender: Sender) -> Found:
    """What leaves today: the practice's own words, or the shipped ones."""
    catalogue = shipped().for_practice(sender.practice.language, sender.edited)
    strict = sender.practice.settings.strict
    return catalogue.find(text_of(one.message), one.channel.value, one.speciality, one.language, strict=strict)


def _tried(one: Claimed, sender: Sender) -> Found | None:
    """Words that somebody tries out on themselves come with the row."""
    words = one.detail.get("words") if one.rehearsal else None
    if words is None:
        return None
    speciality = GENERAL if sender.practice.settings.strict else one.speciality
    return Found(
        Key(text_of(one.message), one.channel.value, speciality, one.language),
        Wording(words["body"], words["subject"]),
    )


def _may_still_be_said(name: str, sender: Sender) -> bool:
    """Not a speciality's words once the practice wants strict discretion, nor the shipped ones of another release."""
    named = _read(name)
    if named is None:
        return False
    key, version = named
    if sender.practice.settings.strict and key.speciality != GENERAL:
        return False
    if version != 0:
        return True
    wording = shipped().shipped.get(key)
    return wording is not None and name_of(Found(key, wording)) == name


def _read(name: str) -> tuple[Key, int] | None:
    read = _NAME.fullmatch(name)
    return (Key(*read["key"].split("/")), int(read["version"])) if read is not None else None
