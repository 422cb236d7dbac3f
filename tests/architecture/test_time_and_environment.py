"""One clock, one reader of the environment."""

import re

from tests.architecture.source import Module, modules

# A stopwatch is not a clock: `time.monotonic` measures how long, and never says when.
CLOCK_READS = re.compile(
    r"(datetime\.datetime|datetime\.date|datetime)\.(now|utcnow|today)"
    r"|(datetime\.)?date\.today"
    r"|time\.(time|time_ns|localtime|gmtime|ctime|asctime|strftime|clock_gettime|clock_gettime_ns)$"
)
SQL_CLOCK = re.compile(
    r"\b(now|clock_timestamp|statement_timestamp|transaction_timestamp)\s*\(|\bcurrent_(date|time)", re.IGNORECASE
)
SQL = re.compile(r"^\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|WITH|AND|WHERE|FROM|SET|VALUES)\b")
ENVIRONMENT = re.compile(r"os\.(environ|environb|getenv|getenvb|putenv)\b|dotenv")

PLANTED = Module(
    "planted.py",
    "import os\nimport time\nimport datetime as dt\nfrom datetime import datetime, date\nfrom time import time as t\n"
    "def f():\n    return datetime.now(), dt.datetime.utcnow(), date.today(), time.time(), t()\n"
    "from os import environ\nenviron.get('Y')\nos.environ['X']\nos.getenv('Z')\n",
)


def reads(module: Module, pattern: re.Pattern[str]) -> list[str]:
    return [f"{module.name}:{line} {name}" for name, line in module.used() if pattern.match(name)]


def everywhere_but(name: str, pattern: re.Pattern[str]) -> list[str]:
    return [read for module in modules() if module.name != name for read in reads(module, pattern)]


def test_clock_is_read_in_one_module() -> None:
    assert everywhere_but("db/clock.py", CLOCK_READS) == []


def test_database_is_never_asked_for_the_time() -> None:
    asked = [
        f"{module.name}:{line}"
        for module in modules()
        for text, line in module.strings()
        if SQL.match(text) and SQL_CLOCK.search(text)
    ]
    assert asked == []


def test_environment_is_read_in_one_module() -> None:
    assert everywhere_but("db/config.py", ENVIRONMENT) == []


def test_these_tests_would_see_a_read() -> None:
    names = {read.partition(" ")[2] for read in reads(PLANTED, CLOCK_READS)}
    assert names == {
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "time.time",
    }
    assert len(reads(PLANTED, ENVIRONMENT)) >= 3
