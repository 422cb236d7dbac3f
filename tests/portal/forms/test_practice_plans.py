"""Plans, risk rules, on-call hours and the practice's own words for staff, as its file sets them."""

from datetime import time
from pathlib import Path

import pytest

from db.rules.plans import PLANS, Plan, Step, StepKind, from_json, to_json
from db.rules.risk import RiskRule
from db.rules.settings import USUAL_RULES, Settings
from db.rules.windows import Hours
from db.states import Channel, Role
from portal.forms.practice_file import read_practice_file
from tests.portal.forms.test_practice_file import SHORT, problems, read, write
from tests.portal.forms.test_practice_people import CAMILLE, LOU, SILENT

FIRST = '{ day = 0, message = "first", channel = "sms" }'
CALL = '{ day = 1, kind = "call", assignee = "front_desk" }'
NOBODY = '{ day = 1, kind = "call", assignee = "clinical_lead" }'


def plan(*steps: str, name: str = "gentle") -> str:
    return f"[plans.{name}]\nsteps = [{', '.join((FIRST, *steps))}]"


def settings(folder: Path, end: str, practice: str = "") -> Settings:
    return read(folder, end=end, practice=practice).settings


def warnings(folder: Path, end: str) -> str:
    return " ".join(read_practice_file(write(folder, end=end), base_url=SHORT).warnings)


@pytest.mark.parametrize("at", ['"10:00"', "10:00:00"])
def test_plan_of_one_s_own_is_read_whole(tmp_path: Path, at: str) -> None:
    call = f'kind = "call", assignee = "front_desk", fallback = "{CAMILLE}", at = {at}, hours = 4'
    own = plan(
        f"{{ day = 2, {call}, unless_answered = true }}",
        '{ day = 1, message = "worth", channel = "email", optional = true, failover = false }',
    )
    found = settings(tmp_path, own).plans["gentle"]
    assert found == Plan(
        "gentle",
        (
            Step(0, "first", Channel.SMS),
            Step(1, "worth", Channel.EMAIL, optional=True, failover=False),
            Step(
                2,
                kind=StepKind.CALL,
                assignee="front_desk",
                fallback=CAMILLE,
                at=time(10),
                hours=4,
                unless_answered=True,
            ),
        ),
    )
    assert from_json(to_json(found)) == found


@pytest.mark.parametrize("name", PLANS)
def test_plan_named_like_one_of_the_product_takes_its_place(tmp_path: Path, name: str) -> None:
    found = settings(tmp_path, plan(CALL, name=name))
    assert found.plan_named(name).days == (0, 1)


def test_specialities_are_given_plans_and_keep_the_usual_ones_otherwise(tmp_path: Path) -> None:
    found = settings(tmp_path, plan(CALL) + '\n[plan_of]\ndental = "gentle"')
    assert found.plan_of_speciality == {"psychotherapy": "psychotherapy", "dental": "gentle"}
    assert found.plan_for("dental", high_risk=False).name == "gentle"
    assert settings(tmp_path, '[plan_of]\npsychotherapy = "standard"').plan_of_speciality["psychotherapy"] == "standard"


def test_risk_rules_are_switched_on_and_off(tmp_path: Path) -> None:
    found = settings(tmp_path, '[risk]\non = ["repeated_absences"]\noff = ["early_therapy"]').risk_rules
    assert set(found) == set(RiskRule) - {RiskRule.EARLY_THERAPY}
    assert settings(tmp_path, "[risk]").risk_rules == USUAL_RULES


def test_on_call_hours_take_what_is_not_said_from_the_messages(tmp_path: Path) -> None:
    end = (
        f'[on_call]\nperson = "{CAMILLE}"\n[on_call.clinical_lead]\nopens = "08:00"\n[on_call.admin]\ndays = ["monday"]'
    )
    found = settings(tmp_path, end)
    assert found.on_call_person == CAMILLE
    assert found.on_call == {
        Role.CLINICAL_LEAD: Hours(time(8), time(19, 30), frozenset(range(6)), time(8)),
        Role.ADMIN: Hours(time(9), time(19, 30), frozenset({0}), time(9)),
    }
    assert Settings.from_json(found.to_json()) == found


def test_checklist_and_record_address_are_kept_as_they_are_written(tmp_path: Path) -> None:
    url = "https://logiciel.example:8443/patients?nr={number}&vue=1"
    found = settings(tmp_path, "", f'welfare_check = ["Appeler deux fois.", "Décider."]\nrecord_url = "{url}"')
    assert (found.welfare_check, found.record_url) == (("Appeler deux fois.", "Décider."), url)


