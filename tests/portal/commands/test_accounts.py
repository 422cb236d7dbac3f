"""`reprise staff` for accounts, and the security log, at the terminal."""

import pytest

from db.engine import fetch_value
from tests import factories as f
from tests.portal.commands.conftest import Terminal

ADMIN, NEW = "dominique@tilleuls.example", "lou@tilleuls.example"


@pytest.fixture
def house(terminal: Terminal) -> Terminal:
    terminal.do(f.make_practice(staff=f.EVERY_ROLE))
    return terminal


def test_a_first_admin_is_added_and_can_be_given_a_link(house: Terminal) -> None:
    said = house.run("staff", "add", NEW, "--role", "admin", "--name", "Lou  Petit").out
    assert f"{NEW} may now sign in as admin." in said
    assert house.do(fetch_value("SELECT name FROM staff WHERE role = 'admin' ORDER BY id DESC")) == "Lou Petit"
    link = house.json("staff", "sign-in-link", NEW)
    assert link["link"].startswith("http://127.0.0.1:8000/staff/sign-in/link/")
    assert link["minutes"] == 10
    assert "once, for 10 minutes" in house.run("staff", "sign-in-link", NEW).out


def test_somebody_who_is_known_gets_the_role(house: Terminal) -> None:
    said = house.run("staff", "add", "maxime@tilleuls.example", "--role", "clinical_lead").out
    assert "was known already; their role is clinical_lead." in said
    listed = {one["email"]: one["role"] for one in house.json("staff", "list")}
    assert listed["maxime@tilleuls.example"] == "clinical_lead"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("staff", "add", NEW, "--role", "admin"), "--name"),
        (("staff", "add", "nobody", "--role", "admin"), "email address"),
        (("staff", "add", NEW, "--role", "boss", "--name", "x"), "boss"),
        (("staff", "sign-in-link", "x@tilleuls.example"), "Nobody who works here"),
        (("staff", "reset", "x@tilleuls.example"), "Nobody who works here"),
    ],
)
def test_what_cannot_be_is_refused_with_what_to_do(house: Terminal, words: tuple[str, ...], told: str) -> None:
    assert told in house.run(*words, code=2).err


def test_the_list_shows_everybody(house: Terminal) -> None:
    said = house.run("staff", "list").out
    assert "Dominique Petit" in said
    assert ADMIN in said
    assert "not yet" in said


def test_who_leaves_is_listed_as_gone(house: Terminal) -> None:
    assert "does not work here any more" in house.run("staff", "deactivate", ADMIN).out
    assert [one["active"] for one in house.json("staff", "list") if one["email"] == ADMIN] == [False]
    house.run("staff", "sign-in-link", ADMIN, code=2)


def test_a_reset_says_whether_there_was_something_to_forget(house: Terminal) -> None:
    assert "nothing was changed" in house.run("staff", "reset", ADMIN).out
    assert house.json("staff", "reset", ADMIN)["changed"] is False


def test_the_security_log_names_who_did_what(house: Terminal) -> None:
    assert "Nothing is written" in house.run("security-log").out
    house.run("staff", "sign-in-link", ADMIN)
    house.run("staff", "add", NEW, "--role", "admin", "--name", "Lou Petit")
    (printed, added) = house.json("security-log", "--since", "1d")
    assert (printed["event"], added["event"], added["data"]) == ("link_printed", "member_added", {"role": "admin"})
    said = house.run("security-log").out
    assert "link_printed" in said
    assert NEW not in said
