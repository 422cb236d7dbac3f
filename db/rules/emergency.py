"""The emergency numbers that patients are told of, by the practice's country."""

from dataclasses import dataclass

from db.rules.telephones import OVERSEAS


@dataclass(frozen=True, slots=True)
class Emergency:
    """`urgent` and `listen` are to be called, `by_sms` to be written to."""

    urgent: tuple[str, ...]
    by_sms: tuple[str, ...] = ()
    listen: tuple[str, ...] = ()


FRANCE = Emergency(urgent=("15", "112"), by_sms=("114",), listen=("3114",))
EUROPE = Emergency(urgent=("112",))
NUMBERS = {
    "FR": FRANCE,
    "CH": Emergency(urgent=("144", "112"), listen=("143", "147")),
    "BE": Emergency(urgent=("112",), listen=("0800 32 123",)),
} | dict.fromkeys(OVERSEAS, FRANCE)


def emergency_numbers(country: str) -> Emergency:
    return NUMBERS.get(country, EUROPE)
