import pytest

from db.rules.bounces import concerns_address


@pytest.mark.parametrize(
    "status",
    ["5.0.0", "5.1.0", "5.1.1", "5.1.2", "5.1.10", "5.1.6", "5.2.0", "5.2.1", "5.4.1", "5.4.4", "5.4.310", "5.5.0"],
)
def test_mailbox_that_does_not_exist_closes_the_address(status: str) -> None:
    assert concerns_address(status) is True


@pytest.mark.parametrize(
    "status",
    [
        "5.1.7",
        "5.1.8",
        "5.2.2",
        "5.2.3",
        "5.3.4",
        "5.4.6",
        "5.4.7",
        "5.5.1",
        "5.6.0",
        "5.7.1",
        "5.7.26",
        "4.1.1",
        "",
        "5",
    ],
)
def test_refusal_of_the_message_the_sender_or_the_day_leaves_the_address_open(status: str) -> None:
    assert concerns_address(status) is False
