"""Looking changes nothing, and whoever was shown a patient stands in the security log: on every page that there is."""

import re
from datetime import timedelta

from litestar import Litestar

from db.clock import clock
from db.engine import fetch, fetch_value
from db.states import Role
from tests.portal.conftest import everything
from tests.portal.staff.conftest import NewDesk
from tests.portal.staff.desk import link_for
from tests.portal.staff.house import TEXT_PAGE, full_house
from tests.portal.staff.walk import LEAVING, walk

STARTS = ("/staff/today", TEXT_PAGE)
LOG = "security_log"
# A patient's own page, which every page that names somebody leads to.
RECORD = re.compile(r"/staff/patients/(\w+)")
NAME = "Théophraste"
# Longer than the hour in which somebody who sees a case again is not written down again.
LATER = timedelta(hours=2)


async def test_no_page_changes_anything_but_the_security_log(app: Litestar, new_desk: NewDesk) -> None:
    practice = await full_house(NAME)
    desk = new_desk()
    await desk.sign_in(await link_for(Role.ADMIN, practice))
    before = await everything()
    found = await walk(desk, *STARTS)
    assert len(found.pages) > 10
    after = await everything()
    assert {table for table in after if after[table] != before[table]} == {LOG}


async def test_whoever_is_shown_a_patient_stands_in_the_security_log(app: Litestar, new_desk: NewDesk) -> None:
    practice = await full_house(NAME)
    desk = new_desk()
    await desk.sign_in(await link_for(Role.CLINICAL_LEAD, practice))
    found = await walk(desk, *STARTS)
    asked: list[tuple[str, dict[str, str] | None]] = [(path, None) for path in found.pages]
    asked += [(one.action, one.fields) for one in found.forms if one.template not in LEAVING]
    named = 0
    for path, fields in asked:
        clock.move_by(LATER)
        begun = await fetch_value("SELECT coalesce(max(id), 0) FROM security_log")
        answer = await desk.swap(path, fields)
        patients = set(RECORD.findall(answer.text)) - {"sequence"}
        logged = await fetch(
            "SELECT subject_ref, data->>'agenda' AS day FROM security_log WHERE id > $1 AND event = 'looked_up'", begun
        )
        assert patients or NAME + "L" not in answer.text, f"{path} names a patient without leading to the record"
        if not any(row["day"] for row in logged):
            assert patients <= {row["subject_ref"] for row in logged}, path
        named += bool(patients)
    assert named > 5
