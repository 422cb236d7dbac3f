"""The page of the workspace: what a person sees, and that their presses are real ones."""

import asyncio
import json
import re
from typing import Any

import html5lib
import httpx
import pytest

from portal.demo.slack.app import create_slack_app
from portal.demo.slack.double import SlackDouble
from portal.demo.slack.person import Person
from portal.demo.slack.shapes import JSON
from portal.demo.slack.things import Message
from tests.fakes.wire import Wire
from tests.portal.demo.slack.conftest import CASES, ELISE, NADIA, furnished
from tests.portal.demo.slack.samples import (
    BLOCKS,
    ELEMENTS,
    HOME,
    an_answer,
    block,
    button,
    case,
    element,
    marked,
    modal,
    option,
    plain,
)

EVIL = '<script>alert(1)</script> "onclick=\'x\' <javascript:alert(1)|x> <https://x.example/"onclick="y|z>'


class Office:
    """The page, the double behind it, and the app at the far end of a wire."""

    def __init__(self) -> None:
        self.wire = Wire(httpx.Response(200))
        self.slack = furnished(SlackDouble(app_url="https://rdv.example", transport=self.wire, patience=()))
        self.slack.settling = 0.0
        transport = httpx.ASGITransport(app=create_slack_app(self.slack))  # type: ignore[arg-type]
        self.browser = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8001", follow_redirects=True)

    async def page(self, **query: str) -> str:
        response = await self.browser.get("/slack", params={"me": ELISE, "c": CASES, **query})
        assert response.status_code == 200, response.text
        return checked(response.text)

    async def act(self, name: str, **form: Any) -> httpx.Response:
        response = await self.browser.post(f"/slack/{name}", data={"me": ELISE, "c": CASES, **form})
        assert response.status_code == 200, response.text
        checked(response.text)
        return response

    async def press(self, message: Message, place: str, **form: Any) -> None:
        where = {"surface": "message", "channel": message.channel, "ts": message.ts, "version": "0"}
        await self.act("press", **where, press=place, **form)

    def payload(self, number: int = -1) -> JSON:
        found: JSON = json.loads(self.wire.form(number)["payload"])
        return found

    def post(self, *blocks: JSON, text: str = "Un appel à faire") -> Message:
        return self.slack.workspace.post(CASES, text, list(blocks))

    def open(self, body: JSON) -> None:
        self.slack.workspace.modals[ELISE] = [self.slack.workspace.view(ELISE, body)]
        self.slack.workspace.changed()


