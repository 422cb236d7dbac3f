"""The linter at the send."""

import pytest

from jobs.messages.catalogue import Found, Key, Wording, shipped
from jobs.messages.errors import TextRefused
from jobs.messages.lint.gate import refuse_faulty

BODY = "Bonjour {{ first_name }},\n\nChoisir un horaire : {{ link }}\n\n{{ phone }}\n\nNe plus recevoir : {{ opt_out }}"


def email(subject: str = "Votre rendez-vous", body: str = BODY) -> Found:
    return Found(Key("worth", "email", "dental", "fr"), Wording(body, subject))


def sms(body: str) -> Found:
    return Found(Key("first", "sms", "general", "fr"), Wording(body))


@pytest.mark.parametrize("can_receive", [True, False])
def test_every_shipped_text_may_leave(can_receive: bool) -> None:
    catalogue = shipped()
    for key in catalogue.every_key():
        refuse_faulty(Found(key, catalogue.shipped[key]), can_receive=can_receive)


def test_a_text_with_an_error_does_not_leave() -> None:
    refuse_faulty(email(), can_receive=False)
    with pytest.raises(TextRefused, match=r"guilt\.price"):
        refuse_faulty(email(body=BODY + "\n\nToute absence est facturée 30 euros."), can_receive=False)
    with pytest.raises(TextRefused, match=r"subject .* discretion"):
        refuse_faulty(email("Votre détartrage"), can_receive=False)


def test_stop_may_be_asked_for_only_where_an_answer_comes_back() -> None:
    text = sms("Bonjour {{ first_name }}, {{ link }}\nRépondez STOP. {{ opt_out }}")
    refuse_faulty(text, can_receive=True)
    with pytest.raises(TextRefused, match=r"opt_out\.reply"):
        refuse_faulty(text, can_receive=False)
