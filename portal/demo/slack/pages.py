"""The page of the workspace in the demo: choose who you are, read, press, fill in, type a command."""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qs

from litestar import MediaType, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect, Template

from portal.demo.pages import requires_same_site
from portal.demo.slack.control import UnknownOrder
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.page import HOME, Where, anchor_of, modal_key, page_of, where_of
from portal.demo.slack.person import NotSent, Person
from portal.demo.slack.shapes import JSON
from portal.demo.slack.shown import linked, pressed, values_of
from portal.demo.slack.things import Message

Asked = Request[Any, Any, Any]
Form = dict[str, list[str]]
STEP_S = 0.05


@get("/")
async def show(request: Asked, slack: NamedDependency[SlackDouble]) -> Response[Any]:
    query = dict(request.query_params)
    where = where_of(slack, query)
    if not where.me:
        return Response("Cet espace de travail est vide.", media_type=MediaType.TEXT)
    if query.get("seen") == str(slack.workspace.revision):
        return Response(None, status_code=204)
    if query.get("modal") == modal_key(slack.workspace.modal(where.me)):
        return Response(None, status_code=204)
    page = page_of(slack, where, trouble="trouble" in query)
    return Template("demo/slack.html", context={"page": page})


@get("/archives/{channel:str}/{place:str}")
async def follow_permalink(
    request: Asked, slack: NamedDependency[SlackDouble], channel: FromPath[str], place: FromPath[str]
) -> Redirect:
    ts = f"{place[1:-6]}.{place[-6:]}"
    message = slack.workspace.message(channel, ts)
    if message is None:
        raise NotFoundException
    head = message.thread_ts if message.thread_ts not in (None, ts) else ""
    asked = {"me": request.query_params.get("me", ""), "c": channel, "t": head or ""}
    return Redirect(where_of(slack, asked).url(anchor=anchor_of(ts, "f" if head else "m")), status_code=303)


@post("/press", guards=[requires_same_site], status_code=303)
async def press(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)
    return await _done(slack, form, lambda person: _press(slack, person, form))


