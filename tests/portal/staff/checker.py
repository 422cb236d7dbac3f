"""What holds for every page of the staff, checked on each one that a test fetches."""

import html
from collections.abc import Iterable
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from httpx import Response
from litestar import Litestar

from portal.staff.typeset import NO_BREAK
from tests.portal.checker import routes, said, template_of

NEEDS_LABEL = ("input", "select", "textarea")
UNLABELLED = ("hidden", "submit")
# Posted to before there is a session, or in the demo: the link is the authority, or nobody's secret is at stake.
WITHOUT_TOKEN = ("/staff/sign-in", "/staff/sign-in/link/{token:str}", "/staff/demo/{role:str}")


def check_staff_page(response: Response, app: Litestar) -> Element:
    """Returns the parsed page; a partial is parsed as the middle of one."""
    text = response.text
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    if not text.startswith("<!doctype html>"):
        text = f"<!doctype html><html lang='fr'><head><title>x</title></head><body>{text}</body></html>"
        tree: Element = parser.parse(text)
    else:
        tree = parser.parse(text)
        assert len(list(tree.iter("h1"))) == 1
        assert len(list(tree.iter("main"))) == 1
        assert [said(title).endswith("Reprise") for title in tree.iter("title")] == [True]
    every = list(tree.iter())
    assert tree.get("lang"), "a page says its language"
    _ids_are_unique(every)
    _everything_is_named(tree, every)
    _targets_are_real(every, app)
    assert not [e for e in every if e.get("style") or any(name.startswith("on") for name in e.attrib)]
    assert not list(tree.iter("style"))
    assert not [script for script in tree.iter("script") if said(script)]
    return tree


def as_read(page: str) -> str:
    """A page's source as somebody reads it: a space that no line breaks at is a space."""
    return html.unescape(page).replace(NO_BREAK, " ")


def _ids_are_unique(every: Iterable[Element]) -> None:
    ids = [element.attrib["id"] for element in every if "id" in element.attrib]
    assert len(ids) == len(set(ids)), sorted(one for one in ids if ids.count(one) > 1)


def _everything_is_named(tree: Element, every: Iterable[Element]) -> None:
    labelled = {label.get("for") for label in tree.iter("label")}
    inside = {field for label in tree.iter("label") for field in label.iter() if said(label)}
    ids = {element.get("id") for element in every}
    for element in every:
        if element.tag in ("button", "a", "summary", "legend", "h1", "h2", "h3", "label"):
            assert said(element) or element.get("aria-label"), f"an empty {element.tag}"
        if element.tag in NEEDS_LABEL and element.get("type") not in UNLABELLED:
            named = element.get("id") in labelled or element in inside or element.get("aria-label")
            assert named, f"no label for {element.get('name')}"
        if element.tag == "img":
            assert element.get("alt") is not None
        if element.tag == "iframe":
            assert element.get("title")
        for name in ("aria-describedby", "aria-labelledby"):
            assert set((element.get(name) or "").split()) <= ids, f"{name} leads nowhere"


def _targets_are_real(every: Iterable[Element], app: Litestar) -> None:
    for element in every:
        for name in ("href", "src", "action"):
            target = element.get(name)
            if target is not None:
                _check_target(element, target, app)
        if element.tag == "form" and element.get("method") == "post":
            _carries_the_token(element, app)


def _check_target(element: Element, target: str, app: Litestar) -> None:
    if target.startswith(("tel:", "mailto:", "sms:", "#", "data:")):
        return
    parts = urlsplit(target)
    if element.tag == "a" and parts.scheme == "https":
        return
    assert not parts.scheme, f"an address elsewhere: {target}"
    assert not parts.netloc, f"an address elsewhere: {target}"
    if parts.path.startswith("/static/") or not parts.path:
        return
    method = "POST" if element.tag == "form" and element.get("method") == "post" else "GET"
    assert (method, template_of(parts.path, app)) in routes(app), target


def _carries_the_token(form: Element, app: Litestar) -> None:
    action = form.get("action") or ""
    assert action, "a form says where it goes"
    if template_of(urlsplit(action).path, app) not in WITHOUT_TOKEN:
        assert [field for field in form.iter("input") if field.get("name") == "csrf"], f"{action} without its token"
