"""Yes, no, nothing and status words, as practices write them."""

import re
from collections.abc import Mapping

from db.states import AppointmentStatus
from jobs.intake.folding import fold, fold_header

NO_SHOW, ATTENDED, CANCELLED = (
    AppointmentStatus.NO_SHOW,
    AppointmentStatus.ATTENDED,
    AppointmentStatus.CANCELLED,
)
WAS_NOT_BROUGHT, BOOKED = AppointmentStatus.WAS_NOT_BROUGHT, AppointmentStatus.BOOKED

_YES = frozenset(
    {"yes", "y", "oui", "o", "1", "true", "vrai", "v", "x", "xx", "ja", "j", "si", "on", "checked", "coche"}
)
_NO = frozenset({"no", "n", "non", "0", "false", "faux", "f", "nein", "nee", "off", "unchecked"})
_TICKS, _CROSSED = frozenset("✓✔☑✅"), frozenset("☐")
_NOTHING = frozenset(
    {"", "na", "n/a", "n.a", "n. a", "null", "none", "nan", "nil", "inconnu", "inconnue", "unknown", "aucun", "aucune"}
    | {"néant", "neant", "non renseigné", "non renseigne", "non renseignée", "non renseignee", "n.r", "n.c", "nr", "nc"}
    | {"vide", "ref", "value", "undefined", "sans"}
)
_SIGNS = " -–—_./\\#!?*()[]<>:;,'\"…"
_LONGEST_NOTHING = 24
_FLOAT = re.compile(r"([01])[.,]0+")


def is_nothing(text: str) -> bool:
    """A cell that says that there is nothing: empty, a dash, N/A, #REF!, inconnu."""
    if not text or len(text) > _LONGEST_NOTHING or text[-1].isdigit():
        return not text.strip(_SIGNS)
    return text.casefold().strip(_SIGNS) in _NOTHING


def yes_or_no(text: str) -> bool | None:
    sign = text.strip()[:1]
    if sign in _TICKS or sign in _CROSSED:
        return sign in _TICKS
    whole = _FLOAT.fullmatch(text.strip())
    word = whole[1] if whole else fold(text)
    if word in _YES:
        return True
    return False if word in _NO else None


# Headers of columns that answer one question by yes or no, and what yes means there.
_FLAG_WORDS: Mapping[AppointmentStatus, str] = {
    NO_SHOW: "absent absente absence|no show|noshow|missed|manque manquee|lapin|dna|did not attend|not attended"
    "|non venu|non venue|pas venu|pas venue|non honore|non honoree|pas honore|non presente|non presentee|non presence"
    "|absence injustifiee|absence non justifiee|absence non excusee|absent non excuse|nicht erschienen|abwesend"
    "|assente|assenza|mancato|afwezig|niet verschenen|defaillant",
    ATTENDED: "present presente presence|venu|honore honoree|attended attendance|show|showed|showed up|show up|came"
    "|arrived|arrive arrivee|vu vue|seen|realise realisee|effectue effectuee|termine terminee|completed|checked in"
    "|anwesend|erschienen|presenza|aanwezig|verschenen",
    CANCELLED: "annule annulee annulation|cancelled canceled|cancellation|excuse excusee|absence excusee"
    "|absence justifiee|absent excuse|storniert|abgesagt|annullato|geannuleerd",
    WAS_NOT_BROUGHT: "non accompagne|non accompagnee|was not brought|not brought",
}
_AROUND = re.compile(
    r"\b(?:rdv|rendez vous|appointment|consultation|seance|visite?|patiente?|client|is|has|was|est|a ete|le|la|l|du|"
    r"de|des|au|ont?|flag|indicateur|termin|un)\b"
)


def _flags() -> dict[str, AppointmentStatus]:
    table: dict[str, AppointmentStatus] = {}
    for status, groups in _FLAG_WORDS.items():
        for group in groups.split("|"):
            words = group.split()
            # Genders of one word stand side by side; a phrase is taken whole.
            same = len(words) > 1 and all(word.startswith(words[0][:5]) for word in words)
            for phrase in words if same else [group]:
                table[phrase] = status
    return table


_FLAGS = _flags()


def flag_of(header: str) -> AppointmentStatus | None:
    """What yes means under a folded header such as `absent`, `rdv honore` or `no show`."""
    return _FLAGS.get(header) or _FLAGS.get(" ".join(_AROUND.sub(" ", header).split()))


