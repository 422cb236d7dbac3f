"""What a practice has set survives storage, whatever it has set."""

import json

from hypothesis import given
from hypothesis import strategies as st

from db.rules.plans import HIGH_RISK, PLANS, STANDARD
from db.rules.risk import RiskRule
from db.rules.settings import USUAL_RULES, Settings
from db.rules.windows import Hours
from db.states import Channel, Role
from tests.db.rules.strategies import any_hours, plans

specialities = st.sampled_from(["general", "psychotherapy", "physiotherapy", "dental", "nutrition"])
# On-call hours have no `step_at` of their own: what is due in them is due at their opening.
on_call_hours = any_hours.map(lambda one: Hours(one.opens, one.closes, one.weekdays, one.opens))


@st.composite
def any_settings(draw: st.DrawFn) -> Settings:
    own = draw(st.dictionaries(st.sampled_from([*PLANS, "own"]), plans(), max_size=3))
    hours = draw(any_hours)
    return Settings(
        opens=hours.opens,
        closes=hours.closes,
        weekdays=tuple(sorted(hours.weekdays)),
        step_at=hours.step_at,
        worth_sms=draw(st.booleans()),
        plans=own,
        plan_of_speciality=draw(st.dictionaries(specialities, st.sampled_from([*PLANS, *own]))),
        risk_rules=tuple(draw(st.lists(st.sampled_from(RiskRule), unique=True))),
        on_call=draw(st.dictionaries(st.sampled_from(Role).map(str), on_call_hours)),
        on_call_person=draw(st.sampled_from(["", "abcdefghijkl"])),
        welfare_check=tuple(draw(st.lists(st.text(max_size=20), max_size=3))),
        record_url=draw(st.sampled_from(["", "https://dossier.example/{number}"])),
    )


@given(any_settings())
def test_settings_survive_storage(settings: Settings) -> None:
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings


@given(any_settings(), specialities, st.booleans())
def test_every_absence_has_a_plan_and_an_sms_that_is_switched_off_is_in_none(
    settings: Settings, speciality: str, high_risk: bool
) -> None:
    plan = settings.plan_for(speciality, high_risk=high_risk)
    named = settings.plan_named(
        HIGH_RISK.name if high_risk else settings.plan_of_speciality.get(speciality, STANDARD.name)
    )
    assert plan.human_steps == named.human_steps
    if settings.worth_sms or all(step.optional for step in named.messages):
        assert plan == named
    else:
        assert not any(step.optional and step.channel is Channel.SMS for step in plan.messages)


def test_settings_of_the_first_version_have_the_plans_and_rules_of_the_product() -> None:
    stored = {name: value for name, value in Settings().to_json().items() if name in ("opens", "week", "worth_sms")}
    read = Settings.from_json(stored)
    assert read == Settings()
    assert read.plan_for("psychotherapy", high_risk=False).name == "psychotherapy"
    assert read.plan_for("dental", high_risk=False) == STANDARD
    assert read.risk_rules == USUAL_RULES
