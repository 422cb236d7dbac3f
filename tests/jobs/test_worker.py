"""What the worker tells arq: nothing in Redis is ever run, and an address's password is read as it was meant."""

import pytest
from pydantic import SecretStr

from db.config import Config
from db.tables.deliveries import BULK, HUMAN
from jobs.worker import crons, make_worker


@pytest.fixture
def elsewhere(config: Config) -> Config:
    address = SecretStr("redis://work%40er:p%2Fss%25@redis.example:6379/0")
    return config.model_copy(update={"redis_url": address})


async def test_a_job_in_redis_is_json(elsewhere: Config) -> None:
    worker = make_worker(elsewhere, BULK)
    assert worker.job_serializer is not None
    assert worker.job_deserializer is not None
    job: dict[str, object] = {"t": None, "f": "cron:tick_send", "a": (), "k": {}, "et": 1}
    assert worker.job_deserializer(worker.job_serializer(job)) == job | {"a": []}
    with pytest.raises(ValueError, match=r"Expecting value|decode"):
        worker.job_deserializer(b"\x80\x04N.")


async def test_the_password_of_an_address_is_decoded(elsewhere: Config) -> None:
    settings = make_worker(elsewhere, HUMAN).redis_settings
    assert settings is not None
    assert (settings.username, settings.password) == ("work@er", "p/ss%")


async def test_no_two_queues_share_a_name() -> None:
    names = [one.name for queue in (BULK, HUMAN) for one in crons(queue)]
    assert len(set(names)) == len(names)
