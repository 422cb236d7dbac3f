"""A script in every field that staff or patients can fill, and on every page that shows it: it stays text."""

from xml.etree.ElementTree import Element

from litestar import Litestar

from db.states import Role
from tests.hostile import NASTY, injected, parsed
from tests.portal.conftest import FORM
from tests.portal.staff.conftest import NewDesk
from tests.portal.staff.desk import Desk, link_for
from tests.portal.staff.house import TEXT_PAGE, full_house
from tests.portal.staff.walk import LEAVING, Walked, places, route_of, walk

STARTS = ("/staff/today", TEXT_PAGE)
# Pages that show none of it beside the name of the practice above.
PLAIN = {"/staff/texts", "/staff/patients", "/staff/account/slack"}
# Slack's own answer: `test_slack_link`.
NEEDS_SLACK = {"/staff/account/slack"}


def shows_it(tree: Element) -> bool:
    middle = next(tree.iter("main"), tree)
    return "<x-evil onclick=x>" in "".join([*middle.itertext(), *(one.get("value") or "" for one in middle.iter())])


async def fill_in(desk: Desk, walked: Walked) -> None:
    """Every form, with the script in every field that a person writes, and then in all of them."""
    for form in walked.forms:
        for filled in (form.typed, tuple(form.fields)):
            if form.template not in LEAVING and filled:
                data = form.fields | dict.fromkeys(filled, NASTY) | {"csrf": desk.csrf}
                answer = await desk.client.post(form.action, data=data, headers=FORM)
                assert answer.status_code < 500, form
                assert injected(parsed(answer.text)) == [], form


async def test_a_script_stays_text_wherever_it_is_written_and_shown(app: Litestar, new_desk: NewDesk) -> None:
    practice = await full_house(NASTY)
    forms, reached, showing = set[str](), set[str](), set[str]()
    for role, rounds in ((Role.CLINICAL_LEAD, 1), (Role.ADMIN, 2)):
        desk = new_desk()
        await desk.sign_in(await link_for(role, practice))
        for _ in range(rounds):
            found = await walk(desk, *STARTS)
            assert {path: injected(tree) for path, tree in found.pages.items() if injected(tree)} == {}
            showing |= {route_of("GET", path, app) for path, tree in found.pages.items() if shows_it(tree)}
            await fill_in(desk, found)
            forms |= {form.template for form in found.forms}
            reached |= found.templates(app)
    # Nothing was left out: each route was come to, and each page shows what somebody wrote.
    every = places(app)
    assert {one.path for one in every if one.method == "GET"} - reached == {"/staff"}
    assert {one.path for one in every if one.method == "POST"} - forms == NEEDS_SLACK
    assert reached - showing == PLAIN
