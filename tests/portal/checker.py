"""What holds for every page that a patient may get, checked on each one that a test fetches."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib
from httpx import Response
from litestar import Litestar

# What a page must never say, in any language: the care, the reason, the patient, the fault, the price.
FORBIDDEN = re.compile(
    r"psych|kiné|physio|dentai|dental|nutrition|diét|thérap|therap|diagnos|pathol|trouble|maladie|illness|médecin"
    r"|\bdr\b|docteur|doctor|manqué|missed|absen[ct]|lapin|€|tarif|\bprix\b|\bprice|\bfee\b|Alix|Martin"
    r"|traitement|treatment|suicid|retard|oubli",
    re.IGNORECASE,
)
NEEDS_LABEL = ("input", "select", "textarea")


def check_page(response: Response, app: Litestar) -> Element:
    """Returns the parsed page."""
    text = response.text
    assert text.startswith("<!doctype html>")
    tree: Element = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    every = list(tree.iter())
    _has_one_title_and_heading(tree)
    _ids_are_unique(every)
    _everything_is_labelled(every)
    _targets_are_real(every, app)
    _says_nothing_forbidden(tree)
    assert tree.get("lang"), "a page says its language"
    assert not [e for e in every if e.get("style") or any(name.startswith("on") for name in e.attrib)]
    return tree


def _has_one_title_and_heading(tree: Element) -> None:
    titles = [said(title) for title in tree.iter("title")]
    assert titles in (["Rendez-vous"], ["Appointment"])
    assert len(list(tree.iter("h1"))) == 1
    assert len(list(tree.iter("main"))) == 1


def _ids_are_unique(every: Iterable[Element]) -> None:
    ids = [element.attrib["id"] for element in every if "id" in element.attrib]
    assert len(ids) == len(set(ids))


def _everything_is_labelled(every: Iterable[Element]) -> None:
    for element in every:
        if element.tag in ("button", "a", "summary", "legend", "h1", "h2"):
            assert said(element), f"an empty {element.tag}"
        if element.tag in NEEDS_LABEL and element.get("type") != "hidden":
            raise AssertionError("these pages have no field to fill in")
        if element.tag == "fieldset":
            assert element[0].tag == "legend"
        assert element.tag not in ("img", "iframe", "object", "video")


def _targets_are_real(every: Iterable[Element], app: Litestar) -> None:
    for element in every:
        for name in ("href", "src", "action"):
            target = element.get(name)
            if target is not None:
                _check_target(element, target, app)
        if element.tag == "form":
            assert element.get("method") == "post", "a form that changes something must post"
            assert element.get("action")


def _check_target(element: Element, target: str, app: Litestar) -> None:
    if target.startswith(("tel:", "sms:")):
        assert re.fullmatch(r"(tel|sms):\+?\d+", target)
        return
    if target.startswith(("#", "data:,")):
        return
    parts = urlsplit(target)
    assert not parts.scheme, f"an address elsewhere: {target}"
    assert not parts.netloc, f"an address elsewhere: {target}"
    if parts.path.startswith("/static/"):
        return
    method = "POST" if element.tag == "form" else "GET"
    assert (method, template_of(parts.path, app)) in routes(app), target


def routes(app: Litestar) -> set[tuple[str, str]]:
    return {
        (str(method), route.path)
        for route in app.routes
        for method in getattr(route, "methods", ())
        if method != "OPTIONS"
    }


def template_of(path: str, app: Litestar) -> str:
    """`/r/xyz/book` as the route that serves it."""
    for _, template in routes(app):
        pattern = re.sub(r"\{[^}]+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and "path}" not in template:
            return template
    raise AssertionError(f"no route serves {path}")


def _says_nothing_forbidden(tree: Element) -> None:
    found = FORBIDDEN.search(" ".join(tree.itertext()))
    assert not found, f"the page says {found and found[0]!r}"
    for element in tree.iter():
        for value in element.attrib.values():
            assert not FORBIDDEN.search(value.partition("/r/")[0]), value


def said(element: Any) -> str:
    return " ".join("".join(element.itertext()).split())


def main_text(tree: Element) -> str:
    (main,) = tree.iter("main")
    return said(main)
