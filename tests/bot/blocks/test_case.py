"""Every message, modal and Home that the builders can make passes Slack's published limits, and tells of no patient."""

import itertools
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from typing import Any

import pytest

from bot.blocks.case import case_message, elsewhere_message, notice_message, plain_text, thread_message
from bot.blocks.home import HomeShown, home_view, list_text, unlinked_home
from bot.blocks.modals import About, answer_modal, outcome_modal, reassign_modal
from db.changes._journal import Event
from db.changes._telling import Occasion
from db.queries.slack import Acting, CaseCard, CaseLine, LeaveShown, Listed, Someone
from db.queries.words import languages, words
from db.states import CallOutcome, Reason, TaskKind, TaskStatus
from portal.demo.slack.blocks import characters, message_problems, sent_problems, view_problems

BASE_URL = "https://rdv.example"
WHEN = datetime(2026, 11, 24, 18, 30, tzinfo=UTC)
SACHA, ANDREA = Someone("Sacha Morel", "U0SACHA"), Someone("Andrea Blanc")
# A name can be as long as somebody likes, and hold what Slack would read as a command.
HOSTILE = Someone("<!channel> & *" + "É" * 400 + "*")
CALL = CaseCard(
    ref="abcdefghjkmn",
    kind=TaskKind.CALL,
    status=TaskStatus.OPEN,
    urgent=True,
    deadline_at=WHEN,
    promised_at=None,
    assignee=SACHA,
    seen_by=None,
    holder=None,
    closed_by=None,
    zone="Europe/Paris",
    mark="3_0f1e2d3c4b",
)
CARDS = [
    replace(CALL, kind=kind, status=status, urgent=urgent, assignee=who, seen_by=who, holder=who, closed_by=who)
    for kind, status, urgent, who in itertools.product(
        TaskKind, TaskStatus, (False, True), (None, SACHA, ANDREA, HOSTILE)
    )
]


def pressed(blocks: list[dict[str, Any]]) -> list[str]:
    return [one["action_id"] for block in blocks if block["type"] == "actions" for one in block["elements"]]


def strings(value: Any) -> str:
    if isinstance(value, dict):
        return " ".join(strings(each) for each in value.values())
    if isinstance(value, list):
        return " ".join(strings(each) for each in value)
    return str(value)


@pytest.mark.parametrize("language", languages())
def test_every_case_in_every_state_passes_slacks_limits(language: str) -> None:
    known = words(language)
    for card in CARDS:
        said = case_message(replace(card, promised_at=WHEN), known, base_url=BASE_URL)
        assert sent_problems({"text": said.text, "blocks": said.blocks}) == []
        assert said.text
        assert len(pressed(said.blocks)) <= 3


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("occasion", Occasion)
@pytest.mark.parametrize("link", [None, "https://tilleuls.slack.com/archives/C1/p1?a=1&b=2"])
def test_every_notice_passes_slacks_limits(language: str, occasion: str, link: str | None) -> None:
    for kind in TaskKind:
        card = replace(CALL, kind=kind)
        said = notice_message(card, occasion, words(language), base_url=BASE_URL, link=link)
        assert sent_problems({"text": said.text, "blocks": said.blocks}) == []
        assert card.ref in strings(said.blocks)


@pytest.mark.parametrize("status", TaskStatus)
@pytest.mark.parametrize("urgent", [True, False])
def test_a_case_is_called_priority_while_it_is_open_and_only_where_it_is(urgent: bool, status: TaskStatus) -> None:
    card = replace(CALL, urgent=urgent, status=status)
    notice = notice_message(card, Occasion.OPENED, words("fr"), base_url=BASE_URL, link=None)
    for said in (case_message(card, words("fr"), base_url=BASE_URL), notice):
        assert ("prioritaire" in strings(said.blocks)) == ("prioritaire" in said.text) == (urgent and card.is_open)


@pytest.mark.parametrize("language", languages())
def test_a_thread_tells_everything_that_happens_to_a_case(language: str) -> None:
    known = words(language)
    lines = tuple(
        CaseLine(WHEN, event, who, Reason.BY_HAND, "Europe/Paris") for event in Event for who in (None, HOSTILE)
    )
    said = thread_message(CALL, lines, known)
    assert said is not None
    assert message_problems(said.blocks) == []
    told = {event for event in Event if thread_message(CALL, (CaseLine(WHEN, event, SACHA, None, "UTC"),), known)}
    # Putting off and skipping come before a case opens.
    of_a_task = {event for event in Event if event.startswith("task_")}
    assert told == (of_a_task - {Event.TASK_PUT_OFF, Event.TASK_SKIPPED}) | {Event.NOTE_ADDED}


def test_what_says_nothing_of_the_case_makes_no_answer_in_the_thread() -> None:
    line = CaseLine(WHEN, "message_sent", SACHA, None, "Europe/Paris")
    assert thread_message(CALL, (line,), words("fr")) is None


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("about_patient", [True, False])
def test_every_modal_passes_slacks_limits(language: str, about_patient: bool) -> None:
    known = words(language)
    for kind in TaskKind:
        case = Acting(replace(CALL, kind=kind), True, about_patient)
        view = outcome_modal(case, About(CALL.ref), known, base_url=BASE_URL, promise_days=14)
        assert view_problems(view, "modal") == []
        assert "plain_text_input" not in strings(view)
    many = [(f"p{number}", "Z" * 200) for number in range(150)]
    assert view_problems(reassign_modal(Acting(CALL, True, True), About(CALL.ref), many, known), "modal") == []
    assert view_problems(answer_modal("C’est noté.", known), "modal") == []


