"""The staff's pages as a stranger finds them: every route that there is, every page that a link leads to, and every
form on those pages. A page that is added tomorrow is walked without being named here."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit
from xml.etree.ElementTree import Element

import httpx
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from portal.staff.permissions import Guard, May
from tests.portal.checker import routes
from tests.portal.conftest import FORM
from tests.portal.staff.checker import check_staff_page
from tests.portal.staff.desk import Desk

# Ways in, which have no session yet.
DOORS = ("/staff/sign-in",)
NOWHERE = "nowhere00000"
# What ends the session that walks.
LEAVING = ("/staff/sign-out", "/staff/account/sign-out-everywhere")
# What a person types; the rest of a form was chosen for them.
TYPED = ("text", "search", "email", "tel", "")


@dataclass(frozen=True)
class Place:
    method: str
    path: str
    needs: tuple[May, ...]

    def with_(self, value: str, number: str = "1") -> str:
        return re.sub(r"\{[^}]*:int\}", number, re.sub(r"\{[^}]*:str\}", value, self.path))


def handlers(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute) and (route.path == "/staff" or route.path.startswith("/staff/")):
            for handler in route.route_handlers:
                yield route.path, handler


def every_place(app: Litestar) -> list[Place]:
    """Every route, those of the sign-in included."""
    found = []
    for path, handler in handlers(app):
        guards = [one for one in handler.guards or () if isinstance(one, Guard)]
        needs = tuple(need for one in guards for need in one.needs)
        found += [Place(str(method), path, needs) for method in handler.http_methods if method != "OPTIONS"]
    return sorted(found, key=lambda place: (place.path, place.method))


def places(app: Litestar) -> list[Place]:
    """Every route of a signed-in page."""
    return [place for place in every_place(app) if not place.path.startswith(DOORS)]


async def send(client: httpx.AsyncClient, place: Place, value: str, csrf: str = "") -> httpx.Response:
    data = {"csrf": csrf} if csrf else None
    return await client.request(place.method, place.with_(value), data=data, headers=FORM)


@dataclass(frozen=True)
class Form:
    """`typed` are the names of what a person writes; `fields` is what a browser would send of the rest."""

    template: str
    action: str
    fields: dict[str, str]
    typed: tuple[str, ...]

    @property
    def kind(self) -> tuple[str, str, tuple[str, ...]]:
        return self.template, urlsplit(self.action).path.rpartition("/")[2], self.typed


@dataclass
class Walked:
    """One or a few pages of each route, by address; the forms that post; and every name of a query that was met."""

    pages: dict[str, Element] = field(default_factory=dict)
    forms: list[Form] = field(default_factory=list)
    queries: set[str] = field(default_factory=lambda: {"notice"})

    def templates(self, app: Litestar) -> set[str]:
        return {route_of("GET", path, app) for path in self.pages}


def route_of(method: str, path: str, app: Litestar) -> str:
    """Of two routes that would serve the address, the one that says more of it."""
    fitting = [
        template
        for its_method, template in routes(app)
        if its_method == method and re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", template), urlsplit(path).path)
    ]
    return min(fitting, key=lambda template: template.count("{"))


async def walk(desk: Desk, *starts: str, each: int = 1) -> Walked:
    """From page to page, `each` times for each route, checking every page."""
    found, waiting, met = Walked(), list(starts), dict[str, int]()
    while waiting:
        path = waiting.pop(0).partition("#")[0]
        if path in found.pages or not path.startswith("/staff"):
            continue
        template = route_of("GET", path, desk.app)
        if met.get(template, 0) >= each:
            continue
        met[template] = met.get(template, 0) + 1
        answer = await desk.client.get(path)
        if answer.is_redirect:
            waiting.append(answer.headers["location"])
            continue
        assert answer.status_code in (200, 204), (path, answer.status_code)
        found.queries |= {name for name, _ in parse_qsl(urlsplit(path).query)}
        if answer.status_code == 200:
            found.pages[path] = tree = check_staff_page(answer, desk.app)
            waiting += _ways_on(tree)
            found.forms += [one for one in _forms(tree, desk.app) if _is_new(one, found.forms)]
            found.queries |= {name for form in tree.iter("form") if form.get("method") != "post" for name in _of(form)}
    return found


def _ways_on(tree: Element) -> list[str]:
    every = list(tree.iter())
    links = [one.get("href") for one in every if one.tag == "a"]
    # What a page asks for by itself, told of nothing that it has: so that it answers.
    news = [re.sub(r"version=[^&]*", "version=x", one.get("data-hx-get") or "") for one in every]
    return [one for one in (*links, *news) if one]


def _is_new(form: Form, known: list[Form]) -> bool:
    """One route may have several forms: of another name at the end of its address, or with another field to fill."""
    return all(form.kind != one.kind for one in known)


def _forms(tree: Element, app: Litestar) -> Iterator[Form]:
    for form in tree.iter("form"):
        if form.get("method") != "post":
            continue
        fields = _of(form)
        typed = tuple(
            one.get("name") or ""
            for one in form.iter()
            if (one.tag == "input" and (one.get("type") or "") in TYPED) or one.tag == "textarea"
        )
        actions = {form.get("action") or "", *(one.get("formaction") or "" for one in form.iter("button"))} - {""}
        for action in sorted(actions):
            yield Form(route_of("POST", action, app), action, fields, typed)


def _of(form: Element) -> dict[str, str]:
    """What a browser sends: of buttons and choices the first."""
    found: dict[str, str] = {}
    for one in form.iter():
        name = one.get("name")
        if name is None or one.get("disabled") is not None or name in found:
            continue
        if one.tag == "select":
            found[name] = next((option.get("value") or "" for option in one.iter("option")), "")
        elif one.tag == "textarea":
            found[name] = "".join(one.itertext())
        elif one.tag in ("input", "button"):
            found[name] = one.get("value") or ""
    return found
