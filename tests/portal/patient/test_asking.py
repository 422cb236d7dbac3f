import pytest

from db.engine import fetch
from db.states import Barrier
from tests.portal.checker import main_text
from tests.portal.conftest import Site, everything


async def tasks() -> list[str]:
    return [row["kind"] for row in await fetch("SELECT kind FROM task ORDER BY id")]


async def test_asking_for_a_call_gives_staff_one_task_however_often(site: Site, token: str) -> None:
    for _ in range(3):
        answer = await site.post(f"/r/{token}/call")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}?noted=call")
    assert await tasks() == ["call_request"]


async def test_the_page_says_that_the_wish_is_noted(site: Site, token: str) -> None:
    tree = await site.page(f"/r/{token}?noted=call")
    assert "Le cabinet vous appellera pendant ses heures d’ouverture." in main_text(tree)
    assert list(tree.iter("fieldset"))


@pytest.mark.parametrize("barrier", list(Barrier))
async def test_saying_what_stands_in_the_way_gives_staff_a_task(site: Site, token: str, barrier: str) -> None:
    answer = await site.post(f"/r/{token}/barrier", {"barrier": barrier})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/r/{token}?noted=barrier")
    assert await tasks() == ["barrier"]
    assert "Merci de nous l’avoir dit" in main_text(await site.page(f"/r/{token}?noted=barrier"))


@pytest.mark.parametrize("form", [{}, {"barrier": ""}, {"barrier": "je n’ai pas envie"}, {"other": "hours"}])
async def test_free_text_is_not_taken(site: Site, token: str, form: dict[str, str]) -> None:
    before = await everything()
    assert (await site.post(f"/r/{token}/barrier", form)).status_code == 400
    assert await everything() == before


@pytest.mark.parametrize("noted", ["", "x", "<b>", "welcome", "heading", "__class__"])
async def test_an_address_cannot_put_words_on_the_page(site: Site, token: str, noted: str) -> None:
    plain, asked = await site.get(f"/r/{token}"), await site.get(f"/r/{token}", params={"noted": noted})
    assert asked.content == plain.content


async def test_asking_works_after_booking_too(site: Site, token: str) -> None:
    await site.book_first(token)
    await site.post(f"/r/{token}/call")
    assert "C’est noté" in main_text(await site.page(f"/r/{token}?noted=call"))
    assert await tasks() == ["call_request"]
