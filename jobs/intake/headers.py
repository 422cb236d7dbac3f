"""Which column holds what: by the map first, then by synonym; a doubt is an error, never a guess."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from db.states import AppointmentStatus
from jobs.intake.dates import Moment, Order, read_moment
from jobs.intake.fields import SEVERAL, Field
from jobs.intake.folding import fold_header
from jobs.intake.mapping import FileMap
from jobs.intake.refusal import IntakeRefused
from jobs.intake.values import clean
from jobs.intake.vocabulary import field_of
from jobs.intake.words import NO_SHOW, flag_of, is_nothing, yes_or_no

SHOWN = 25
SHOWN_LETTERS = 40
# Rank of a lone "ID" or "N°", and of a lone "Patient": what they hold depends on the columns beside them.
BARE_NUMBER, BARE_PATIENT = 4, 3
# Fields that nothing important hangs on: of two columns the first is as good.
LESSER = frozenset({Field.END, Field.DURATION, Field.LANGUAGE, Field.AGE, Field.SPECIALITY})
# Words by which the header of a whole name tells where the first name stands in it.
FIRST_NAMES = frozenset({"prenom", "prenoms", "vorname", "nome", "voornaam", "first", "firstname", "given"})
_TELLS_ATTENDANCE = (NO_SHOW, AppointmentStatus.ATTENDED)


@dataclass(frozen=True, slots=True)
class StatusColumn:
    index: int
    yes: AppointmentStatus | None  # what yes means in it; None for a column of words
    ticks: bool = False  # nobody writes "no" in it: an empty box is a no


@dataclass(frozen=True, slots=True)
class Columns:
    """Positions in a row. `names` holds the headers of everything recognised, in the file's order."""

    headers: tuple[str, ...]
    single: Mapping[Field, int]
    phones: tuple[int, ...]
    emails: tuple[int, ...]
    statuses: tuple[StatusColumn, ...]
    last_name_first: bool | None  # None where the header announces no order
    risk: Mapping[str, int]
    needed: int  # a row shorter than this lacks its date or its status

    @property
    def recognised(self) -> dict[int, str]:
        places = {*self.single.values(), *self.phones, *self.emails, *(one.index for one in self.statuses)}
        return {place: self.headers[place] for place in sorted(places)}


Candidates = dict[Field, list[tuple[int, int]]]  # (rank, index)


def headers_known(cells: Sequence[str], file_map: FileMap) -> int:
    """How many cells are headers that this importer or the map knows; a required one counts double."""
    mapped = {fold_header(header) for headers in file_map.columns.values() for header in headers}
    mapped |= {fold_header(header) for header in file_map.risk.headers()}
    if any(map(_looks_like_data, cells)):
        return 0
    count = 0
    for cell in map(clean, cells):
        header = fold_header(cell) if len(cell) <= 80 else ""
        if not header:
            continue
        named = field_of(header)
        flag = flag_of(header)
        count += bool(named or flag or header in mapped)
        count += bool(flag or header in mapped or (named and named[0] in (Field.DATE, Field.STATUS)))
    return count


def resolve(cells: Sequence[str], file_map: FileMap, sample: Sequence[Sequence[str]]) -> Columns:
    """Find the columns under a header line. `sample` holds rows after it: some columns show only by their cells."""
    headers = tuple(map(clean, cells))
    risk = {name: _find(headers, name, "[risk]") for name in sorted(file_map.risk.headers())}
    mapped = _mapped(headers, file_map, risk)
    taken = {*risk.values(), *(place for places in mapped.values() for place in places)}
    found, flags = _by_synonym(headers, taken)
    single: dict[Field, int] = {}
    _settle_numbers(headers, found, sample, mapped)
    _settle_dates(found, mapped)
    for field in Field:
        if field in SEVERAL:
            continue
        if field in mapped:
            single[field] = mapped[field][0]
        elif field in found:
            single[field] = _surest(field, found[field], headers)
    last_name_first = _settle_names(headers, single, mapped)
    statuses = _statuses(headers, found, flags, mapped, sample)
    phones, emails = _several(Field.PHONE, found, mapped), _several(Field.EMAIL, found, mapped)
    _require(headers, single, statuses, phones or emails)
    needed = 1 + max(single[Field.DATE], min(one.index for one in statuses))
    return Columns(headers, single, phones, emails, statuses, last_name_first, risk, needed)


