"""What a stranger writes where a name is asked for, and whether it became more than text."""

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

import html5lib

# Ends an attribute, an element and a script, whichever it lands in; then an element that nobody else uses.
NASTY = "</script>\"'><x-evil onclick=x>&"


def injected(tree: Element) -> list[str]:
    """What of it became more than text."""
    found = []
    for one in tree.iter():
        if "evil" in str(one.tag) or any("evil" in name or name.startswith("on") for name in one.attrib):
            found.append(str(one.tag))
        for name in ("href", "src", "action", "formaction", "data-hx-get", "data-hx-post"):
            target = one.get(name) or ""
            if "evil" in target or urlsplit(target).scheme not in ("", "tel", "mailto", "sms", "data", "https"):
                found.append(f"{one.tag} {name}={target}")
        # The preview of an email stands in an attribute, as a page of its own.
        if one.get("srcdoc"):
            assert one.get("sandbox") == "", "a frame of what somebody wrote runs nothing"
            found += injected(parsed(one.get("srcdoc") or ""))
    return found


def parsed(text: str) -> Element:
    tree: Element = html5lib.HTMLParser(namespaceHTMLElements=False).parse(text)
    return tree
