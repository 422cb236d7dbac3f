"""The double over HTTP: the Web API, the `response_url`s, and the orders that a test or a person gives."""

import json
from typing import Any
from urllib.parse import parse_qsl

from litestar import HttpMethod, MediaType, Request, Router, get, post, route
from litestar import Response as HttpResponse
from litestar.datastructures import State
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath

from portal.demo.pages import requires_same_site
from portal.demo.slack.control import UnknownOrder
from portal.demo.slack.double import MOUNTED, Response, SlackDouble
from portal.demo.slack.errors import SlackError
from portal.demo.slack.hangup import hang_up
from portal.demo.slack.methods import METHODS
from portal.demo.slack.pages import PAGES
from portal.demo.slack.shapes import JSON

Asked = Request[Any, Any, State]
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


@route("/api/{method:str}", http_method=[HttpMethod.GET, HttpMethod.POST], status_code=200)
async def call(request: Asked, method: FromPath[str], slack: NamedDependency[SlackDouble]) -> HttpResponse[Any]:
    try:
        given = await _given(request, takes_json=method not in METHODS or METHODS[method].json)
    except SlackError as refusal:
        return _sent(Response(refusal.body()))
    token = given.pop("token", None) or _bearer(request)
    return await _answered(request, await slack.call(method, token, given))


@post("/response/{token:str}", status_code=200)
async def respond(request: Asked, token: FromPath[str], slack: NamedDependency[SlackDouble]) -> HttpResponse[Any]:
    try:
        payload = await _given(request, takes_json=True)
    except SlackError as refusal:
        return _sent(Response(refusal.code, status=400))
    return await _answered(request, await slack.respond(token, payload))


@get("/control")
async def show_control(slack: NamedDependency[SlackDouble]) -> dict[str, Any]:
    """What is in force, and everything that was ever sent."""
    calls = [
        {
            "way": each.way,
            "method": each.method,
            "payload": each.payload,
            "at": each.at.isoformat(),
            "error": each.error,
        }
        for each in slack.record
    ]
    return {**slack.control.state(), "calls": calls, "problems": slack.record.problems()}


@post("/control", guards=[requires_same_site], status_code=200)
async def order(request: Asked, slack: NamedDependency[SlackDouble]) -> HttpResponse[dict[str, Any]]:
    """`{"do": "limit", "to": ["chat.update"], "retry_after": 2}`: `to` are the values, the rest is named."""
    try:
        given = await _given(request, takes_json=True)
        slack.control.order(str(given.pop("do", "")), *given.pop("to", []), **given)
    except (UnknownOrder, SlackError) as problem:
        return HttpResponse({"problem": str(problem)}, status_code=400)
    return HttpResponse(dict(slack.control.state()))


def _bearer(request: Asked) -> str | None:
    kind, _, token = request.headers.get("authorization", "").partition(" ")
    return token if kind.lower() == "bearer" else None


async def _given(request: Asked, *, takes_json: bool) -> JSON:
    """The query, and over it the body."""
    given: JSON = dict(parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True))
    body = await request.body()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not body:
        return given
    if kind == FORMS[0]:
        return given | dict(parse_qsl(body.decode(), keep_blank_values=True))
    if kind == FORMS[1]:
        return given | {name: value for name, value in (await request.form()).items() if isinstance(value, str)}
    if kind != "application/json":
        raise SlackError("invalid_post_type")
    if not takes_json:
        return given
    try:
        found = json.loads(body)
    except ValueError:
        raise SlackError("invalid_json") from None
    if not isinstance(found, dict):
        raise SlackError("json_not_object")
    return given | found


async def _answered(request: Asked, response: Response) -> HttpResponse[Any]:
    if response.dropped is not None and not await hang_up(request):
        return _sent(Response("", status=502))
    return _sent(response)


def _sent(response: Response) -> HttpResponse[Any]:
    if isinstance(response.body, dict):
        content, kind = json.dumps(response.body), "application/json; charset=utf-8"
    else:
        content, kind = response.body, MediaType.HTML if response.status >= 500 else MediaType.TEXT
    return HttpResponse(content, status_code=response.status, headers=response.headers, media_type=kind)


def slack_router(slack: SlackDouble) -> Router:
    """Everything of the double under `/slack`, its page included."""
    return Router(
        MOUNTED,
        route_handlers=[call, respond, show_control, order, *PAGES],
        dependencies={"slack": Provide(lambda: slack, sync_to_thread=False)},
    )