@pytest.mark.parametrize(
    ("end", "place", "hint"),
    [
        ("[plans.gentle]", "[plans.gentle] steps", "is missing"),
        ("[plans.gentle]\nsteps = []", "[plans.gentle] steps", "a list of steps"),
        ("[plans]\ngentle = 3", "[plans] gentle", "section"),
        ("[plans.Doux]\nsteps = []", "[plans] Doux", "small letters"),
        (f"[plans.gentle]\nsteps = [{CALL}]", "[plans.gentle] steps", "at least one step that is a message"),
        (plan(FIRST), "[plans.gentle] steps", "two steps of one kind on one day"),
        (plan('{ message = "worth", channel = "sms" }'), "[plans.gentle] step 2 day", "is missing"),
        (plan('{ day = 91, message = "worth", channel = "sms" }'), "[plans.gentle] step 2 day", "0 to 90"),
        (plan('{ day = 1, message = "hello", channel = "sms" }'), "[plans.gentle] step 2 message", "first, flexible"),
        (plan('{ day = 1, message = "closing", channel = "sms" }'), "[plans.gentle] step 2 channel", "email"),
        (plan('{ day = 1, message = "worth", chanel = "sms" }'), "[plans.gentle] step 2 chanel", "mean channel"),
        (plan('{ day = 1, kind = "visit", assignee = "admin" }'), "[plans.gentle] step 2 kind", "call"),
        (plan('{ day = 1, kind = "call" }'), "[plans.gentle] step 2 assignee", "is missing"),
        (plan('{ day = 1, kind = "call", assignee = "boss" }'), "[plans.gentle] step 2 assignee", "write a role"),
        (plan(CALL.replace(" }", ', channel = "sms" }')), "[plans.gentle] step 2 channel", "not known"),
        (plan(CALL.replace(" }", ", hours = 73 }")), "[plans.gentle] step 2 hours", "1 to 72"),
        (plan(CALL.replace(" }", ', at = "noon" }')), "[plans.gentle] step 2 at", "time of day"),
        (plan(CALL.replace(" }", ', unless_answered = "yes" }')), "[plans.gentle] step 2 unless_answered", "true"),
        (plan(CALL.replace(" }", ', fallback = "front_desk" }')), "[plans.gentle] step 2 fallback", "somebody else"),
        (plan(NOBODY), "[plans.gentle] step 2 assignee", "nobody here is clinical_lead"),
        (plan(NOBODY.replace("clinical_lead", LOU)), "[plans.gentle] step 2 assignee", "nobody here has the address"),
        (
            SILENT + "\n" + plan(NOBODY.replace("clinical_lead", LOU)),
            "[plans.gentle] step 2 assignee",
            "Lou Garnier is never told of a case",
        ),
        (
            SILENT.replace("front_desk", "clinical_lead") + "\n" + plan(NOBODY),
            "[plans.gentle] step 2 assignee",
            "Lou Garnier alone is clinical_lead",
        ),
        ('[plan_of]\ndental = "gentle"', "[plan_of] dental", "high_risk, psychotherapy, standard"),
        ('[plan_of]\nkine = "standard"', "[plan_of] kine", "not known"),
        ('[risk]\noff = ["age"]', "[risk] off", "chronic_conditions"),
        ('[risk]\noff = "crisis"', "[risk] off", "a list"),
        ('[risk]\non = ["crisis"]\noff = ["crisis"]', "[risk] off", "stands under on as well"),
        ('[on_call]\nperson = "x@t.example"', "[on_call] person", "nobody here has the address"),
        (f'{SILENT}\n[on_call]\nperson = "{LOU}"', "[on_call] person", "is never told of a case"),
        ("[on_call.boss]", "[on_call] boss", "known here: person"),
        ('[on_call.admin]\nopens = "21:00"', "[on_call.admin] closes", "later than opens"),
    ],
)
def test_a_mistake_in_a_plan_is_named_with_its_step_and_what_to_write(
    tmp_path: Path, end: str, place: str, hint: str
) -> None:
    found = problems(tmp_path, end=end)

    assert any(hint in one for one in found if one.startswith(f"{place}:")), found


@pytest.mark.parametrize(
    ("practice", "place", "hint"),
    [
        ('welfare_check = "Appeler"', "[practice] welfare_check", "a list of lines"),
        ("welfare_check = [1]", "[practice] welfare_check", "in quotes"),
        (f"welfare_check = {['x'] * 21}", "[practice] welfare_check", "at most 20 lines"),
        (f'welfare_check = ["{"x" * 201}"]', "[practice] welfare_check", "at most 200 characters"),
        ('record_url = "https://logiciel.example/patients/"', "[practice] record_url", "{number} once"),
        ('record_url = "https://l.example/{number}/{number}"', "[practice] record_url", "{number} once"),
        ('record_url = "https://l.example/{id}/{number}"', "[practice] record_url", "{number} once"),
        ('record_url = "https://{number}.example/"', "[practice] record_url", "after the host"),
        ('record_url = "javascript:open({number})"', "[practice] record_url", "https or http"),
        ('record_url = "https://l.example/a b/{number}"', "[practice] record_url", "https or http"),
    ],
)
def test_a_checklist_or_an_address_that_cannot_be_used_is_refused(
    tmp_path: Path, practice: str, place: str, hint: str
) -> None:
    found = problems(tmp_path, practice=practice)

    assert any(hint in one for one in found if one.startswith(f"{place}:")), found


def test_two_broken_steps_are_told_at_once(tmp_path: Path) -> None:
    end = plan('{ day = 1, kind = "call" }', '{ day = 2, message = "worth" }') + '\n[plan_of]\ndental = "gentle"'
    places = [one.split(":")[0] for one in problems(tmp_path, end=end)]
    assert places == ["[plans.gentle] step 2 assignee", "[plans.gentle] step 3 channel"]


def test_what_leaves_high_risk_without_people_is_worth_a_warning(tmp_path: Path) -> None:
    assert "asks nothing of a person" in warnings(tmp_path, plan(name="high_risk"))
    assert "names crisis" in warnings(tmp_path, '[risk]\noff = ["crisis"]')
