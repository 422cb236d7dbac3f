"""The one Piccolo app: its tables and its migrations."""

from pathlib import Path

from piccolo.conf.apps import AppConfig

from db.tables.agenda import Appointment
from db.tables.deliveries import Delivery
from db.tables.journal import Journal, JournalSeal, JournalUnsealed, SecurityLog
from db.tables.people import ChannelOptOut, Inbound, Patient, PatientRisk
from db.tables.practice import Closure, Practice, Practitioner, RecoveryCode, Staff, StaffAbsence, StaffAccess
from db.tables.sequences import Enrolment
from db.tables.slack import SlackPost
from db.tables.tasks import Task
from db.tables.tones import ToneVariant

APP_CONFIG = AppConfig(
    app_name="reprise",
    migrations_folder_path=str(Path(__file__).parent / "piccolo_migrations"),
    table_classes=[
        Practice,
        Staff,
        StaffAbsence,
        StaffAccess,
        RecoveryCode,
        Practitioner,
        Closure,
        Patient,
        PatientRisk,
        ChannelOptOut,
        Inbound,
        Appointment,
        Enrolment,
        Delivery,
        Task,
        Journal,
        JournalUnsealed,
        JournalSeal,
        SecurityLog,
        SlackPost,
        ToneVariant,
    ],
)
