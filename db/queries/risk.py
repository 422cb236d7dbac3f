"""Who is at high risk: by which rules, of those that the practice has switched on."""

from datetime import datetime

from db.engine import fetch
from db.queries.practices import Profile
from db.rules.risk import RiskRule
from db.rules.windows import local_day

# A risk `k` that stands on the day `{day}`, by one of the rules `{rules}`.
STANDS = "k.ended_at IS NULL AND (k.until IS NULL OR k.until >= {day}) AND k.rule = ANY({rules})"
_STANDING = f"SELECT k.rule FROM patient_risk k WHERE k.patient = $1 AND {STANDS.format(day='$2', rules='$3::text[]')}"


async def standing_rules(patient: int, *, practice: Profile, now: datetime) -> frozenset[RiskRule]:
    today = local_day(now, practice.calendar)
    rows = await fetch(_STANDING, patient, today, list(practice.settings.risk_rules))
    return frozenset(RiskRule(row["rule"]) for row in rows)
