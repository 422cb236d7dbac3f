"""`[sms]` of a practice whose gateway is its own Kannel."""

from pathlib import Path
from typing import Any

import pytest

from portal.forms.sending_access import Around, read_sms
from portal.forms.toml_reader import Section

SECRET = "0123456789abcdef0123"


def read(folder: Path, **changes: Any) -> tuple[dict[str, Any], list[str]]:
    """What is stored, and what is wrong; a key that is None is left out."""
    usual = {
        "provider": "kannel",
        "account": "reprise",
        "token": "password",
        "sender": "Tilleuls",
        "base_url": "http://127.0.0.1:13013",
        "inbound_secret": SECRET,
    }
    values = {key: value for key, value in (usual | changes).items() if value is not None}
    problems: list[str] = []
    section = Section("[sms]", values, problems)
    return read_sms(section, Around(folder, "FR", "fr", "Les Tilleuls")), problems


def test_the_section_is_kept_with_the_country_that_numbers_are_read_in(tmp_path: Path) -> None:
    stored, problems = read(tmp_path, sender="09 39 00 00 00")
    assert problems == []
    assert stored == {
        "provider": "kannel",
        "account": "reprise",
        "token": "password",
        "sender": "+33939000000",
        "base_url": "http://127.0.0.1:13013",
        "inbound_secret": SECRET,
        "country": "FR",
    }


def test_both_secrets_may_be_files(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p\n", encoding="utf-8")
    (tmp_path / "inbound").write_text(f"{SECRET}\n", encoding="utf-8")
    files = {"token": None, "token_file": "password", "inbound_secret": None, "inbound_secret_file": "inbound"}
    stored, problems = read(tmp_path, **files)
    assert problems == []
    assert (stored["token"], stored["inbound_secret"]) == ("p", SECRET)


@pytest.mark.parametrize(
    "address",
    [
        "http://localhost:13013",
        "http://[::1]:13013/cgi-bin/sendsms",
        "https://sms.cabinet.example",
        "https://sms.cabinet.example:8443/kannel/send-sms",
    ],
)
def test_an_address_on_this_machine_or_with_tls_is_kept(tmp_path: Path, address: str) -> None:
    stored, problems = read(tmp_path, base_url=address)
    assert problems == []
    assert stored["base_url"] == address


@pytest.mark.parametrize(
    ("changes", "key", "hint"),
    [
        ({"base_url": None}, "base_url", "is missing"),
        ({"base_url": "http://sms.cabinet.example:13013"}, "base_url", "write https"),
        ({"base_url": "sms.cabinet.example"}, "base_url", "the address of its sendsms"),
        ({"base_url": "https://user:pass@sms.cabinet.example"}, "base_url", "the address of its sendsms"),
        ({"base_url": "https://sms.cabinet.example/sendsms?to=1"}, "base_url", "the address of its sendsms"),
        ({"base_url": "https://sms.cabinet.example:70000"}, "base_url", "the address of its sendsms"),
        ({"base_url": 13013}, "base_url", "text in quotes"),
        ({"inbound_secret": None}, "inbound_secret", "inbound_secret_file"),
        ({"inbound_secret": "short"}, "inbound_secret", "openssl rand"),
        ({"inbound_secret": "with a space and % & more"}, "inbound_secret", "openssl rand"),
        ({"sender": "MG" + "0" * 32}, "sender", "11"),
        ({"provider": "twilio"}, "base_url", "is not known"),
        ({"provider": "twilio"}, "inbound_secret", "is not known"),
    ],
)
def test_a_mistake_is_named_with_what_to_write(tmp_path: Path, changes: dict[str, Any], key: str, hint: str) -> None:
    _, problems = read(tmp_path, **changes)
    assert any(hint in one for one in problems if one.startswith(f"[sms] {key}:")), problems
