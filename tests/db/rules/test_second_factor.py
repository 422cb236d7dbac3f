"""Codes of the second factor, and the codes for the day it is lost."""

import base64
import re
from datetime import UTC, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from db.rules.second_factor import (
    RECOVERY_ALPHABET,
    address_of,
    code_at,
    matching_step,
    new_recovery_codes,
    new_secret,
    recovery_form,
)

# RFC 6238, appendix B, SHA-1; its eight digits end with our six.
SECRET = base64.b32encode(b"12345678901234567890").decode()


def at(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_the_standards_own_examples(seconds: int, code: str) -> None:
    assert code_at(SECRET, at(seconds)) == code
    assert matching_step(SECRET, code, now=at(seconds), after=None) == seconds // 30


@pytest.mark.parametrize(("off", "step"), [(-61, None), (-30, 9), (0, 10), (30, 11), (61, None)])
def test_a_code_is_good_half_a_minute_before_and_after(off: int, step: int | None) -> None:
    assert matching_step(SECRET, code_at(SECRET, at(300 + off)), now=at(300), after=None) == step


@pytest.mark.parametrize(("after", "step"), [(9, 10), (10, None), (11, None)])
def test_a_step_is_used_once(after: int, step: int | None) -> None:
    assert matching_step(SECRET, code_at(SECRET, at(300)), now=at(300), after=after) == step


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "²²²²²²", "١٢٣٤٥٦", "-12345"])
def test_what_is_no_code_matches_nothing(typed: str) -> None:
    assert matching_step(SECRET, typed, now=at(300), after=None) is None


def test_a_code_may_be_written_in_groups() -> None:
    code = code_at(SECRET, at(300))
    assert matching_step(SECRET, f" {code[:3]} {code[3:]} ", now=at(300), after=None) == 10


def test_the_picture_says_the_secret_the_account_and_the_practice() -> None:
    parts = urlsplit(address_of(SECRET, account="lou@x.example", practice="Les Tilleuls"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path) == "/Reprise Les Tilleuls:lou@x.example"
    assert parse_qs(parts.query) == {"secret": [SECRET], "issuer": ["Reprise Les Tilleuls"]}


def test_secrets_have_160_bits() -> None:
    assert len({new_secret() for _ in range(50)}) == 50
    assert len(base64.b32decode(new_secret())) == 20


def test_recovery_codes_are_ten_and_can_be_typed_anyhow() -> None:
    codes = new_recovery_codes()
    assert len(set(codes)) == 10
    for code in codes:
        assert re.fullmatch(rf"([{RECOVERY_ALPHABET}]{{4}}-){{2}}[{RECOVERY_ALPHABET}]{{4}}", code)
        assert recovery_form(code) == recovery_form(code.upper().replace("-", " ")) == code.replace("-", "")


@pytest.mark.parametrize("typed", ["", "123456", "aaaa-bbbb-ccc", "aaaa-bbbb-cccc-d", "aaaa-bbbb-cc0c", "é" * 12])
def test_what_cannot_be_a_recovery_code(typed: str) -> None:
    assert recovery_form(typed) is None
