from collections.abc import Iterator
from pathlib import Path

import pytest

from db.config import Config
from tests.chaos.stack import Stack, stack_on


@pytest.fixture
def stack(database: None, config: Config, tmp_path: Path) -> Iterator[Stack]:
    with stack_on(tmp_path, config) as made:
        yield made
