"""The words of column headers: each stands for a concept, and a set of concepts names a field."""

import re
from collections.abc import Mapping

from jobs.intake.fields import Field

_PHRASES = {
    "rendez vous": "rdv",
    "date heure": "date time",
    "e mails?": "email",
    "(?:adresses?|boite) (?:e ?mail|mail|courriel|electronique)": "email",
    "(?:e?mail|email) address(?:es)?": "email",
    "courrier electronique": "email",
    "(?:last|family|sur) name": "lastname",
    "nom (?:de famille|d usage|usuel|marital|d epouse|d epoux)": "lastname",
    "nom (?:de naissance|de jeune fille)|(?:birth|maiden) name": "birthname",
    "(?:first|given|fore) name": "firstname",
    "prenom (?:usuel|d usage)": "firstname",
    "(?:full|complete) name|nom complet|nom entier|nome completo|volledige naam": "name",
    "date of birth": "birth",
    "opt in": "optin",
    "walk in": "walkin",
}

_WORDS: Mapping[str, str] = {
    "appt": "rdv rdvs appointment appointments appt apt termin termine appuntamento afspraak",
    "visit": "consultation consultations visite visit event evenement",
    "session": "seance seances session sessions",
    "booking": "booking reservation",
    "date": "date dates datum data",
    "day": "jour day tag giorno dag",
    "time": "heure heures hour hours time horaire horaires uhrzeit zeit ora orario tijd uur creneau slot plage",
    "moment": "datetime timestamp dateheure horodatage zeitpunkt",
    "scheduled": "scheduled prevu prevue planifie planifiee programme programmee geplant",
    "start": "debut start starts starting begin begins beginn inizio dtstart",
    "end": "fin end ends ending ende fine einde dtend",
    "duration": "duree duration length minutes minute mins dauer durata duur",
    "status": "statut status statuts etat stato zustand outcome",
    "presence": "presence attendance presenza anwesenheit",
    "patient": "patient patiente patients client cliente usager beneficiaire paziente patientin klant customer",
    "number": "numero num no n nr number id identifiant ident identifier code ref reference matricule nummer",
    "file": "dossier fiche mrn ipp nip chart",
    "lastname": "nom lastname surname nachname familienname cognome achternaam",
    "birthname": "birthname",
    "firstname": "prenom prenoms firstname forename vorname nome voornaam",
    "name": "name fullname identite naam",
    "phone": "telephone telephones tel phone telefon telefono telefoon fon telephonique telnr rufnummer",
    "mobile": "portable portables mobile mobil cell cellphone cellulaire cellulare gsm natel handy smartphone",
    "home": "domicile home prive privat maison",
    "fixed": "fixe landline festnetz",
    "work": "travail bureau pro professionnel work geschaft",
    "email": "email emails mail mails courriel courriels mel",
    "language": "langue language lang sprache lingua taal locale",
    "preferred": "preferee preferred parlee spoken favorite correspondance",
    "birth": "naissance birth dob ddn ne nee birthday birthdate geburtsdatum geburtstag geboortedatum nascita",
    "age": "age alter eta leeftijd",
    "practitioner": "praticien praticienne practitioner therapeute therapist soignant soignante intervenant "
    "intervenante provider clinician behandler therapeut terapeuta behandelaar zorgverlener professionnel "
    "medecin docteur doctor physician arzt medico dottore arts",
    "trade": "kine kinesitherapeute psychologue psychotherapeute dentiste osteopathe dieteticien dieteticienne dr",
    "calendar": "agenda calendrier calendar ressource resource collaborateur staff consultant",
    "speciality": "specialite speciality specialty discipline metier profession fachrichtung fachgebiet "
    "specialita specialisme",
    "": "du de des d la le les l un une et the of and a au aux en der die das und il del della dello van het "
    "di da your votre for pour hh mm ss jj aaaa dd yyyy yy h e at min format local locales",
}

CONCEPTS: Mapping[str, str] = {word: concept for concept, words in _WORDS.items() for word in words.split()}

