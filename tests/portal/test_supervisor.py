"""Small stand-in children, real processes."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from db.errors import ConfigurationError
from db.processes import soon
from portal import supervisor as module
from portal.supervisor import LONGEST_PAUSE, PROCESSES_FILE, Child, Supervisor, pause

SLEEP = "import time; print('up', flush=True); time.sleep(60)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEP
ROOT = Path(module.__file__).parents[1]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    made = Supervisor(tmp_path, said.append, shortest_pause=0.01, grace=0.1)
    yield made
    made.stop()


def python(name: str, program: str) -> Child:
    return Child(name, [sys.executable, "-c", program])


def forked(name: str, program: str, descriptors: tuple[int, ...] = ()) -> Child:
    def work() -> int:
        exec(program, {"__name__": "child"})
        return 0

    return Child(name, ["/bin/false"], descriptors, inside=work)


def log(supervisor: Supervisor, name: str) -> str:
    return (supervisor.data / "logs" / f"{name}.log").read_text()


def pid_of(supervisor: Supervisor, name: str) -> int:
    numbers: dict[str, int] = json.loads((supervisor.data / PROCESSES_FILE).read_text())
    return numbers[name]


def lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (6, 16.0), (7, LONGEST_PAUSE), (5000, LONGEST_PAUSE)]
)
def test_each_failure_doubles_the_pause_up_to_half_a_minute(failures: int, seconds: float) -> None:
    assert pause(failures) == seconds


@pytest.mark.parametrize("kind", [python, forked])
def test_a_child_that_dies_is_started_again(
    supervisor: Supervisor, said: list[str], kind: Callable[[str, str], Child]
) -> None:
    supervisor.start(kind("worker", SLEEP))
    first = pid_of(supervisor, "worker")
    os.kill(first, signal.SIGKILL)

    def again() -> bool:
        supervisor.check()
        return pid_of(supervisor, "worker") != first

    assert soon(again, 5)
    assert said == ["worker ended by itself (exit code -9, see logs/worker.log); again in 0.01 s."]
    assert supervisor.hopeless() is None


@pytest.mark.parametrize("kind", [python, forked])
def test_a_child_that_never_stays_up_is_named(supervisor: Supervisor, kind: Callable[[str, str], Child]) -> None:
    supervisor.start(kind("worker", "import sys; sys.exit('no key')"))

    def given_up() -> bool:
        supervisor.check()
        return supervisor.hopeless() is not None

    assert soon(given_up, 10)
    assert supervisor.hopeless() == "worker"
    assert supervisor.last_line("worker").startswith("no key (in ")


@pytest.mark.parametrize("kind", [python, forked])
@pytest.mark.parametrize("program", [SLEEP, STUBBORN])
def test_stopping_ends_every_child_even_one_that_will_not(
    supervisor: Supervisor, kind: Callable[[str, str], Child], program: str
) -> None:
    for name in ("one", "two"):
        supervisor.start(kind(name, program))
        assert soon(lambda name=name: "up" in log(supervisor, name), 10)  # type: ignore[misc]
    pids = [pid_of(supervisor, "one"), pid_of(supervisor, "two")]
    supervisor.stop()
    assert not any(lives(pid) for pid in pids)
    assert not (supervisor.data / PROCESSES_FILE).exists()


@pytest.mark.parametrize("kind", [python, forked])
def test_a_passing_process_is_waited_for_and_its_failure_told(
    supervisor: Supervisor, kind: Callable[[str, str], Child]
) -> None:
    supervisor.start_once(kind("migrate", "print('done')"))()
    assert log(supervisor, "migrate") == "done\n"
    with pytest.raises(ConfigurationError, match=r"^migrate failed: no table \(in "):
        supervisor.start_once(kind("migrate", "import sys; sys.exit('no table')"))()


def test_stopping_ends_a_passing_process_too(supervisor: Supervisor) -> None:
    supervisor.start_once(python("migrate", "import os; print(os.getpid(), flush=True);" + SLEEP))
    assert soon(lambda: "up" in log(supervisor, "migrate"), 10)
    supervisor.stop()
    assert not lives(int(log(supervisor, "migrate").split()[0]))


@pytest.mark.parametrize("kind", [python, forked])
def test_a_child_has_a_group_of_its_own_so_that_ctrl_c_reaches_the_supervisor_alone(
    supervisor: Supervisor, kind: Callable[[str, str], Child]
) -> None:
    supervisor.start_once(kind("worker", "import os; print(os.getpgid(0) == os.getpid())"))()
    assert log(supervisor, "worker") == "True\n"


def test_a_forked_child_keeps_the_sockets_it_was_given_and_no_other(supervisor: Supervisor) -> None:
    with socket.create_server(("127.0.0.1", 0)) as given, socket.create_server(("127.0.0.1", 0)) as other:
        program = (
            f"import os, socket; print(socket.socket(fileno={given.fileno()}).getsockname()[1])\n"
            f"try: os.fstat({other.fileno()})\n"
            "except OSError: print('closed')"
        )
        supervisor.start_once(forked("portal", program, (given.fileno(),)))()
        assert log(supervisor, "portal").split() == [str(given.getsockname()[1]), "closed"]


def test_a_forked_child_that_breaks_tells_where_in_its_log(supervisor: Supervisor) -> None:
    with pytest.raises(ConfigurationError, match="ZeroDivisionError"):
        supervisor.start_once(forked("worker", "1 / 0"))()
    assert "Traceback" in log(supervisor, "worker")


@pytest.mark.parametrize("inside", ["None", "lambda: exec(SLEEP) or 0"])
def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path, inside: str) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from db.processes import soon\n"
        "from portal.supervisor import Child, Supervisor\n"
        f"SLEEP = {SLEEP!r}\n"
        "supervisor = Supervisor(Path(sys.argv[1]), print)\n"
        f"supervisor.start(Child('one', [sys.executable, '-c', SLEEP], inside={inside}))\n"
        "soon(lambda: 'up' in (supervisor.data / 'logs' / 'one.log').read_text())\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        child = json.loads((tmp_path / PROCESSES_FILE).read_text())["one"]
        assert lives(child)
        process.kill()
    assert soon(lambda: not lives(child), 5)
