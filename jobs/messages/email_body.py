"""One source, two faces: the plain text of an email as it stands, and the same blocks as simple HTML.

A blank line parts blocks; lines that start with '- ' are a list; a line that ends with the link alone after
its colon is the call to action; a line that ends so with the way out is small print.

The HTML of a text is worked out once, with marks where values go: a busy morning sends one text a thousand times.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from jobs.messages.languages import MESSAGES
from jobs.messages.source import fill, mark, split

_LONE = re.compile(rf"(.+?)\s*:[ \n]*([{mark('link')}{mark('opt_out')}])")
# Two marks of the HTML alone, beside those of the placeholders: the subject, and the telephone number as it is dialled.
_SUBJECT, _DIALLED = "\uf8ff", "\uf8fe"
# A place is a postal address, or where a video call happens.
_ADDRESS = re.compile(r"https?://[^\s<>\"']+")
_ANY_MARK = re.compile("([\ue000-\uf8ff])")


@dataclass(frozen=True)
class Email:
    subject: str
    text: str
    html: str


@dataclass(frozen=True)
class Block:
    kind: Literal["words", "list", "action", "small"]
    lines: tuple[Markup, ...]
    href: str = ""


def write_email(subject: str, marked: str, values: Mapping[str, str], language: str, footnote: str = "") -> Email:
    """`marked` is a composed source; `values` are single lines by placeholder name."""
    shown = {mark(name): str(escape(value)) for name, value in values.items()}
    if _ADDRESS.fullmatch(place := values.get("place", "")):
        shown[mark("place")] = str(Markup('<a href="{0}">{0}</a>').format(place))
    shown |= {_SUBJECT: str(escape(subject)), _DIALLED: re.sub(r"[^+\d]", "", values.get("phone", ""))}
    html = "".join(shown.get(part, part) for part in _page(marked, language, footnote))
    ending = f"\n\n{footnote}\n" if footnote else "\n"
    return Email(subject, fill(marked, values) + ending, html)


@lru_cache(maxsize=512)
def _page(marked: str, language: str, footnote: str) -> tuple[str, ...]:
    """The whole HTML in parts, each a mark or what stands between two."""
    blocks = [_block(part) for part in marked.split("\n\n")]
    html = _layout().render(subject=_SUBJECT, blocks=blocks, language=language, footnote=footnote)
    return tuple(_ANY_MARK.split(html))


def _block(part: str) -> Block:
    if lone := _LONE.fullmatch(part):
        kind: Literal["action", "small"] = "action" if lone.group(2) == mark("link") else "small"
        return Block(kind, (_html(lone.group(1)),), lone.group(2))
    lines = part.split("\n")
    if all(line.startswith("- ") for line in lines):
        return Block("list", tuple(_html(line[2:]) for line in lines))
    return Block("words", tuple(_html(line) for line in lines))


def _html(words: str) -> Markup:
    return Markup("").join(_element(piece) if is_mark else escape(piece) for piece, is_mark in split(words))


def _element(name: str) -> Markup:
    if name in ("link", "opt_out"):
        return Markup('<a href="{0}">{0}</a>').format(mark(name))
    if name == "phone":
        return Markup('<a href="tel:{}">{}</a>').format(_DIALLED, mark(name))
    return escape(mark(name))


@cache
def _layout() -> Template:
    environment = Environment(
        loader=FileSystemLoader(MESSAGES / "_layout"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("email.html")