def checked(html: str) -> str:
    """Valid, every id once, every field labelled, nothing inline."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    every = list(tree.iter())
    ids = [each.attrib["id"] for each in every if "id" in each.attrib]
    assert len(ids) == len(set(ids)), ids
    labelled = {each.attrib.get("for") for each in every if each.tag == "label"}
    for each in every:
        assert not [name for name in each.attrib if name.startswith("on") or name == "style"]
        if each.tag in ("input", "select", "textarea") and each.get("type") != "hidden":
            assert each.get("id") in labelled, each.attrib
        if each.tag == "form":
            assert each.get("action", "").startswith("/slack")
        for name in ("aria-describedby", "aria-labelledby"):
            assert set(each.get(name, "").split()) <= set(ids), each.attrib
    assert "<script>" not in html
    return html


@pytest.fixture
async def office() -> Any:
    found = Office()
    yield found
    await found.browser.aclose()
    await found.slack.sender.close()


async def test_somebody_new_sees_an_empty_place(office: Office) -> None:
    html = checked((await office.browser.get("/slack")).text)
    assert "Aucun message pour l’instant." in html
    assert "Élise Marchand" in html
    assert "# suivi" in html


async def test_an_empty_workspace_says_so() -> None:
    transport = httpx.ASGITransport(app=create_slack_app(SlackDouble()))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8001") as browser:
        assert "vide" in (await browser.get("/slack")).text


async def test_whoever_comes_in_is_where_something_was_said_last(office: Office) -> None:
    def opened(html: str) -> str:
        found = re.search(r'<h2 id="titre-conversation">([^<]+)', html)
        assert found is not None
        return found[1]

    async def come_in() -> str:
        return checked((await office.browser.get("/slack", params={"me": ELISE})).text)

    assert opened(await come_in()) == "Reprise"
    office.post(*case())
    html = await come_in()
    assert opened(html) == "# suivi"
    # The app's direct messages stand beside it before it has written any.
    assert f"c={office.slack.workspace.direct_message(ELISE).id}" in html
    office.slack.workspace.post(office.slack.workspace.direct_message(ELISE).id, "Rappel")
    assert opened(await come_in()) == "Reprise"


@pytest.mark.parametrize("kind", BLOCKS)
async def test_every_block_is_shown(office: Office, kind: str) -> None:
    office.post(BLOCKS[kind])
    await office.page()


@pytest.mark.parametrize("kind", sorted(ELEMENTS.keys() - {"image"}))
async def test_every_element_is_shown(office: Office, kind: str) -> None:
    if kind in ("button", "overflow"):
        holder = block("actions", elements=[ELEMENTS[kind]])
    else:
        holder = block("input", hint=plain("Aide"), optional=True, element=ELEMENTS[kind])
        office.open(modal(blocks=[holder]))
    office.post(holder)
    html = await office.page()
    assert "Texte" in html


async def test_the_page_waits_for_what_the_app_says_after_it_acknowledged(office: Office) -> None:
    message, office.slack.settling = office.post(*case()), 2.0
    later = asyncio.get_running_loop().call_later
    later(0.1, lambda: office.slack.workspace.rewrite(message, "Pris", [block("section", text=plain("C’est fait."))]))
    where = {"surface": "message", "channel": CASES, "ts": message.ts, "version": "0"}
    assert "C’est fait." in (await office.act("press", **where, press="1.0")).text


async def test_a_button_sends_a_real_press(office: Office) -> None:
    message = office.post(*case("claim", "seen"))
    assert 'name="press" value="1.1"' in await office.page()
    await office.press(message, "1.1")
    told = office.payload()
    assert (told["user"]["id"], told["actions"][0]["action_id"]) == (ELISE, "seen")


async def test_a_stale_page_presses_what_it_showed(office: Office) -> None:
    message = office.post(*case("claim"))
    office.slack.workspace.rewrite(message, "Pris", [block("section")])
    await office.press(message, "1.0")
    assert office.payload()["actions"][0]["action_id"] == "claim"


@pytest.mark.parametrize("place", ["9.0", "1.9", "x", "", "1.0.0", "0.0"])
async def test_a_press_of_nothing_does_nothing(office: Office, place: str) -> None:
    await office.press(office.post(*case()), place)
    assert office.wire.requests == []


async def test_a_press_on_a_message_that_is_gone_does_nothing(office: Office) -> None:
    message = office.post(*case())
    office.slack.workspace.remove(message)
    await office.press(message, "1.0")
    assert office.wire.requests == []


async def test_fields_of_a_message_go_with_the_press(office: Office) -> None:
    choose = element("static_select", options=[option("a"), option("b")])
    overflow = element("overflow", action_id="more", options=[option("y"), option("z")])
    message = office.post(block("actions", block_id="do", elements=[choose, button("go"), overflow]))
    await office.press(message, "0.1", **{"v0.0": "b"})
    assert office.payload()["state"]["values"]["do"]["x"]["selected_option"]["value"] == "b"
    await office.press(message, "0.0", **{"v0.0": "a"})
    assert office.payload()["actions"][0]["selected_option"]["value"] == "a"
    await office.press(message, "0.2.1")
    assert office.payload()["actions"][0]["selected_option"]["value"] == "z"


EVERY_FIELD: list[tuple[JSON, Any, Any]] = [
    (element("datepicker"), "2016-06-07", ("selected_date", "2016-06-07")),
    (element("timepicker"), "14:05", ("selected_time", "14:05")),
    (element("datetimepicker"), "2016-06-06T11:30", ("selected_date_time", 1465205400)),
    (element("datetimepicker"), "", ("selected_date_time", None)),
    (element("datetimepicker"), "soon", ("selected_date_time", None)),
    (element("plain_text_input"), "Un\r\nmot", ("value", "Un\nmot")),
    (element("users_select"), NADIA, ("selected_user", NADIA)),
    (element("checkboxes", options=[option("a"), option("b")]), ["a", "b"], ("selected_options", ["a", "b"])),
    (element("radio_buttons"), "a", ("selected_option", "a")),
]


@pytest.mark.parametrize(("field", "sent", "told"), EVERY_FIELD)
async def test_a_modal_is_filled_in_and_submitted(
    office: Office, field: JSON, sent: Any, told: tuple[str, Any]
) -> None:
    office.open(modal(blocks=[block("input", block_id="why", optional=True, element=field)]))
    assert 'role="dialog"' in await office.page()
    response = await office.act("submit", **{"v0.0": sent})
    name, value = told
    held = office.payload()["view"]["state"]["values"]["why"]["x"][name]
    values = [each["value"] for each in held] if isinstance(held, list) else held
    assert (values["value"] if isinstance(values, dict) else values) == value
    assert 'role="dialog"' not in response.text


async def test_errors_are_shown_at_their_field_and_nothing_is_typed_again(office: Office) -> None:
    office.wire = Wire(an_answer(response_action="errors", errors={"why": "Trop tôt."}))
    office.slack.sender._client = httpx.AsyncClient(transport=office.wire)
    office.open(modal())
    html = (await office.act("submit", **{"v0.0": "demain"})).text
    assert "Trop tôt." in html
    assert "demain</textarea>" in html
    assert 'aria-invalid="true"' in html


async def test_an_empty_field_is_asked_for_before_anything_is_sent(office: Office) -> None:
    office.open(modal())
    assert "Ce champ est nécessaire." in (await office.act("submit")).text
    assert office.wire.requests == []


async def test_a_modal_closes(office: Office) -> None:
    office.open(modal(notify_on_close=True))
    assert 'role="dialog"' not in (await office.act("close")).text
    assert office.payload()["type"] == "view_closed"
    await office.act("close")


async def test_an_app_that_does_not_answer_is_said_in_words(office: Office) -> None:
    office.wire = Wire(httpx.Response(500))
    office.slack.sender._client = httpx.AsyncClient(transport=office.wire)
    response = await office.browser.post(
        "/slack/press",
        data={
            "me": ELISE,
            "c": CASES,
            "surface": "message",
            "channel": CASES,
            "ts": office.post(*case()).ts,
            "press": "1.0",
        },
    )
    assert "La connexion a échoué." in response.text


async def test_the_home_is_opened_and_pressed(office: Office) -> None:
    html = (await office.act("home")).text
    assert "rien publié" in html
    assert json.loads(office.wire.requests[-1].content)["event"]["type"] == "app_home_opened"
    view = {**HOME, "blocks": [block("section", text=marked("Mes dossiers"), accessory=button("refresh"))]}
    office.slack.workspace.homes[ELISE] = office.slack.workspace.view(ELISE, view)
    assert "Mes dossiers" in await office.page(c="home")
    await office.act("press", c="home", surface="home", press="0.0")
    assert office.payload()["actions"][0]["action_id"] == "refresh"


@pytest.mark.parametrize(("line", "sent"), [("/reprise aide", True), ("bonjour", False), ("/", False), ("", False)])
async def test_a_command_is_typed(office: Office, line: str, sent: bool) -> None:
    await office.act("command", line=line)
    assert bool(office.wire.requests) is sent
    if sent:
        assert (office.wire.form()["text"], office.wire.form()["channel_id"]) == ("aide", CASES)


async def test_a_thread_is_read(office: Office) -> None:
    head = office.post(*case())
    office.slack.workspace.post(CASES, "Élise l’a vu", thread_ts=head.ts)
    html = await office.page()
    assert "1 réponse" in html
    assert "Élise l’a vu" not in html
    html = await office.page(t=head.ts)
    assert "Élise l’a vu" in html
    assert f'<a href="/slack?me={ELISE}&amp;c={CASES}">Fermer le fil</a>' in html
    assert 'id="fil"' in await office.page(t="9.9")


async def test_a_whisper_is_read_by_one(office: Office) -> None:
    office.slack.workspace.post(CASES, "Déjà pris", ephemeral_to=ELISE)
    html = await office.page()
    assert "Visible par vous seulement" in html
    assert "Déjà pris" not in checked((await office.browser.get("/slack", params={"me": NADIA, "c": CASES})).text)


async def test_a_press_that_is_answered_in_a_whisper_leads_to_it(office: Office) -> None:
    message, office.slack.settling = office.post(*case()), 2.0
    space = office.slack.workspace
    space.post(CASES, "D’avant", ephemeral_to=ELISE)
    later = asyncio.get_running_loop().call_later
    later(0.1, lambda: space.post(CASES, "Déjà pris", ephemeral_to=ELISE))
    where = {"surface": "message", "channel": CASES, "ts": message.ts, "version": "0"}
    response = await office.act("press", **where, press="1.0", anchor="m1-0")
    whisper = Person(office.slack, ELISE).whispers(CASES)[-1]
    assert response.url.fragment == f"m{whisper.ts.replace('.', '-')}"


async def test_a_whisper_is_pressed_by_nobody_else(office: Office) -> None:
    whisper = office.slack.workspace.post(CASES, "Déjà pris", case(), ephemeral_to=NADIA)
    await office.press(whisper, "1.0")
    assert office.wire.requests == []


async def test_a_message_can_be_deleted_as_an_administrator_would(office: Office) -> None:
    message = office.post(*case())
    await office.act("delete", channel=CASES, ts=message.ts)
    assert office.slack.workspace.timeline(CASES) == []
    assert json.loads(office.wire.requests[-1].content)["event"]["subtype"] == "message_deleted"


async def test_a_button_that_is_a_link_is_told_and_followed(office: Office) -> None:
    link = element("button", action_id="open", url="https://rdv.example/staff/k7")
    message = office.post(block("actions", block_id="do", elements=[link]))
    html = await office.page()
    found = re.search(r'href="(/slack/follow[^"]+)"', html)
    assert found is not None
    response = await office.browser.get(found[1].replace("&amp;", "&"), follow_redirects=False)
    assert response.headers["location"] == "https://rdv.example/staff/k7"
    assert office.payload()["actions"][0]["action_id"] == "open"
    gone = await office.browser.get("/slack/follow", params={"me": ELISE, "surface": "message", "ts": message.ts})
    assert gone.status_code == 404


async def test_a_choice_that_is_a_link_is_told_and_followed(office: Office) -> None:
    note = {**option("note"), "url": "https://rdv.example/staff/cases/k7"}
    more = element("overflow", action_id="more", options=[option("give"), note])
    office.post(block("section", text=marked("Un appel"), accessory=more))
    html = await office.page()
    assert 'value="0.0.0"' in html
    (found,) = re.findall(r'href="(/slack/follow[^"]+)"', html)
    response = await office.browser.get(found.replace("&amp;", "&"), follow_redirects=False)
    assert response.headers["location"] == "https://rdv.example/staff/cases/k7"
    assert office.payload()["actions"][0]["selected_option"]["value"] == "note"


async def test_hostile_text_is_only_text(office: Office) -> None:
    office.slack.workspace.users[NADIA].real_name = EVIL
    office.post(
        block("header", text=plain(EVIL[:150])),
        block("section", text=marked(EVIL), fields=[marked(EVIL)]),
        block("context", elements=[marked(f"<@{NADIA}> <!date^1465205400^{{date}}^javascript:alert(1)|x>")]),
        block("actions", elements=[button("a", text="<b>x"), element("users_select")]),
        text=EVIL,
    )
    office.open(modal(title=plain("<script>"), blocks=[block("input", label=plain(EVIL), hint=plain(EVIL))]))
    html = await office.page()
    assert "<script>alert" not in html
    assert 'href="javascript' not in html


async def test_polling_answers_nothing_until_something_comes(office: Office) -> None:
    revision = str(office.slack.workspace.revision)
    query = {"me": ELISE, "c": CASES}

    async def asked(**more: str) -> int:
        return (await office.browser.get("/slack", params={**query, **more})).status_code

    await office.page()
    assert await asked(seen=str(office.slack.workspace.revision)) == 204
    assert await asked(modal="none") == 204
    office.post(*case())
    assert await asked(seen=revision) == 200
    assert await asked(modal="none") == 204
    office.open(modal())
    assert await asked(modal="none") == 200


@pytest.mark.parametrize("name", ["press", "submit", "close", "command", "home", "delete", "faults"])
async def test_another_site_presses_nothing(office: Office, name: str) -> None:
    response = await office.browser.post(f"/slack/{name}", data={"me": ELISE}, headers={"Sec-Fetch-Site": "cross-site"})
    assert response.status_code == 403


async def test_faults_are_ordered_and_ended(office: Office) -> None:
    html = (await office.act("faults", do="archive", to=CASES)).text
    assert "Rouvrir suivi" in html
    assert "Ce canal est archivé." in await office.page()
    html = (await office.act("faults", do="slow")).text
    assert "Slack répond lentement (tout)." in html
    await office.act("faults", do="remove_app")
    assert "L’application est retirée." in await office.page()
    await office.act("faults", do="nonsense")
    assert "Slack répond lentement" not in (await office.act("faults", do="all_well")).text


async def test_a_permalink_leads_to_its_message(office: Office) -> None:
    head = office.post(*case())
    answer = office.slack.workspace.post(CASES, "Suite", thread_ts=head.ts)
    for message, anchor in ((head, "m"), (answer, "f")):
        place = message.ts.replace(".", "")
        response = await office.browser.get(f"/slack/archives/{CASES}/p{place}")
        assert response.url.fragment == f"{anchor}{message.ts.replace('.', '-')}"
        assert f'id="{response.url.fragment}"' in checked(response.text)
    assert (await office.browser.get(f"/slack/archives/{CASES}/p1000001")).status_code == 404


async def test_the_page_keeps_to_a_strict_policy(office: Office) -> None:
    policy = (await office.browser.get("/slack")).headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_confirmations_are_asked_first(office: Office) -> None:
    sure = {"title": plain("Sûr ?"), "text": marked("*Vraiment*"), "confirm": plain("Oui"), "deny": plain("Non")}
    office.post(block("actions", elements=[element("button", style="danger", confirm=sure)]))
    html = await office.page()
    assert "<summary" in html
    assert "<strong>Vraiment</strong>" in html


async def test_somebody_deactivated_is_named_so(office: Office) -> None:
    office.slack.control.deactivate(NADIA)
    assert "Nadia Haddad (compte désactivé)" in await office.page()
    assert Person(office.slack, NADIA).user.deleted
