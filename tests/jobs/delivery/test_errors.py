import pytest

from jobs.delivery.errors import (
    LONGEST_TEXT,
    Ambiguous,
    DeliveryError,
    Permanent,
    PermanentKind,
    SendingRefused,
    Temporary,
    without_contacts,
)


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (
            "5.1.1 <camille@patients.example>: Recipient address rejected",
            "5.1.1 (address): Recipient address rejected",
        ),
        ("camille@patients.example unknown", "(address) unknown"),
        ('"camille d"@patients.example unknown', '"camille (address) unknown'),
        ("The 'To' number +33612345678 is not valid", "The 'To' number (number) is not valid"),
        ("number 06 12 34 56 78 refused", "number (number) refused"),
        ("number 06.12.34.56.78 refused", "number (number) refused"),
        ("blocked: https://practice.example/r/Abc123 is listed", "blocked: (link) is listed"),
        ("two\r\nlines\x00\u2028three", "two lines three"),
        ("queued as deddc187701078f0", "queued as deddc187701078f0"),
        ("number=0612345678, refused", "number=(number), refused"),
        ("4.2.2 mailbox full", "4.2.2 mailbox full"),
        ("odd \udce9 byte", "odd ? byte"),
    ],
)
def test_what_a_server_says_is_kept_without_contacts(said: str, kept: str) -> None:
    assert without_contacts(said) == kept


def test_what_a_server_says_is_kept_short() -> None:
    assert len(without_contacts("word " * 500)) == LONGEST_TEXT


@pytest.mark.parametrize("error", [Temporary, Permanent, Ambiguous, SendingRefused])
def test_every_error_holds_its_code_and_a_clean_text(error: type[DeliveryError]) -> None:
    raised = error(550, "no camille@patients.example here")
    assert (raised.code, raised.text, str(raised)) == ("550", "no (address) here", "550 no (address) here")


def test_a_permanent_error_has_a_kind_and_a_temporary_one_a_wish() -> None:
    assert Permanent(1, "").kind is PermanentKind.OTHER
    assert Temporary(429, "slow down", retry_after=3.0).retry_after == 3.0
