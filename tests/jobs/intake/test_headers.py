import pytest

from jobs.intake.fields import Field
from jobs.intake.folding import fold_header
from jobs.intake.refusal import IntakeRefused
from jobs.intake.vocabulary import field_of
from tests.jobs.intake.conftest import Export

HEADERS = {
    Field.PATIENT_NUMBER: "N° patient|PatientId|patient_id|Numéro de patient|ID patient|N° dossier|Dossier|IPP|NIP|"
    "Code patient|Réf. patient|customer_id|Matricule|Identifiant|patientnr|MRN|Numéro de dossier patient",
    Field.LAST_NAME: "Nom|NOM|Nom de famille|Nom du patient|Last name|lastName|last_name|Surname|Nachname|Cognome|"
    "Nom d'usage|Family name|Achternaam|Nom de naissance",
    Field.FIRST_NAME: "Prénom|Prénoms|Prénom du patient|First name|firstName|FIRST_NAME|Vorname|Given name|Voornaam",
    Field.FULL_NAME: "Nom et prénom|Nom Prénom|Nom, prénom|Patient|Patient name|Nom complet|Full name|Identité",
    Field.PHONE: "Téléphone|Tél.|Tel|Tél. portable|Portable|Mobile|GSM|Natel|Handy|Téléphone mobile|N° de téléphone|"
    "Tel 1|Téléphone 2|Phone number|phone|mobile_phone|Fixe|Tél. fixe|Tél domicile|Telefon|Telefono|TelMobile|"
    "Numéro de portable|Cell phone",
    Field.EMAIL: "E-mail|Email|Mail|Courriel|Adresse e-mail|Adresse mail|email_address|Courrier électronique|Mail 2",
    Field.LANGUAGE: "Langue|Language|Langue parlée|Preferred language|Sprache|Lingua",
    Field.BIRTH_DATE: "Date de naissance|Né(e) le|DDN|Naissance|Date of birth|DOB|birth_date|BirthDate|datenaissance|"
    "Geburtsdatum|Data di nascita|Geboortedatum",
    Field.AGE: "Age|Âge|Age du patient|Alter",
    Field.PRACTITIONER: "Praticien|Praticienne|Thérapeute|Médecin|Docteur|Soignant|Intervenant|Kiné|Psychologue|Agenda|"
    "Provider|Doctor|Therapist|Nom du praticien|Behandler|Practitioner name|Professionnel|Arzt",
    Field.SPECIALITY: "Spécialité|Speciality|Specialty|Discipline|Fachrichtung",
    Field.APPOINTMENT_NUMBER: "N° RDV|AppointmentID|appointment_id|ID rendez-vous|Réf RDV|Booking reference|"
    "Numéro de rendez-vous|id_rdv|N° consultation",
    Field.DATE: "Date|Date RDV|Date du RDV|Date du rendez-vous|Date et heure|Date/heure|Date et heure du RDV|"
    "AppointmentDay|appointment_date|Appointment Date|Jour|Jour du RDV|RDV|Rendez-vous|Termin|Datum|Date (JJ/MM/AAAA)|"
    "Date de consultation|Date de la séance|Start date|Date de début|DateTime|date_rdv|Date Rendez-Vous|"
    "appointmentdate",
    Field.TIME: "Heure|Heure RDV|Heure du rendez-vous|Horaire|Heure de début|Début|Start|start_time|Uhrzeit|Time|"
    "Créneau|Heure (HH:MM)|Appointment time",
    Field.END: "Fin|Heure de fin|End|end_time|Ende|Date de fin",
    Field.DURATION: "Durée|Durée (min)|Duration|Durée du RDV|Minutes|Dauer",
    Field.STATUS: "Statut|Status|État|Statut du RDV|État du rendez-vous|appointment_status|Statut RDV|"
    "Statut de présence|Stato|Appointment Status",
}  # fmt: skip


@pytest.mark.parametrize(
    ("header", "field"), [(header, field) for field, headers in HEADERS.items() for header in headers.split("|")]
)
def test_a_header_names_its_field(header: str, field: Field) -> None:
    named = field_of(fold_header(header))
    assert named is not None
    assert named[0] is field


@pytest.mark.parametrize(
    "header",
    [
        "Motif", "Motif du RDV", "Type de rendez-vous", "Commentaire", "Commentaires patient", "Notes", "Note",
        "Comment",
        "Remarques", "Observations", "Reason", "Adresse", "Code postal", "Code", "Ville", "Gender", "Neighbourhood",
        "Date de création", "Date d'annulation", "Date de la facture", "Date de prise de RDV", "Booking date", "Nb RDV",
        "N° séance", "Session number", "N° de sécurité sociale", "NIR", "Médecin traitant", "Médecin prescripteur",
        "E-mail praticien", "Téléphone du praticien", "Tél. personne à prévenir", "Statut paiement", "Statut facture",
        "État civil", "SMS_received", "Diagnostic", "Traitement", "CIM10", "Hipertension", "Handcap", "Consultation",
        "Absences", "Montant", "Acte", "Prestation", "Salle", "Consentement SMS", "", "2", "created_at", "Nom de jeune",
        "Dernière visite", "State", "Scholarship",
    ],
)  # fmt: skip
def test_other_headers_name_nothing(header: str) -> None:
    assert field_of(fold_header(header)) is None


