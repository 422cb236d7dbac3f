"""What can be read from a file. Nothing else ever is: no motive, no comment, no note has a name here."""

from enum import StrEnum


class Field(StrEnum):
    PATIENT_NUMBER = "patient_number"
    FIRST_NAME = "first_name"
    LAST_NAME = "last_name"
    FULL_NAME = "full_name"
    PHONE = "phone"
    EMAIL = "email"
    LANGUAGE = "language"
    BIRTH_DATE = "birth_date"
    AGE = "age"
    PRACTITIONER = "practitioner"
    PRACTITIONER_FIRST_NAME = "practitioner_first_name"
    SPECIALITY = "speciality"
    APPOINTMENT_NUMBER = "appointment_number"
    DATE = "date"
    TIME = "time"
    END = "end"
    DURATION = "duration"
    STATUS = "status"


# Fields that several columns may hold together: mobile and home telephone, "present" and "absent" boxes.
SEVERAL = frozenset({Field.PHONE, Field.EMAIL, Field.STATUS})
