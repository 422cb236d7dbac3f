"""Slack's markup as HTML: what a message may hold, escaped first and for all."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from markupsafe import Markup, escape

EMOJI = {
    "warning": "⚠️",
    "white_check_mark": "✅",
    "x": "❌",
    "bell": "🔔",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "telephone_receiver": "📞",
    "phone": "☎️",
    "rotating_light": "🚨",
    "red_circle": "🔴",
    "large_yellow_circle": "🟡",
    "large_green_circle": "🟢",
    "large_blue_circle": "🔵",
    "eyes": "👀",
    "raising_hand": "🙋",
    "calendar": "📅",
    "clock3": "🕒",
    "alarm_clock": "⏰",
    "lock": "🔒",
    "memo": "📝",
    "wave": "👋",
    "information_source": "ℹ️",
    "arrow_right": "➡️",
    "small_blue_diamond": "🔹",
}
DATES = {
    "date_num": "yyyy-MM-dd",
    "date": "d MMMM yyyy",
    "date_short": "d MMM yyyy",
    "date_long": "EEEE d MMMM yyyy",
    "date_pretty": "d MMMM yyyy",
    "date_short_pretty": "d MMM yyyy",
    "date_long_pretty": "EEEE d MMMM yyyy",
    "time": "HH:mm",
    "time_secs": "HH:mm:ss",
}
BROADCASTS = ("here", "channel", "everyone")
_SAFE = re.compile(r"(https?|mailto|tel):", re.IGNORECASE)
_PRE = re.compile(r"```\n?(.+?)```", re.DOTALL)
_TOKEN = re.compile(r"<([^<>\n]+)>|`([^`\n]+)`")
_STYLES = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), r"<strong>\1</strong>"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), r"<em>\1</em>"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), r"<s>\1</s>"),
)
_SHORTCODE = re.compile(r":([a-z0-9_+-]+):")
_HOLE = re.compile(r"\uE000(\d+)\uE001")


@dataclass(frozen=True, slots=True)
class Reader:
    """Whoever reads: `people` and `channels` are names by id; times are told in `zone`."""

    people: Mapping[str, str]
    channels: Mapping[str, str]
    zone: str = "Europe/Paris"
    locale: str = "fr"


def shown(text: str, reader: Reader) -> Markup:
    """`mrkdwn` as a reader sees it."""
    kept: list[Markup] = []

    def keep(piece: Markup) -> str:
        kept.append(piece)
        return f"\ue000{len(kept) - 1}\ue001"

    clean = re.sub("[\ue000\ue001]", "", text)
    rest = _PRE.sub(lambda match: keep(Markup("<pre>{}</pre>").format(_plain(match[1]))), clean)
    rest = _TOKEN.sub(lambda match: keep(_token(match, reader)), rest)
    return _filled(_quoted(_styled(_plain(rest))), kept)


def shown_plain(text: str) -> Markup:
    """`plain_text`: emoji, and nothing else."""
    return _broken(escape(_emoji(text)))


def words(text: str, reader: Reader) -> str:
    """Without markup, for a line of a list."""
    return shown(text, reader).striptags()


def _plain(text: str) -> Markup:
    unfolded = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return escape(_emoji(unfolded))


def _emoji(text: str) -> str:
    return _SHORTCODE.sub(lambda match: EMOJI.get(match[1], match[0]), text)


def _styled(text: Markup) -> Markup:
    for pattern, by in _STYLES:
        text = Markup(pattern.sub(by, str(text)))  # noqa: S704 - escaped before, and what is added is ours
    return text


def _quoted(text: Markup) -> Markup:
    parts: list[Markup] = []
    lines = text.split("\n")
    while lines:
        quoted = lines[0].startswith("&gt;")
        taken = []
        while lines and lines[0].startswith("&gt;") == quoted:
            taken.append(lines.pop(0))
        if quoted:
            inner = Markup("<br>").join(line.removeprefix("&gt;").strip() for line in taken)
            parts.append(Markup("<blockquote>{}</blockquote>").format(inner))
        else:
            parts.append(Markup("<br>").join(taken))
    return Markup("").join(parts)


def _broken(text: Markup) -> Markup:
    return Markup("<br>").join(text.split("\n"))


def _filled(text: Markup, kept: list[Markup]) -> Markup:
    return Markup(_HOLE.sub(lambda match: kept[int(match[1])], text))  # noqa: S704 - pieces escaped when kept


def _token(match: re.Match[str], reader: Reader) -> Markup:
    if match[2] is not None:
        return Markup("<code>{}</code>").format(_plain(match[2]))
    target, _, label = match[1].partition("|")
    makers: dict[str, Callable[[], Markup]] = {
        "@": lambda: _mention("@", reader.people.get(target[1:], label or target[1:])),
        "#": lambda: _mention("#", reader.channels.get(target[1:], label or target[1:])),
        "!": lambda: _special(target[1:], label, reader),
    }
    return makers.get(target[:1], lambda: _link(target, label))()


def _mention(sign: str, name: str) -> Markup:
    return Markup('<span class="mention">{}{}</span>').format(sign, name)


def _link(target: str, label: str) -> Markup:
    url = target.replace("&amp;", "&")
    if not _SAFE.match(url):
        return _plain(f"<{target}|{label}>" if label else f"<{target}>")
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(url, _plain(label or target))


def _special(target: str, label: str, reader: Reader) -> Markup:
    if target in BROADCASTS:
        return _mention("@", target)
    if not target.startswith("date^"):
        return _plain(label or target)
    _, seconds, pattern, *rest = [*target.split("^"), "", ""]
    if not seconds.isdigit():
        return _plain(label)
    at = datetime.fromtimestamp(int(seconds), UTC)
    for name, how in DATES.items():
        moment = format_datetime(at, how, tzinfo=ZoneInfo(reader.zone), locale=reader.locale)
        pattern = pattern.replace(f"{{{name}}}", moment)
    said = Markup('<time datetime="{}">{}</time>').format(at.isoformat(), _plain(pattern))
    link = rest[0]
    return Markup('<a href="{}" rel="noreferrer">{}</a>').format(link, said) if _SAFE.match(link) else said
