"""The workspace as one person sees it, for the demo's page: pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from babel.dates import format_datetime
from markupsafe import Markup

from portal.demo.slack.accounts import APP_NAME, BOT_USER
from portal.demo.slack.double import MOUNTED, SlackDouble
from portal.demo.slack.mrkdwn import Reader, shown, words
from portal.demo.slack.person import TROUBLE, Person
from portal.demo.slack.shapes import JSON
from portal.demo.slack.shown import Look, ShownBlock, shown_blocks
from portal.demo.slack.things import Channel, Message, User, View

HOME = "home"
MOST_SHOWN = 100


@dataclass(frozen=True, slots=True)
class Where:
    """Who looks, at which conversation (a channel's id, or `home`), with which thread open."""

    me: str
    c: str
    t: str = ""

    def url(self, *, anchor: str = "", **more: str | int) -> str:
        query = {"me": self.me, "c": self.c, "t": self.t, **more}
        asked = urlencode({name: value for name, value in query.items() if value != ""})
        return f"{MOUNTED}?{asked}{f'#{anchor}' if anchor else ''}"


@dataclass(frozen=True, slots=True)
class Line:
    url: str
    title: str
    detail: str
    current: bool


@dataclass(frozen=True, slots=True)
class ShownMessage:
    """`whisper`: for the reader's eyes alone. `fallback` is what a notification reads out."""

    ts: str
    anchor: str
    author: str
    at: str
    html: Markup
    blocks: list[ShownBlock]
    fallback: str
    by_app: bool
    edited: bool = False
    whisper: bool = False
    version: int = 0
    answers: int = 0
    thread_url: str = ""


@dataclass(frozen=True, slots=True)
class ShownView:
    key: str
    title: Markup
    submit: Markup | None
    close: Markup
    blocks: list[ShownBlock]
    trouble: str | None


@dataclass(frozen=True, slots=True)
class SlackPage:
    where: Where
    people: list[tuple[str, str, bool]]
    lines: list[Line]
    title: str
    archived: bool
    messages: list[ShownMessage]
    home: ShownView | None
    at_home: bool
    thread: list[ShownMessage]
    without_thread: str
    modal: ShownView | None
    trouble: str | None
    news: str
    modal_news: str
    modal_key: str
    faults: list[str] = field(default_factory=list)


def where_of(slack: SlackDouble, query: Mapping[str, str]) -> Where:
    """What is not known falls back on the first person, and on where something was said last."""
    users = [user for user in slack.workspace.users.values() if not user.is_bot]
    me = next((user.id for user in users if user.id == query.get("me")), users[0].id if users else "")
    if not me:
        return Where("", HOME)
    # As in Slack, the app stands among somebody's conversations before it has said a word.
    slack.workspace.direct_message(me)
    chosen = query.get("c", "")
    if chosen != HOME and chosen not in {channel.id for channel in slack.workspace.conversations(me)}:
        chosen = _liveliest(slack, me)
    thread = query.get("t", "")
    return Where(me, chosen, thread if thread in slack.workspace.messages.get(chosen, {}) else "")


def _liveliest(slack: SlackDouble, me: str) -> str:
    """The conversation with the newest message; where none has any, the app's direct message."""
    newest = {
        channel.id: [each.ts for each in slack.workspace.timeline(channel.id, viewer=me)][-1:]
        for channel in reversed(slack.workspace.conversations(me))
    }
    return max(newest, key=newest.__getitem__)


def page_of(slack: SlackDouble, where: Where, *, trouble: bool = False) -> SlackPage:
    space = slack.workspace
    person = Person(slack, where.me)
    reader = reader_of(slack, person.user)
    channel = space.channels.get(where.c)
    modal = _view(person.modal, reader) if person.modal is not None else None
    key = modal.key if modal else "none"
    people = [(user.id, _named(user), user.id == where.me) for user in space.users.values() if not user.is_bot]
    return SlackPage(
        where=where,
        people=people,
        lines=[_line(slack, each, where, reader) for each in space.conversations(where.me)],
        title=_title(channel) if channel is not None else "Accueil",
        archived=channel is not None and channel.is_archived,
        messages=[_message(slack, each, where, reader) for each in person.messages(where.c)[-MOST_SHOWN:]]
        if channel is not None
        else [],
        home=_view(person.home, reader) if person.home is not None else None,
        at_home=where.c == HOME,
        thread=[
            _message(slack, each, where, reader, scope="f") for each in space.thread(where.c, where.t, viewer=where.me)
        ]
        if where.t
        else [],
        without_thread=Where(where.me, where.c).url(),
        modal=modal,
        trouble=TROUBLE if trouble else None,
        news=where.url(seen=space.revision),
        modal_news=where.url(modal=key),
        modal_key=key,
        faults=_faults(slack),
    )


def reader_of(slack: SlackDouble, user: User) -> Reader:
    space = slack.workspace
    return Reader(
        people={each.id: each.real_name for each in space.users.values()},
        channels={each.id: each.name for each in space.channels.values() if each.user is None},
        zone=user.tz,
        locale=user.locale.partition("-")[0],
    )


def anchor_of(ts: str, scope: str = "m") -> str:
    """`scope`: `m` in its conversation, `f` in its thread."""
    return f"{scope}{ts.replace('.', '-')}"


def modal_key(view: View | None) -> str:
    """Changes whenever the modal looks otherwise."""
    if view is None:
        return "none"
    return f"{view.id}.{view.hash}.{len(view.errors)}.{'t' if view.trouble else ''}"


def _message(slack: SlackDouble, message: Message, where: Where, reader: Reader, *, scope: str = "m") -> ShownMessage:
    author = slack.workspace.users[message.author].real_name if message.author in slack.workspace.users else "?"
    answers = slack.workspace.thread(message.channel, message.ts, viewer=where.me)[1:]
    said = Markup("<em>Ce message a été supprimé.</em>") if message.tombstone else shown(message.text, reader)
    return ShownMessage(
        ts=message.ts,
        anchor=anchor_of(message.ts, scope),
        author=author,
        at=_moment(message.ts, reader),
        html=said,
        blocks=shown_blocks(message.blocks, Look(reader)),
        fallback=words(message.text, reader),
        by_app=message.author == BOT_USER,
        edited=message.edited is not None,
        whisper=message.ephemeral_to is not None,
        version=len(message.versions) - 1,
        answers=len(answers),
        thread_url=Where(where.me, message.channel, message.ts).url(anchor="fil"),
    )


def _view(view: View, reader: Reader) -> ShownView:
    look = Look(reader, view.values, view.errors)
    return ShownView(
        key=modal_key(view),
        title=_label(view.body, "title", APP_NAME, reader) or Markup(),
        submit=_label(view.body, "submit", None, reader),
        close=_label(view.body, "close", "Annuler", reader) or Markup(),
        blocks=shown_blocks(view.blocks, look),
        trouble=view.trouble,
    )


def _label(body: JSON, name: str, default: str | None, reader: Reader) -> Markup | None:
    said: Any = (body.get(name) or {}).get("text", default)
    return shown(str(said), reader) if said is not None else None


def _line(slack: SlackDouble, channel: Channel, where: Where, reader: Reader) -> Line:
    seen = slack.workspace.timeline(channel.id, viewer=where.me)
    detail = words(seen[-1].text, reader) if seen else ""
    return Line(Where(where.me, channel.id).url(), _title(channel), detail, channel.id == where.c)


def _title(channel: Channel) -> str:
    if channel.user is not None:
        return APP_NAME
    return f"# {channel.name} (privé)" if channel.is_private else f"# {channel.name}"


def _named(user: User) -> str:
    return f"{user.real_name} (compte désactivé)" if user.deleted else user.real_name


def _moment(ts: str, reader: Reader) -> str:
    at = datetime.fromtimestamp(int(ts.partition(".")[0]), UTC)
    return format_datetime(at, "EEE d MMM, HH:mm", tzinfo=ZoneInfo(reader.zone), locale=reader.locale)


def _faults(slack: SlackDouble) -> list[str]:
    said = {
        "slow": "répond lentement",
        "limit": "limite le nombre de requêtes",
        "fail": "est en panne",
        "refuse": "refuse les requêtes",
        "reset": "coupe la connexion",
        "drop_answer": "coupe la connexion avant de répondre",
    }
    found = [
        f"Slack {said[fault.kind]} ({', '.join(sorted(fault.methods)) or 'tout'})" for fault in slack.control.faults
    ]
    states = {"token_revoked": "Le jeton est révoqué", "account_inactive": "L’application est retirée"}
    return found + [states[state] for state in [slack.control.token_state] if state in states]
