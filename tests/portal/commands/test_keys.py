"""`reprise keys reseal`."""

from db import session
from tests.portal.commands.conftest import Terminal
from tests.portal.commands.test_tasks import absent

ANOTHER = "2:bmV3IGtleSBvZiB0aGUgdGVzdHMsIDMyIGJ5dGVzISE="


def test_resealing_under_the_present_key_has_nothing_to_do(shop: Terminal) -> None:
    absent(shop)
    assert shop.json("keys", "reseal") == {"resealed": 0}


def test_a_new_key_seals_everything_anew_and_the_old_one_may_go(shop: Terminal) -> None:
    absence = absent(shop)
    try:
        shop.settings(REPRISE_ENCRYPTION_KEYS=f"{shop.config.encryption_keys.get_secret_value()},{ANOTHER}")
        assert shop.json("keys", "reseal")["resealed"] > 0
        shop.settings(REPRISE_ENCRYPTION_KEYS=ANOTHER)
        assert shop.json("patient", absence.patient_key)["phone"] == absence.phone
    finally:
        session.use_keys(shop.config)