def _mapped(headers: tuple[str, ...], file_map: FileMap, risk: Mapping[str, int]) -> dict[Field, tuple[int, ...]]:
    mapped = {
        field: tuple(_find(headers, name, "[columns]") for name in names) for field, names in file_map.columns.items()
    }
    for field, places in mapped.items():
        for place in places:
            if place in risk.values():
                raise IntakeRefused(
                    f"The map reads {headers[place]!r} both as {field} and under [risk]: what feeds the risk rules is "
                    "never kept, so it can be nothing else."
                )
    return mapped


def _find(headers: tuple[str, ...], name: str, section: str) -> int:
    wanted = clean(name)
    exact = [place for place, header in enumerate(headers) if header == wanted]
    near = exact or [place for place, header in enumerate(headers) if fold_header(header) == fold_header(wanted)]
    if len(near) == 1:
        return near[0]
    what = f"{len(near)} columns have that name" if near else "the file has no such column"
    raise IntakeRefused(f"The map names {name!r} under {section}, but {what} ({listed(headers)}).")


def _by_synonym(headers: tuple[str, ...], taken: set[int]) -> tuple[Candidates, list[tuple[int, AppointmentStatus]]]:
    found: Candidates = {}
    flags: list[tuple[int, AppointmentStatus]] = []
    for place, header in enumerate(headers):
        if place in taken or not header:
            continue
        folded = fold_header(header)
        flag = flag_of(folded)
        named = None if flag else field_of(folded)
        if flag is not None:
            flags.append((place, flag))
        elif named is not None:
            found.setdefault(named[0], []).append((named[1], place))
    return found, flags


def _settle_numbers(
    headers: tuple[str, ...],
    found: Candidates,
    sample: Sequence[Sequence[str]],
    mapped: Mapping[Field, tuple[int, ...]],
) -> None:
    """A lone "ID" is the patient's number, unless a better column is: then it is the appointment's. A column "Patient"
    holds names, or numbers."""
    numbers = found.get(Field.PATIENT_NUMBER, [])
    for rank, place in [*found.get(Field.FULL_NAME, [])]:
        if rank == BARE_PATIENT and _mostly_numbers(place, sample):
            found[Field.FULL_NAME].remove((rank, place))
            numbers.append((BARE_PATIENT, place))
    if not found.get(Field.FULL_NAME):
        found.pop(Field.FULL_NAME, None)
    bare = [one for one in numbers if one[0] == BARE_NUMBER]
    sure = [one for one in numbers if one[0] != BARE_NUMBER]
    known = bool(sure) or Field.PATIENT_NUMBER in mapped
    if known and len(bare) == 1 and Field.APPOINTMENT_NUMBER not in found:
        found[Field.APPOINTMENT_NUMBER] = bare
    numbers = sure if known else bare
    if numbers:
        found[Field.PATIENT_NUMBER] = numbers
    else:
        found.pop(Field.PATIENT_NUMBER, None)


def _mostly_numbers(place: int, sample: Sequence[Sequence[str]]) -> bool:
    cells = [row[place] for row in sample if place < len(row) and row[place].strip()]
    return bool(cells) and sum(any(map(str.isdigit, cell)) for cell in cells) * 2 > len(cells)


def _settle_dates(found: Candidates, mapped: Mapping[Field, tuple[int, ...]]) -> None:
    """Where no column is a date by its name, "Début" or "Heure RDV" holds date and time together."""
    if Field.DATE in mapped or Field.DATE in found or Field.TIME not in found:
        return
    best = min(found[Field.TIME])
    found[Field.DATE] = [best]
    rest = [one for one in found[Field.TIME] if one[0] > best[0]]
    found.pop(Field.TIME)
    if rest:
        found[Field.TIME] = rest


def _surest(field: Field, candidates: list[tuple[int, int]], headers: tuple[str, ...]) -> int:
    rank = min(candidates)[0]
    best = [place for one, place in candidates if one == rank]
    if len(best) > 1 and field not in LESSER:
        names = " and ".join(repr(_shown(headers[place])) for place in best)
        raise IntakeRefused(
            f"{len(best)} columns could hold the {_SAID.get(field, field.replace('_', ' '))}: {names}; "
            f'say which with --map ([columns] {field} = "...").'
        )
    return best[0]


