import pytest

from jobs.delivery.sms.words import Meaning, meaning, says_more


@pytest.mark.parametrize(
    "text",
    [
        "STOP",
        "stop",
        "Stop.",
        " STOP !! ",
        "«STOP»",
        "STOPP",
        "stooop",
        "S.T.O.P",
        "S T O P",
        "ＳＴＯＰ",
        "STOP 36180",
        "STOP36180",
        "stop svp",
        "Stop s'il vous plaît",
        "STOP SMS",
        "STOP pour se désinscrire",
        "Stop, merci beaucoup",
        "merci, stop",
        "Bonjour, stop svp",
        "stop demain je viens pas",
        "ARRET",
        "ARRÊT",
        "arre\u0302t",
        "Arrêt svp",
        "arrêt sms",
        "Arrêtez les messages svp",
        "DESINSCRIRE",
        "désinscrire",
        "Me désinscrire, merci",
        "Désinscription",
        "unsubscribe please",
    ],
)
def test_a_wish_to_hear_no_more_is_a_stop(text: str) -> None:
    assert meaning(text) is Meaning.STOP


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "🛑",
        "Merci",
        "Oui bien sûr",
        "Arrêt de travail jusqu'à lundi",
        "arrêt maladie",
        "Pouvez-vous arrêter de m'écrire ?",
        "Je suis à l'arrêt de bus",
        "Le bus ne s'arrête pas",
        "non-stop au travail cette semaine",
        "stoppage",
        "start demain ?",
        "On reprend quand ?",
        "I will restart soon",
    ],
)
def test_anything_else_is_a_reply_for_a_person(text: str) -> None:
    assert meaning(text) is Meaning.REPLY


@pytest.mark.parametrize("text", ["START", "start", " Start. ", "UNSTOP", "start svp", "S T A R T"])
def test_start_alone_lets_messages_go_again(text: str) -> None:
    assert meaning(text) is Meaning.START


@pytest.mark.parametrize(
    ("text", "more"),
    [
        ("STOP", False),
        ("stop svp", False),
        ("Arrêtez les messages, merci", False),
        ("stop demain je viens pas", True),
        ("STOP je vais très mal", True),
    ],
)
def test_a_stop_that_says_more_is_worth_reading(text: str, more: bool) -> None:
    assert says_more(text) is more
