"""Values for texts: ordinary ones, and the longest that every shipped SMS must hold."""

from dataclasses import replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from jobs.messages.languages import languages, opt_out_text
from jobs.messages.values import SMS_LINK, MessageValues

TUESDAY = date(2026, 11, 24)
# The longest way to say a date, in each shipped language.
LONGEST_DATE = date(2026, 9, 30)
LINK = "https://rdv.tilleuls.example/r/7fQ2mZ"
WAY_OUT = "https://rdv.tilleuls.example/r/7fQ2mZ/out"

ORDINARY = MessageValues(
    first_name="Camille",
    link=LINK,
    phone="01 84 80 00 00",
    practice="Cabinet des Tilleuls",
    missed_on=TUESDAY,
    opt_out="STOP pour se désinscrire",
)
BY_EMAIL = replace(ORDINARY, opt_out=WAY_OUT)
# A message about an appointment that is ahead knows nothing of a missed one.
AHEAD = replace(
    ORDINARY,
    missed_on=None,
    starts_at=datetime(2026, 11, 24, 10, 0, tzinfo=ZoneInfo("Europe/Paris")),
    place="12 rue des Tilleuls, 69003 Lyon",
)
AHEAD_BY_EMAIL = replace(AHEAD, opt_out=WAY_OUT)


def longest_sms(language: str) -> MessageValues:
    ways_out = [opt_out_text(code, can) for code in languages() for can in (True, False)]
    return MessageValues(
        first_name="Maximilienne",
        link="https://rdv.tilleuls.ch/r/".ljust(SMS_LINK, "x"),
        phone="+33 1 84 80 00 00",
        practice="Maison pluridisciplinaire des Tilleuls",
        missed_on=LONGEST_DATE,
        opt_out=max(ways_out, key=len),
        slots_soon=True,
    )
