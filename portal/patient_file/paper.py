"""A patient's file as one page that stands alone: to be read on a screen, or printed on A4."""

from datetime import datetime
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from db.queries.export import PatientFile
from portal.patient_file.sections import Sayer, sections
from portal.styles import compact

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "export"


def as_html(file: PatientFile, say: Sayer, *, practice: str, made_at: datetime) -> str:
    return _template().render(
        language=say.teller.words.language,
        title=say.label("title"),
        made=say.label("made", moment=say.moment(made_at), practice=practice),
        about=say.label("about"),
        private=say.label("private"),
        sections=sections(file, say),
    )


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    sheet = compact((FOLDER / "patient.css").read_text(encoding="utf-8"))
    environment.globals["styles"] = Markup(sheet)  # noqa: S704 - our own file
    return environment.get_template("patient.html")
