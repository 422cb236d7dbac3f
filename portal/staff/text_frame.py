"""What the pages of the texts need of the browser: a style sheet of their own, and an email shown inside the page.

The email stands in a sandboxed frame's `srcdoc`, which takes the page's policy over: the one style of the emails is let
in by its hash, and nothing else that an email might hold.
"""

import base64
import hashlib
import re

from jobs.messages.languages import MESSAGES
from portal.headers import STAFF_POLICY
from portal.render import ROOT

SHEET = ROOT / "static" / "css" / "staff_texts.css"
CSS = f"/static/css/staff_texts.css?v={hashlib.sha256(SHEET.read_bytes()).hexdigest()[:12]}"


def _mail_style() -> str:
    layout = (MESSAGES / "_layout" / "email.html").read_text(encoding="utf-8")
    found = re.search(r"<style>(.*?)</style>", layout, re.DOTALL)
    assert found is not None
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


HEADERS = {"Content-Security-Policy": STAFF_POLICY.replace("style-src 'self'", f"style-src 'self' {_mail_style()}")}
