"""The style sheet of the patient's pages, made small once for the process.

It stands inside each page rather than beside it: on a slow telephone that saves a round trip before the first line
shows, and the whole first view stays within one congestion window.
"""

import re
from pathlib import Path

SHEET = Path(__file__).resolve().parents[1] / "static" / "css" / "patient.css"


def compact(sheet: str) -> str:
    """Without comments and without the white space that means nothing."""
    bare = re.sub(r"/\*.*?\*/", "", sheet, flags=re.DOTALL)
    bare = re.sub(r"\s+", " ", bare)
    return re.sub(r" ?([{};,>]) ?|(:) ", r"\1\2", bare).replace(";}", "}").strip()


STYLES = compact(SHEET.read_text(encoding="utf-8"))
