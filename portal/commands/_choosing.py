"""A plan, a speciality and a language by their names, with the known ones where a name is wrong."""

from db.errors import Refused
from jobs.messages.catalogue import shipped
from jobs.messages.languages import languages


def speciality_named(name: str) -> str:
    return _one_of(name, {key.speciality for key in shipped().every_key()}, "speciality")


def language_named(code: str) -> str:
    """Its region, `fr-CH`, is left out: texts have none."""
    return _one_of(code.replace("_", "-").split("-")[0].lower(), set(languages()), "language")


def _one_of(name: str, known: set[str], what: str) -> str:
    if name not in known:
        raise Refused(f"There is no {what} {name!r}. Known: {', '.join(sorted(known))}.")
    return name
