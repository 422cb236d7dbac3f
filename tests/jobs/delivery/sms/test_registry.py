from dataclasses import replace
from typing import Any

import pytest

from db.errors import ConfigurationError
from jobs.delivery.sms.gateway import SenderForm
from jobs.delivery.sms.registry import GatewaySettings, gateway

SETTINGS = GatewaySettings("twilio", "AC0", "token", "+33644600000")
KANNEL = GatewaySettings(
    "kannel", "reprise", "password", "Tilleuls", "http://127.0.0.1:13013", inbound_secret="secret-of-the-tests-1"
)


def test_a_known_provider_gives_a_gateway() -> None:
    assert gateway(SETTINGS).capabilities.sender_form is SenderForm.NUMBER


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"provider": "pigeon"}, "twilio"),
        ({"provider": ""}, "twilio"),
        ({"account": ""}, "account"),
        ({"secret": "", "sender": ""}, "secret, sender"),
        ({"base_url": "ftp://sms.example"}, "https"),
    ],
)
def test_settings_that_cannot_work_are_said_in_a_sentence(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        gateway(replace(SETTINGS, **changes))


@pytest.mark.parametrize("changes", [{"base_url": None}, {"inbound_secret": ""}])
def test_a_gateway_of_ones_own_needs_its_address_and_what_it_shows(changes: dict[str, Any]) -> None:
    assert not gateway(KANNEL).capabilities.receives
    with pytest.raises(ConfigurationError, match="base_url, inbound_secret"):
        gateway(replace(KANNEL, **changes))


def test_the_secret_is_not_shown() -> None:
    assert "token" not in repr(SETTINGS)
    assert "secret-of" not in repr(KANNEL)
