"""One appointment as an outside source tells it: what every parser hands over, whatever the format."""

from dataclasses import dataclass, field
from datetime import date, datetime

from db.rules.risk import RiskRule
from db.rules.telephones import TelephoneKind
from db.states import AppointmentStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class IntakeRow:
    """Contact fields stay out of `repr`, so that no log or traceback shows them."""

    line: int  # physical line where the record starts; the file's first line is 1
    patient_key: str = field(repr=False)  # the practice's number, or "h:" and a digest where the file has none
    first_name: str = field(repr=False)  # '' when absent
    last_name: str = field(repr=False)  # '' when absent
    phone: str | None = field(repr=False)  # E.164
    phone_kind: TelephoneKind | None
    phone_given: bool  # a number was written, usable or not
    email: str | None = field(repr=False)
    language: str | None
    minor: bool  # under 18 on the day of the appointment; neither birth date nor age is kept
    practitioner: str  # as written, '' when absent
    speciality: str | None  # one of the five codes
    appointment_key: str | None  # the practice's own appointment number
    day: date  # in the practice's zone
    starts_at: datetime | None  # aware UTC; None when the file gives no time of day
    duration_min: int | None
    status: AppointmentStatus
    risk_rules: frozenset[RiskRule]