def _settle_names(
    headers: tuple[str, ...], single: dict[Field, int], mapped: Mapping[Field, tuple[int, ...]]
) -> bool | None:
    """A "Name" beside a "First name" is the last name, and a "Nom" with no "Prénom" beside it the whole of it.

    Returns whether the whole name begins with the last one; None where the header ("Patient", "Nom") does not tell.
    """
    has = single.keys()
    if Field.FIRST_NAME in has and Field.LAST_NAME not in has and Field.FULL_NAME in has:
        single[Field.LAST_NAME] = single.pop(Field.FULL_NAME)
    elif Field.LAST_NAME in has and Field.FIRST_NAME not in has and Field.LAST_NAME not in mapped:
        place = single.pop(Field.LAST_NAME)
        single.setdefault(Field.FULL_NAME, place)
    if Field.FULL_NAME not in single:
        return None
    words = fold_header(headers[single[Field.FULL_NAME]]).split()
    return words[0] not in FIRST_NAMES if FIRST_NAMES & set(words) else None


def _statuses(
    headers: tuple[str, ...],
    found: Candidates,
    flags: list[tuple[int, AppointmentStatus]],
    mapped: Mapping[Field, tuple[int, ...]],
    sample: Sequence[Sequence[str]],
) -> tuple[StatusColumn, ...]:
    if Field.STATUS in mapped:
        pairs = [(place, flag_of(fold_header(headers[place]))) for place in mapped[Field.STATUS]]
    else:
        pairs = [*flags]
        if Field.STATUS in found:
            pairs = [(_surest(Field.STATUS, found[Field.STATUS], headers), None), *pairs]
    return tuple(StatusColumn(place, yes, yes is not None and _is_ticks(place, sample)) for place, yes in pairs)


def _is_ticks(place: int, sample: Sequence[Sequence[str]]) -> bool:
    """Some cells say yes, the others nothing at all."""
    cells = [row[place].strip() if place < len(row) else "" for row in sample]
    return any(cells) and all(is_nothing(cell) or yes_or_no(cell) is True for cell in cells)


def _several(field: Field, found: Candidates, mapped: Mapping[Field, tuple[int, ...]]) -> tuple[int, ...]:
    return mapped.get(field) or tuple(place for _, place in sorted(found.get(field, [])))


_SAID: Mapping[Field, str] = {
    Field.PATIENT_NUMBER: "patient's number",
    Field.APPOINTMENT_NUMBER: "appointment's number",
    Field.DATE: "date of the appointment",
    Field.TIME: "time of the appointment",
    Field.STATUS: "status of the appointment",
}


def _require(
    headers: tuple[str, ...],
    single: Mapping[Field, int],
    statuses: tuple[StatusColumn, ...],
    addresses: tuple[int, ...],
) -> None:
    if Field.DATE not in single:
        raise _missing("the date of the appointment", 'date = "..."', headers)
    if not any(one.yes is None or one.yes in _TELLS_ATTENDANCE for one in statuses):
        raise _missing("the status of the appointment (kept, missed, cancelled)", 'status = "..."', headers)
    named = Field.LAST_NAME in single or Field.FULL_NAME in single
    if not (Field.PATIENT_NUMBER in single or addresses or (named and Field.BIRTH_DATE in single)):
        raise _missing(
            "what tells one patient from another (a patient number, an e-mail, a telephone, or name and birth date)",
            'patient_number = "..."',
            headers,
        )


def _missing(what: str, how: str, headers: tuple[str, ...]) -> IntakeRefused:
    return IntakeRefused(
        f"No column was found for {what}; {listed(headers)}. Name it in a map: --map MAP.toml with [columns] {how}."
    )


def listed(headers: Iterable[str]) -> str:
    """The headers for an error sentence; nothing of them where the first line looks like a patient's row."""
    named = [header for header in headers if header]
    if any(map(_looks_like_data, named)):
        return "the file does not seem to begin with a line of headers"
    shown = ", ".join(map(_shown, named[:SHOWN]))
    return f"headers found: {shown}{', ...' if len(named) > SHOWN else ''}"


def _looks_like_data(cell: str) -> bool:
    digits = sum(map(str.isdigit, cell))
    return "@" in cell or digits > 4 or (digits > 0 and isinstance(read_moment(cell, Order()), Moment))


def _shown(header: str) -> str:
    return header if len(header) <= SHOWN_LETTERS else header[: SHOWN_LETTERS - 1] + "…"