def test_a_case_about_no_patient_offers_no_outcome_of_a_call() -> None:
    case = Acting(replace(CALL, kind=TaskKind.SENDING_REFUSED), True, False)
    view = outcome_modal(case, About(CALL.ref), words("fr"), base_url=BASE_URL, promise_days=14)
    offered = [one["value"] for one in view["blocks"][1]["element"]["options"]]
    assert offered == [CallOutcome.HANDLED, CallOutcome.NOTHING_TO_DO, "later"]


@pytest.mark.parametrize("language", languages())
def test_the_fullest_home_and_the_emptiest_pass_slacks_limits(language: str) -> None:
    known = words(language)
    cards = [replace(CALL, ref=f"ref{number}", assignee=HOSTILE) for number in range(40)]
    leave = [LeaveShown(date(2026, 12, 1), date(2026, 12, 9), name) for name in (None, HOSTILE.name)] * 9
    others = Listed([replace(card, ref=f"x{card.ref}") for card in cards], 9999)
    full, nothing = HomeShown(Listed(cards, 9999), others, leave), Listed([], 0)
    for shown in (full, HomeShown(nothing, nothing, [])):
        view = home_view(shown, known, base_url=BASE_URL, command="/reprise", said="Déjà pris en charge.")
        assert view_problems(view, "home") == []
    assert view_problems(unlinked_home(known, base_url=BASE_URL), "home") == []
    assert len(list_text(Listed(cards, 40), known, base_url=BASE_URL)) < 40_000
    assert characters(unlinked_home(known, base_url=BASE_URL)["blocks"]) > 0


def test_a_case_that_changes_hands_while_home_is_drawn_stands_there_once() -> None:
    cards = [replace(CALL, ref=f"ref{number}") for number in range(3)]
    shown = HomeShown(Listed(cards[:2], 2), Listed(cards[1:], 30), [])
    view = home_view(shown, words("fr"), base_url=BASE_URL, command="/reprise")
    assert view_problems(view, "home") == []
    assert "Il en reste 28" in strings(view["blocks"])


@pytest.mark.parametrize(
    ("status", "offered"),
    [
        (TaskStatus.OPEN, ["case_seen", "case_mine", "case_outcome"]),
        (TaskStatus.ACKNOWLEDGED, ["case_mine", "case_outcome"]),
        (TaskStatus.CLAIMED, ["case_outcome"]),
        (TaskStatus.DONE, []),
        (TaskStatus.CANCELLED, []),
    ],
)
def test_a_case_offers_what_may_still_be_done(status: TaskStatus, offered: list[str]) -> None:
    said = case_message(replace(CALL, status=status), words("fr"), base_url=BASE_URL)
    assert pressed(said.blocks) == offered


def test_the_french_message_reads_so() -> None:
    said = case_message(CALL, words("fr"), base_url=BASE_URL)
    assert said.text == "Un appel à passer (prioritaire), réf. abcdefghjkmn, avant le mar. 24 nov. 2026 à 19:30"
    assert said.blocks[0]["text"]["text"] == ":warning: *Un appel à passer (prioritaire)* · réf. `abcdefghjkmn`"
    assert said.blocks[1]["text"]["text"].split("\n") == [
        "*À faire avant :* <!date^1795545000^{date_short_pretty} à {time}|mar. 24 nov. 2026 à 19:30>",
        "*Confiée à :* <@U0SACHA>",
        "*État :* à prendre",
    ]
    assert said.blocks[-1]["elements"][0]["text"] == f"<{BASE_URL}/staff/cases/{CALL.ref}|Ouvrir le dossier>"


def test_a_name_calls_nobody_and_formats_nothing() -> None:
    said = case_message(replace(CALL, assignee=HOSTILE), words("fr"), base_url=BASE_URL)
    assert "<!channel>" not in strings(said.blocks)
    assert "&lt;!channel&gt;" in strings(said.blocks)


@pytest.mark.parametrize("language", languages())
def test_an_emoji_never_stands_alone(language: str) -> None:
    for text in words(language).groups["slack"].values():
        if ":" in text and (name := text.partition(":")[2].partition(":")[0]).isidentifier() and text[0] == ":":
            assert len(text.replace(f":{name}:", "").strip()) > 3


def test_a_message_can_hold_nothing_of_a_patient() -> None:
    assert {field.name for field in fields(CaseCard)} == {
        "ref", "kind", "status", "urgent", "deadline_at", "promised_at", "assignee", "seen_by", "holder", "closed_by",
        "zone", "mark",
    }  # fmt: skip
    assert {field.name for field in fields(CaseLine)} == {"at", "event", "who", "reason", "zone"}


@pytest.mark.parametrize("language", languages())
def test_no_kind_is_told_from_another_by_more_than_what_is_asked(language: str) -> None:
    known = words(language)
    for kind in TaskKind:
        said = strings(case_message(replace(CALL, kind=kind), known, base_url=BASE_URL).blocks).lower()
        plain = plain_text(replace(CALL, kind=kind), known).lower()
        for telling in ("risque", "crise", "urgence", "patient", "risk", "crisis", "emergency", "clini", "absen"):
            assert telling not in said + plain


def test_a_place_that_the_message_has_left_tells_no_state() -> None:
    for language in languages():
        said = elsewhere_message(CALL.ref, words(language))
        assert message_problems(said.blocks) == []
        assert pressed(said.blocks) == []