# field, then sets of concepts from the most telling to the weakest; `|` parts them, `?` marks what may be missing.
_PATTERNS: tuple[tuple[Field, str], ...] = (
    (
        Field.DATE,
        "appt date time? start? | appt day | appt moment | date start time? | moment start? | date time | date "
        "| appt scheduled date? day? | day | appt | scheduled moment? date? day?",
    ),
    (Field.TIME, "appt time start? | time start | appt start | start | time | scheduled time"),
    (Field.END, "end time appt? date? | end appt? moment? | end appt? date"),
    (Field.DURATION, "duration appt?"),
    (Field.STATUS, "status appt presence? | status presence | status patient? | status booking"),
    (Field.PATIENT_NUMBER, "number patient file? | number file | file patient | file | number"),
    (Field.APPOINTMENT_NUMBER, "number appt | number booking"),
    (Field.LAST_NAME, "lastname patient | lastname | birthname patient?"),
    (Field.FIRST_NAME, "firstname patient | firstname"),
    (Field.FULL_NAME, "lastname firstname patient? | name patient | name | patient"),
    (
        Field.PHONE,
        "mobile phone? patient? | mobile number phone? patient? | phone patient | phone number? patient? "
        "| fixed phone? number? patient? | phone home number? patient? | phone fixed home "
        "| phone work number? patient?",
    ),
    (Field.EMAIL, "email patient | email | email home | email work"),
    (Field.LANGUAGE, "language patient? preferred?"),
    (Field.BIRTH_DATE, "birth date? day? patient?"),
    (Field.AGE, "age patient?"),
    (
        Field.PRACTITIONER,
        "practitioner appt? | name practitioner | lastname firstname practitioner | lastname practitioner "
        "| trade | name trade | lastname trade | calendar | name calendar | lastname calendar",
    ),
    (Field.PRACTITIONER_FIRST_NAME, "firstname practitioner | firstname trade"),
    (Field.SPECIALITY, "speciality | speciality practitioner | speciality appt"),
)

_PHRASE = re.compile(r"\b(?:" + "|".join(f"({words})" for words in _PHRASES) + r")\b")
_REPLACEMENTS = tuple(_PHRASES.values())


def field_of(header: str) -> tuple[Field, int] | None:
    """The field a folded header names, with a rank: the lower, the surer."""
    if header == "code":  # of what, an act or a diagnosis perhaps
        return None
    concepts = _concepts(header)
    return _SETS.get(concepts) if concepts else None


def _concepts(header: str) -> frozenset[str] | None:
    text = _PHRASE.sub(lambda match: _REPLACEMENTS[(match.lastindex or 1) - 1], header)
    found: set[str] = set()
    for word in text.split():
        if word.isdigit():
            found.add("digits")
            continue
        parts = _parts(word)
        if parts is None:
            return None
        found.update(part for part in parts if part)
    # "Tél. 2" and "E-mail 2" are further telephones and addresses; "Nom 2" might be anybody's.
    if found & {"phone", "mobile", "email"}:
        found.discard("digits")
    if "visit" in found and len(found) > 1:
        found.symmetric_difference_update({"visit", "appt"})
    # "N° de séance" counts the sessions of one patient: it is no appointment's number.
    if "session" in found and len(found) > 1 and "number" not in found:
        found.symmetric_difference_update({"session", "appt"})
    return frozenset(found)


def _parts(word: str) -> list[str] | None:
    """The concepts of a word, or of the words it was glued from: `datenaissance`, `patientid`."""
    known = CONCEPTS.get(word)
    if known is not None:
        return [known]
    for cut in range(len(word) - 2, 2, -1):
        head = CONCEPTS.get(word[:cut])
        if head is not None:
            rest = _parts(word[cut:])
            if rest is not None:
                return [head, *rest]
    return None


def _spread(pattern: str) -> list[frozenset[str]]:
    """Every set of concepts that a pattern with optional parts allows."""
    sets: list[frozenset[str]] = [frozenset()]
    for part in pattern.split():
        more = [known | {part.rstrip("?")} for known in sets]
        sets = sets + more if part.endswith("?") else more
    return sets


def _all_sets() -> dict[frozenset[str], tuple[Field, int]]:
    table: dict[frozenset[str], tuple[Field, int]] = {}
    for field, patterns in _PATTERNS:
        for rank, pattern in enumerate(patterns.split("|")):
            for concepts in _spread(pattern):
                table.setdefault(concepts, (field, rank))
    return table


_SETS = _all_sets()