@pytest.mark.parametrize(
    ("headers", "row", "key", "appointment"),
    [
        ("ID;Date;Statut", "5;02/03/2026;absent", "5", None),
        ("ID;N° patient;Date;Statut", "5;77;02/03/2026;absent", "77", "5"),
        ("ID;N° dossier;N° RDV;Date;Statut", "5;77;900;02/03/2026;absent", "77", "900"),
        ("Patient;Date;Statut", "4711;02/03/2026;absent", "4711", None),
    ],
)
def test_a_lone_number_is_the_patients_unless_a_better_column_is(
    export: Export, headers: str, row: str, key: str, appointment: str | None
) -> None:
    read = export.one(f"{headers}\n{row}\n")
    assert (read.patient_key, read.appointment_key) == (key, appointment)


@pytest.mark.parametrize(
    ("headers", "missing"),
    [
        ("N° patient;Nom;Statut", "the date of the appointment"),
        ("N° patient;Nom;Date", "the status of the appointment"),
        ("N° patient;Nom;Date;Annulé", "the status of the appointment"),
        ("Nom;Prénom;Date;Statut", "what tells one patient from another"),
        ("Date;Statut", "what tells one patient from another"),
    ],
)
def test_a_missing_column_is_named_with_what_was_found_and_what_to_do(
    export: Export, headers: str, missing: str
) -> None:
    with pytest.raises(IntakeRefused, match=missing) as refusal:
        export.open(headers + "\n")
    sentence = str(refusal.value)
    assert "--map" in sentence
    assert headers.replace(";", ", ") in sentence


@pytest.mark.parametrize(
    "headers",
    ["N° patient;Date;Statut;E-mail", "E-mail;Date;Statut", "GSM;Date;Statut", "Nom;DDN;Date;Statut"],
)
def test_each_kind_of_identity_is_enough(export: Export, headers: str) -> None:
    assert export.read(headers + "\n") == []


@pytest.mark.parametrize(
    ("headers", "says"),
    [
        ("N° patient;Date RDV;Date consultation;Statut", "2 columns could hold the date"),
        ("N° patient;Date;Date;Statut", "2 columns could hold the date"),
        ("N° patient;ID patient;Date;Statut", "patient's number"),
        ("N° patient;Praticien;Thérapeute;Date;Statut", "practitioner"),
        ("N° patient;Nom;Nom;Prénom;Date;Statut", "last name"),
    ],
)
def test_two_columns_for_one_field_are_refused_rather_than_guessed(export: Export, headers: str, says: str) -> None:
    with pytest.raises(IntakeRefused, match=says):
        export.open(headers + "\n")


@pytest.mark.parametrize(
    "headers",
    [
        "N° patient;Date RDV;Date;Statut",
        "N° patient;Date RDV;ScheduledDay;Statut",
        "N° patient;Date RDV;Jour;Statut",
        "N° patient;AppointmentDay;Date;Statut",
    ],
)
def test_the_surer_of_two_columns_wins(export: Export, headers: str) -> None:
    assert str(export.one(headers + "\n1;02/03/2026;01/01/2025;absent\n").day) == "2026-03-02"


@pytest.mark.parametrize(
    ("headers", "cells", "names"),
    [
        ("Nom;Prénom", "DURAND;Zoé", ("Zoé", "DURAND")),
        ("Nom;Prénom", "Mme Durand;Zoé", ("Zoé", "Durand")),
        ("Name;Vorname", "Meier;Urs", ("Urs", "Meier")),
        ("Nom et prénom", "DURAND Zoé", ("Zoé", "DURAND")),
        ("Nom et prénom", "Durand Zoé", ("Zoé", "Durand")),
        ("Prénom Nom", "Zoé Durand", ("Zoé", "Durand")),
        ("Patient", "Mme DURAND Zoé", ("Zoé", "DURAND")),
        ("Patient", "Zoé Durand", ("", "Zoé Durand")),
        ("Patient", "Durand, Zoé", ("Zoé", "Durand")),
        ("Patient", "DURAND ZOE", ("", "DURAND ZOE")),
        ("Patient", "M. Jean-Luc DE LA TOUR", ("Jean-Luc", "DE LA TOUR")),
        ("Nom", "Zoé Durand", ("", "Zoé Durand")),
        ("Nom", "Durand", ("", "Durand")),
        ("Nom;Nom de naissance;Prénom", "Durand;Petit;Zoé", ("Zoé", "Durand")),
        ("Nom;Prénom", "Na;None", ("None", "Na")),
        ("Nom;Prénom", "-;n/a", ("", "")),
        ("Nom;Prénom", "أحمد;محمد", ("محمد", "أحمد")),
    ],
)
def test_names_come_from_whatever_columns_there_are(
    export: Export, headers: str, cells: str, names: tuple[str, str]
) -> None:
    row = export.one(f"N° patient;Date;Statut;{headers}\n1;02/03/2026;absent;{cells}\n")
    assert (row.first_name, row.last_name) == names


@pytest.mark.parametrize(
    ("headers", "cells", "name"),
    [
        ("Praticien", "Dr Anne Roy", "Dr Anne Roy"),
        ("Nom du praticien;Prénom du praticien", "Roy;Anne", "Anne Roy"),
        ("Praticien;Agenda", "Anne Roy;Salle 2", "Anne Roy"),
        ("Agenda", "Anne Roy", "Anne Roy"),
        ("Praticien", "", ""),
        ("Médecin traitant", "Dr Loin", ""),
    ],
)
def test_the_practitioner_is_taken_as_written(export: Export, headers: str, cells: str, name: str) -> None:
    row = export.one(f"N° patient;Date;Statut;{headers}\n1;02/03/2026;absent;{cells}\n")
    assert row.practitioner == name
