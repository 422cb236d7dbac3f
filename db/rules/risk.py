"""The names of the risk rules. A name and a date are all that is kept of why a patient is at high risk."""

from enum import StrEnum

# The rule of repeated absences: more than so many within so many days.
ABSENCES_OVER = 2
WITHIN_DAYS = 365
# A discharge counts for so long.
DISCHARGE_DAYS = 30


class RiskRule(StrEnum):
    CHRONIC_CONDITIONS = "chronic_conditions"
    PSYCHIATRIC_DISCHARGE = "psychiatric_discharge"
    TREATMENT_LIST = "treatment_list"
    CRISIS = "crisis"
    EARLY_THERAPY = "early_therapy"
    POST_OPERATIVE = "post_operative"
    REPEATED_ABSENCES = "repeated_absences"
    PRACTITIONER_LABEL = "practitioner_label"