@get("/follow", guards=[requires_same_site])
async def follow(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    """A button or a choice that is a link, too: the app hears of it, as from Slack."""
    form = {name: [value] for name, value in request.query_params.items()}
    person = Person(slack, where_of(slack, dict(request.query_params)).me)
    try:
        _, blocks = _surface(slack, person, form)
        url = linked(blocks, _one(form, "press"))
        await _press(slack, person, form)
    except (LookupError, ValueError):
        raise NotFoundException from None
    return Redirect(url, status_code=303)


@post("/submit", guards=[requires_same_site], status_code=303)
async def submit(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)

    async def act(person: Person) -> None:
        view = person.modal
        if view is not None:
            with suppress(NotSent):
                await person.submit(values_of(view.blocks, form, person.user.tz))

    return await _done(slack, form, act)


@post("/close", guards=[requires_same_site], status_code=303)
async def close(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    async def act(person: Person) -> None:
        with suppress(LookupError):
            await person.close()

    return await _done(slack, await _form(request), act)


@post("/command", guards=[requires_same_site], status_code=303)
async def command(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)
    line = _one(form, "line").strip()

    async def act(person: Person) -> None:
        if line.startswith("/") and len(line) > 1:
            place = where_of(slack, _flat(form)).c
            await person.command(line, channel=None if place == HOME else place)

    return await _done(slack, form, act)


@post("/home", guards=[requires_same_site], status_code=303)
async def open_home(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)

    async def act(person: Person) -> None:
        await person.open_home()

    return await _done(slack, form | {"c": [HOME], "t": []}, act)


@post("/delete", guards=[requires_same_site], status_code=303)
async def delete(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)

    async def act(person: Person) -> None:
        message = slack.workspace.message(_one(form, "channel"), _one(form, "ts"))
        if message is not None:
            await person.delete(message)

    return await _done(slack, form, act)


@get("/faults")
async def show_faults(request: Asked, slack: NamedDependency[SlackDouble]) -> Template:
    where = where_of(slack, dict(request.query_params))
    calls = list(slack.record)[:-51:-1]
    page = page_of(slack, where)
    space = slack.workspace
    return Template(
        "demo/slack_faults.html",
        context={
            "page": page,
            "calls": calls,
            "channels": [each for each in space.channels.values() if each.user is None],
            "users": [each for each in space.users.values() if not each.is_bot],
        },
    )


@post("/faults", guards=[requires_same_site], status_code=303)
async def give_order(request: Asked, slack: NamedDependency[SlackDouble]) -> Redirect:
    form = await _form(request)
    named: dict[str, Any] = {"seconds": 5.0} if _one(form, "do") == "slow" else {}
    with suppress(UnknownOrder):
        slack.control.order(_one(form, "do"), *form.get("to", []), **named)
    where = where_of(slack, _flat(form))
    return Redirect(where.url().replace("?", "/faults?", 1), status_code=303)


async def _done(slack: SlackDouble, form: Form, act: Callable[[Person], Coroutine[Any, Any, None]]) -> Redirect:
    """The act, and the page with what came of it."""
    where = where_of(slack, _flat(form))
    person, before = Person(slack, where.me), slack.workspace.revision
    known = _whispers(person, where)
    await act(person)
    await _settled(slack, before)
    more: dict[str, str | int] = {"trouble": 1} if person.trouble else {}
    said = _whispers(person, where) - known
    anchor = anchor_of(max(said)) if said else _one(form, "anchor")
    anchor = "modale" if person.modal is not None else anchor
    return Redirect(where.url(anchor=anchor, **more), status_code=303)


def _whispers(person: Person, where: Where) -> set[str]:
    """What stands in the conversation itself for these eyes alone."""
    return {each.ts for each in person.whispers(where.c) if each.thread_ts is None}


async def _press(slack: SlackDouble, person: Person, form: Form) -> None:
    try:
        message, blocks = _surface(slack, person, form)
        block, element, option = pressed(blocks, _one(form, "press"))
    except (LookupError, ValueError):
        # Gone or changed since the page was made: in Slack, too, nothing then happens.
        return
    values = values_of(blocks, form, person.user.tz)
    value = option if option is not None else values.get((block["block_id"], element["action_id"]))
    named = {"block_id": block["block_id"], "values": values}
    if message is not None:
        version = int(_one(form, "version") or -1)
        await person.press(message, element["action_id"], value, version=version, **named)
        return
    view = person.modal if _one(form, "surface") == "modal" else person.home
    if view is not None:
        await person.press_in_view(view, element["action_id"], value, **named)


def _surface(slack: SlackDouble, person: Person, form: Form) -> tuple[Message | None, list[JSON]]:
    """The blocks that were before the person's eyes, and their message, if it is one."""
    surface = _one(form, "surface")
    if surface == "message":
        message = slack.workspace.message(_one(form, "channel"), _one(form, "ts"))
        if message is None or message.ephemeral_to not in (None, person.user.id):
            raise LookupError(surface)
        return message, message.version(int(_one(form, "version") or -1))
    view = person.modal if surface == "modal" else person.home
    if view is None:
        raise LookupError(surface)
    return None, view.blocks


async def _settled(slack: SlackDouble, before: int) -> None:
    waited, last = 0.0, before
    while waited < slack.settling:
        await asyncio.sleep(STEP_S)
        waited += STEP_S
        now = slack.workspace.revision
        if now != before and now == last:
            return
        last = now


async def _form(request: Asked) -> Form:
    return parse_qs((await request.body()).decode(), keep_blank_values=True)


def _one(form: Form, name: str) -> str:
    return next(iter(form.get(name, [])), "")


def _flat(form: Form) -> dict[str, str]:
    return {name: values[0] for name, values in form.items() if values}


PAGES = (show, follow_permalink, press, follow, submit, close, command, open_home, delete, show_faults, give_order)
