"""What no browser of ours sends, in every part of an address and in every field: said to be unreadable, never a
failure of ours."""

from litestar import Litestar

from db.states import Role
from tests.portal.conftest import FORM
from tests.portal.staff.conftest import NewDesk, StaffClient
from tests.portal.staff.desk import link_for
from tests.portal.staff.house import TEXT_PAGE, full_house
from tests.portal.staff.walk import LEAVING, NOWHERE, every_place, walk

STARTS = ("/staff/today", TEXT_PAGE)
# In an address, written as it travels.
IN_ADDRESS = ("%00", "a%00b", "%ff", "%ed%a0%80", "%e2%80%ae", "x" * 3000, "%2e%2e%2f", "%0d%0aSet-Cookie:x", "'--")
LARGE = "9" * 40
IN_FIELD = ("a\x00b", LARGE, "\r\nSet-Cookie: x\u202e", "é" * 900)
NUMBERS = ("0", "-1", LARGE, "1e3")


async def test_every_part_of_every_address_may_be_broken(app: Litestar, staff_client: StaffClient) -> None:
    desk = await staff_client(Role.ADMIN)
    for place in every_place(app):
        if "{" not in place.path:
            continue
        for text, number in [*((one, "1") for one in IN_ADDRESS), *((NOWHERE, one) for one in NUMBERS)]:
            data = {"csrf": desk.csrf} if place.method == "POST" else None
            answer = await desk.client.request(place.method, place.with_(text, number), data=data, headers=FORM)
            assert answer.status_code < 500, (place, text, number)
            assert "set-cookie" not in answer.headers, (place, text)
            if "%00" in text:
                assert answer.status_code in (403, 404), (place, answer.status_code)


async def test_every_query_and_every_field_may_be_broken(app: Litestar, new_desk: NewDesk) -> None:
    practice = await full_house("Les Tilleuls ")
    desk = new_desk()
    await desk.sign_in(await link_for(Role.ADMIN, practice))
    found = await walk(desk, *STARTS)
    names = sorted(found.queries | {"to", "q", "day", "all"})
    for path in found.pages:
        for value in (IN_ADDRESS[0], IN_ADDRESS[2], IN_ADDRESS[5], IN_ADDRESS[7]):
            query = "&".join(f"{name}={value}" for name in names)
            answer = await desk.client.get(f"{path.partition('?')[0]}?{query}")
            assert answer.status_code < 500, (path, value)
            assert "set-cookie" not in answer.headers
    for form in found.forms:
        if form.template in LEAVING:
            continue
        for value in IN_FIELD:
            for broken in (*((name,) for name in form.fields if value == LARGE), tuple(form.fields)):
                data = form.fields | dict.fromkeys(broken, value) | {"csrf": desk.csrf}
                answer = await desk.client.post(form.action, data=data, headers=FORM)
                assert answer.status_code < 500, (form, broken, value)
                if "\x00" in value and set(broken) - {"csrf"}:
                    assert answer.status_code == 400, form
                assert "set-cookie" not in answer.headers
