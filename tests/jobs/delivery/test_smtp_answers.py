import pytest

from jobs.delivery.errors import Ambiguous, DeliveryError, Permanent, PermanentKind, SendingRefused, Temporary
from jobs.delivery.smtp_answers import Stage, refusal

EVERY_STAGE = list(Stage)


@pytest.mark.parametrize("stage", EVERY_STAGE)
@pytest.mark.parametrize("code", [421, 450, 451, 452, 454])
def test_a_4xx_is_temporary_at_every_stage(stage: Stage, code: int) -> None:
    assert isinstance(refusal(stage, code, "later"), Temporary)


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind"),
    [
        (Stage.RECIPIENT, 550, "5.1.1 no such user", PermanentKind.ADDRESS_INVALID),
        (Stage.RECIPIENT, 550, "no such user", PermanentKind.ADDRESS_INVALID),
        (Stage.RECIPIENT, 553, "5.1.3 bad syntax", PermanentKind.ADDRESS_INVALID),
        (Stage.RECIPIENT, 550, "5.2.1 mailbox disabled", PermanentKind.ADDRESS_INVALID),
        (Stage.RECIPIENT, 550, "5.7.1 policy", PermanentKind.OTHER),
        (Stage.RECIPIENT, 554, "no", PermanentKind.OTHER),
        (Stage.DATA, 554, "5.5.1 no valid recipients", PermanentKind.REFUSED_CONTENT),
        (Stage.BODY, 554, "5.7.1 looks like spam", PermanentKind.REFUSED_CONTENT),
        (Stage.BODY, 550, "5.6.0 content", PermanentKind.REFUSED_CONTENT),
        (Stage.BODY, 550, "5.1.1 no such user", PermanentKind.ADDRESS_INVALID),
        (Stage.BODY, 552, "5.3.4 too big", PermanentKind.OTHER),
        (Stage.BODY, 552, "too big", PermanentKind.OTHER),
    ],
)
def test_a_5xx_about_the_message_is_permanent(stage: Stage, code: int, text: str, kind: PermanentKind) -> None:
    error = refusal(stage, code, text)
    assert isinstance(error, Permanent)
    assert error.kind is kind


@pytest.mark.parametrize("stage", [Stage.RECIPIENT, Stage.BODY])
def test_a_full_mailbox_passes(stage: Stage) -> None:
    assert isinstance(refusal(stage, 552, "5.2.2 over quota"), Temporary)


@pytest.mark.parametrize(
    ("stage", "code", "text"),
    [
        (Stage.CONNECT, 554, "no service for you"),
        (Stage.CONNECT, 535, "5.7.8 bad credentials"),
        (Stage.SENDER, 550, "sender refused"),
        (Stage.SENDER, 530, "5.7.0 authentication required"),
        (Stage.RECIPIENT, 530, "5.7.0 authentication required"),
        (Stage.RECIPIENT, 554, "5.7.1 <x@y.example>: Relay access denied"),
        (Stage.BODY, 530, "5.7.0 must issue STARTTLS"),
    ],
)
def test_a_5xx_about_the_sender_is_for_staff(stage: Stage, code: int, text: str) -> None:
    assert isinstance(refusal(stage, code, text), SendingRefused)


@pytest.mark.parametrize(
    ("stage", "error"), [(Stage.SENDER, Temporary), (Stage.RECIPIENT, Temporary), (Stage.BODY, Ambiguous)]
)
def test_an_answer_that_makes_no_sense_is_never_a_success(stage: Stage, error: type[DeliveryError]) -> None:
    assert isinstance(refusal(stage, -1, "camille@patients.example"), error)
