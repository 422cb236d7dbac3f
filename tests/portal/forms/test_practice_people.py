"""Staff, leave and practitioners of a practice file: who may be given a case, and who may not."""

from datetime import date
from pathlib import Path

import pytest

from db.changes.practices import NewStaffAbsence
from portal.forms.practice_file import read_practice_file
from tests.portal.forms.test_practice_file import SECOND, SHORT, problems, read, write


def person(name: str, role: str, more: str = "") -> str:
    return f'[[staff]]\nname = "{name}"\nemail = "{name.split()[0].lower()}@t.example"\nrole = "{role}"\n{more}'


MAXIME = person("Maxime Lefèvre", "practitioner")
EVERYBODY_ELSE = "\n".join((person("Sacha Morel", "care_coordinator"), person("Andrea Blanc", "clinical_lead"), MAXIME))
SILENT = person("Lou Garnier", "front_desk", 'alerts = "none"')
CAMILLE, LOU = "camille@tilleuls.example", "lou@t.example"


def away(stand_in: str = "", *, to: str = "2026-12-18", staff: str = CAMILLE) -> str:
    more = f'stand_in = "{stand_in}"' if stand_in else ""
    return f'[[absences]]\nstaff = "{staff}"\nfrom = 2026-12-07\nto = {to}\n{more}\n'


def warnings(folder: Path, **parts: str) -> str:
    return " ".join(read_practice_file(write(folder, **parts), base_url=SHORT).warnings)


def test_days_and_alerts_are_everybody_s_unless_they_are_told(tmp_path: Path) -> None:
    camille, lou = read(tmp_path, staff='days = ["tuesday", "monday"]', end=SILENT).staff
    assert (camille.days, camille.alerts) == ((0, 1), "email")
    assert (lou.days, lou.alerts) == (None, "none")


def test_leave_is_read_with_its_days_and_its_stand_in(tmp_path: Path) -> None:
    with_one, without = read(tmp_path, end=f"{SECOND}\n{away('d@tilleuls.example')}{away()}").absences
    assert with_one == NewStaffAbsence(CAMILLE, date(2026, 12, 7), date(2026, 12, 18), "d@tilleuls.example")
    assert without.stand_in is None


def test_practitioner_is_the_member_of_staff_who_is_named_or_has_the_same_name(tmp_path: Path) -> None:
    named = '[[practitioners]]\nname = "Dr Alix Martin"\nstaff = "camille@tilleuls.example"'
    same = '[[practitioners]]\nname = "LEFEVRE Maxime"'
    found = read(tmp_path, end="\n".join((MAXIME, named, same))).practitioners
    assert [one.staff for one in found] == [CAMILLE, "maxime@t.example"]
    assert "Alerts about the patients" not in warnings(tmp_path, end="\n".join((MAXIME, named, same)))


@pytest.mark.parametrize(
    "others",
    [
        "",
        person("Maxime Lefèvre", "admin"),
        person("Maxime Lefèvre", "practitioner", 'alerts = "none"'),
        MAXIME + "\n" + person("M Lefèvre Maxime", "practitioner"),
    ],
    ids=["nobody", "of another role", "never told", "two of them"],
)
def test_practitioner_who_is_nobody_of_staff_is_worth_a_warning(tmp_path: Path, others: str) -> None:
    said = warnings(tmp_path, end=f'{others}\n[[practitioners]]\nname = "Maxime Lefèvre"')
    assert "Alerts about the patients of Maxime Lefèvre go to the care coordinator or the clinical lead" in said
    assert 'staff = "their address"' in said


@pytest.mark.parametrize(
    ("parts", "place", "hint"),
    [
        ({"staff": 'days = ["lundi"]'}, "[[staff]] 1 days", "monday"),
        ({"staff": "days = []"}, "[[staff]] 1 days", "monday"),
        ({"staff": 'alerts = "sms"'}, "[[staff]] 1 alerts", "email, none"),
        ({"staff": 'alerts = "none"'}, "[[staff]]", "nobody here is ever told"),
        ({"staff": f'fallback = "{LOU}"', "end": SILENT}, "[[staff]] 1 fallback", "Lou Garnier is never told"),
        ({"end": away("nobody@t.example")}, "[[absences]] 1 stand_in", "nobody here has the address"),
        ({"end": SILENT + "\n" + away(LOU)}, "[[absences]] 1 stand_in", 'write alerts = "email"'),
        ({"end": away(CAMILLE)}, "[[absences]] 1 stand_in", "somebody else"),
        ({"end": away(staff="x@t.example")}, "[[absences]] 1 staff", "nobody here has the address"),
        ({"end": away(staff="camille")}, "[[absences]] 1 staff", "an email address"),
        ({"end": away(to="2026-12-01")}, "[[absences]] 1 to", "before from"),
        ({"end": f'[[absences]]\nstaff = "{CAMILLE}"'}, "[[absences]] 1 from", "is missing"),
        ({"end": away() + "until = 3"}, "[[absences]] 1 until", "not known"),
        (
            {"end": f'{SILENT}\n[[practitioners]]\nname = "A"\nstaff = "{LOU}"'},
            "[[practitioners]] 1 staff",
            "is never told of a case",
        ),
    ],
)
def test_a_mistake_about_people_names_them_and_what_to_write(
    tmp_path: Path, parts: dict[str, str], place: str, hint: str
) -> None:
    found = problems(tmp_path, **parts)

    assert any(hint in one for one in found if one.startswith(f"{place}:")), found


def test_leave_of_somebody_who_is_never_told_is_no_mistake(tmp_path: Path) -> None:
    assert len(read(tmp_path, end=f"{SILENT}\n{away(staff=LOU)}").absences) == 1


def test_roles_that_nobody_has_are_worth_a_warning_for_the_plan_of_the_product(tmp_path: Path) -> None:
    assert "Nobody under [[staff]] is care_coordinator, clinical_lead, admin" in warnings(tmp_path)
    assert "Nobody under [[staff]] is" not in warnings(tmp_path, end=f"{SECOND}\n{EVERYBODY_ELSE}")


def test_role_whose_only_holder_is_never_told_is_refused_where_a_plan_asks_it(tmp_path: Path) -> None:
    silent = person("Andrea Blanc", "clinical_lead", 'alerts = "none"')
    (found,) = problems(tmp_path, end=silent)
    assert found.startswith("[[staff]] alerts: Andrea Blanc alone is clinical_lead, and is never told of a case")
    assert 'write alerts = "email"' in found
    assert read(tmp_path, end=f"{silent}\n{person('Alex Noir', 'clinical_lead')}").staff