# Read from the top; the first that is found decides. A word of the practitioner's own absence comes before
# the patient's, an excuse before an absence, and a negation before what it denies.
_STATUS_PATTERNS: tuple[tuple[AppointmentStatus | None, str], ...] = (
    # Denials of what would otherwise be found below: too rare to guess at, so a person reads them.
    (
        None,
        r"(?:non|pas|not|pas d|aucune?|jamais) (?:a |ete |un |d )?(?:absen|manque|missed|no ?show|annul|cancel|lapin)",
    ),
    (BOOKED, r"(?:pas|non) encore|not yet"),
    (
        WAS_NOT_BROUGHT,
        r"non accompagn|pas accompagn|(?:was |were )?not brought|wnb|non amen[ei]|pas amen[ei]|nicht gebracht",
    ),
    (
        NO_SHOW,
        r"(?:non|pas|in|jamais|sans|not|un) ?(?:excus|justifi|prevenu)|sans (?:prevenir|prevenance)|without notice|"
        r"unentschuldigt",
    ),
    (
        CANCELLED,
        r"annul|cancel|excus|prevenue?\b|decommand|desist|justifi|report(?!ed)|deplac|decal|reschedul|moved|postponed|supprim|"
        r"(?:praticien|medecin|docteur|dr|therapeute|cabinet|provider|doctor|clinician)\w* (?:\w+ )?absen|"
        r"absen\w* (?:du |de la |de l |de |of )?(?:praticien|medecin|docteur|dr|therapeute|cabinet|provider|doctor)|"
        r"abgesagt|abgemeldet|storniert|verschoben|disdett|spostat|rinviat|geannuleerd|afgezegd|verplaatst|"
        r"entered in error|revoked|refus",
    ),
    (
        NO_SHOW,
        r"no ?shows?\b|\bns\b|\bnsp\b|\bdna\b|\bfta\b|absen[tc]|lapin|(?:non|pas|jamais|not|never) (?:\w+ )?"
        r"(?:honore|venu|presente|vu\b|vue\b|arrive|attend|show|come|came|seen|kept|realise|effectue)|"
        r"(?:non|pas|jamais) (?:s est )?present|did(?:n t| not)|fail\w* to|missed|manque|rate\b|ratee\b|"
        r"non presentation|defaillan|faux ?bond|nicht (?:erschienen|gekommen|da)|fehlt|gefehlt|abwesend|versaumt|"
        r"assen[tz]|mancat|non (?:si e )?presentat|niet (?:verschenen|gekomen|opgedaagd)|afwezig|gemist",
    ),
    (
        BOOKED,
        r"(?:non|pas|a|en attente de) confirm|a venir|en attente\b(?! d)|upcoming|"
        r"\bopen\b|en attente de (?:confirm|valid)",
    ),
    (
        ATTENDED,
        r"present|presence|\bvenue?s?\b|honore|\bvue?s?\b|arrive|termine|\bfaite?s?\b|effectue|realise|accompli|"
        r"complet|attended|\bseen\b|\bdone\b|\bcame\b|checked|fulfilled|finished|\bshow(?:ed)?\b|en salle|"
        r"en consultation|en cours|in progress|in ?room|with doctor|acheve|clotur|closed|\bkept\b|recu\b|recue\b|"
        r"erschienen|anwesend|wahrgenommen|erledigt|abgeschlossen|effettuat|eseguit|conclus|aanwezig|verschenen|"
        r"voltooid|afgerond|salle d attente|pris(?:e)? en charge|consultee?\b",
    ),
    (
        BOOKED,
        r"planif|confirm|prevu|programm|reserv|booked|scheduled|pending|fixe|pris\b|prise\b|valide|futur|proposed|"
        r"nouveau|\bnew\b|active?\b|actif|gebucht|geplant|bestatigt|vereinbart|prenotat|programmat|gepland|"
        r"bevestigd|rappelee?\b|reminded|tentative|accepte|en attente",
    ),
)
MAX_LABEL = 9
_STATUS = tuple((status, re.compile(rf"(?:^|(?<= ))(?:{pattern})")) for status, pattern in _STATUS_PATTERNS)
_NUMBERED = re.compile(r"^\d+ (?=[a-z])")


def status_word(text: str) -> AppointmentStatus | None:
    """The status that a word or a short phrase means, in the practice's languages."""
    words = _NUMBERED.sub("", fold_header(text))
    # A sentence may say anything; only a label is believed.
    if not words or len(words.split()) > MAX_LABEL:
        return None
    return next((status for status, pattern in _STATUS if pattern.search(words)), None)
