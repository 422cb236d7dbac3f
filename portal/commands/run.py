"""`reprise run`: the whole stack, from the engines to the demo's inbox, until Ctrl-C."""

import gc
import http.client
import signal
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import FrameType
from zoneinfo import ZoneInfo

import click
from rich.markup import escape

from db.clock import clock as demo_clock
from db.config import Config
from db.embedded import start_postgres, start_redis
from db.errors import ConfigurationError
from db.processes import end_with_parent
from portal import stack
from portal.commands._common import call, command, emit, notes, out
from portal.demo.tour import tour
from portal.forking import SIGNALS
from portal.supervisor import Child, Supervisor

READY_SECONDS = 60.0
LOOK_EVERY = 0.2
# What the children run, imported once for all of them.
PRELOADED = (("portal",), ("worker",), ("demo", "seed"), ("demo", "serve"))
FRONT_DOOR = Path(__file__).resolve().parents[2] / "reprise.py"
# The demo's practice keeps this time.
DEMO_ZONE = ZoneInfo("Europe/Paris")


def _moment(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter("write it as 2016-06-06T09:00 (Paris time), or with an offset.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=DEMO_ZONE)


@click.command("run")
@click.option("--port", type=click.IntRange(1, 65533), help="Port of the portal (default: 8000).")
@click.option("--demo/--production", "demo", default=None, help="Chosen at the first start, and kept.")
@click.option("--clock", callback=_moment, help="Date and time at which the demo's clock starts.")
@click.option("--stop-with-parent", is_flag=True, hidden=True)
@command
def run(
    data: Path,
    as_json: bool,
    port: int | None,
    demo: bool | None,
    clock: datetime | None,
    stop_with_parent: bool,
) -> None:
    """Start everything on this machine, and stop it on Ctrl-C."""
    if stop_with_parent:
        end_with_parent(signal.SIGTERM)
    mode = None if demo is None else "demo" if demo else "production"
    with stack.locked(data), ExitStack() as closing:
        supervisor = Supervisor(data.resolve(), _say)
        closing.callback(stack.withdraw, data)
        closing.callback(supervisor.stop)
        closing.callback(_ignore_signals)
        try:
            _interrupt_on_signals()
            config = stack.first_settings(data, mode)
            stack.set_clock(config, clock)
            config = _bring_up(supervisor, config, port or config.port, closing)
            _announce(config, as_json)
            _watch(supervisor, until=lambda: False)
        except KeyboardInterrupt:
            _say("Stopping.")


def _bring_up(supervisor: Supervisor, config: Config, port: int, closing: ExitStack) -> Config:
    """Everything up and ready; the configuration that the whole stack now reads."""
    listener = closing.enter_context(stack.listen(config.host, port))
    settings = _settings(config, port)
    _say("Starting PostgreSQL and Redis.")
    if config.database_url is None:
        settings["DATABASE_URL"] = supervisor.start_engine(start_postgres).url
    if config.redis_url is None:
        settings["REDIS_URL"] = supervisor.start_engine(start_redis).url
    config = stack.publish(config, settings)
    _say("Preparing the database.")
    migrated = supervisor.start_once(_child(config, "migrate", "migrate"))
    _preload()
    migrated()
    _say("Starting the portal and the workers.")
    seeding = [_child(config, "demo-seed", "demo", "seed")] if config.is_demo else []
    seeded = [supervisor.start_once(child) for child in seeding]
    for child in _children(config, listener.fileno()):
        supervisor.start(child)
    for wait in seeded:
        wait()
    _wait_until_ready(supervisor, config)
    return config


def _settings(config: Config, port: int) -> dict[str, object]:
    chosen = config.base_url if "base_url" in config.model_fields_set else f"http://{_local(config.host)}:{port}"
    settings: dict[str, object] = {
        "REPRISE_MODE": config.mode,
        "REPRISE_PORT": port,
        "REPRISE_BASE_URL": chosen,
    }
    if config.database_url is not None:
        settings["DATABASE_URL"] = config.database()
    if config.redis_url is not None:
        settings["REDIS_URL"] = config.redis()
    if config.is_demo:
        inbox, smtp = stack.demo_ports(config.host, port)
        settings |= {"REPRISE_DEMO_INBOX_PORT": inbox, "REPRISE_DEMO_SMTP_PORT": smtp}
    return settings


def _children(config: Config, listener: int) -> list[Child]:
    portals = [
        _child(config, f"portal-{number}", "portal", "--fd", str(listener), descriptors=(listener,))
        for number in range(1, config.portal_processes + 1)
    ]
    workers = [_child(config, f"worker-{queue}", "worker", "--queue", queue) for queue in ("human", "bulk")]
    demo = [_child(config, "demo", "demo", "serve")] if config.is_demo else []
    return [*demo, *portals, *workers]


def _child(config: Config, name: str, *words: str, descriptors: tuple[int, ...] = ()) -> Child:
    """A command of `reprise`, as a process of its own."""
    line = ["--data", str(config.data.resolve()), *words]
    front_door = _front_door()
    return Child(name, [sys.executable, str(FRONT_DOOR), *line], descriptors, inside=lambda: call(front_door, line))


def _preload() -> None:
    context = click.get_current_context()
    # Modules are not garbage: looking among them for some costs a tenth of the time, and unshares their memory.
    gc.disable()
    for words in PRELOADED:
        found: click.Command | None = _front_door()
        for word in words:
            assert isinstance(found, click.Group)
            found = found.get_command(context, word)
    gc.freeze()
    gc.enable()


def _front_door() -> click.Group:
    group = click.get_current_context().find_root().command
    assert isinstance(group, click.Group)
    return group


def _wait_until_ready(supervisor: Supervisor, config: Config) -> None:
    deadline = time.monotonic() + READY_SECONDS

    def ready() -> bool:
        if dying := supervisor.hopeless():
            raise ConfigurationError(f"{dying} does not stay up: {supervisor.last_line(dying)}")
        answer, missing = _ask_ready(config)
        if not answer and time.monotonic() > deadline:
            raise ConfigurationError(f"The stack is not ready after {READY_SECONDS:.0f} s: {missing}")
        return answer

    _watch(supervisor, ready, every=0.05)


def _ask_ready(config: Config) -> tuple[bool, str]:
    """Whether the portal says that all is up; else what it says is missing."""
    line = http.client.HTTPConnection(_local(config.host).strip("[]"), config.port, timeout=2.0)
    try:
        line.request("GET", "/ready")
        answer = line.getresponse()
        return answer.status == http.HTTPStatus.OK, answer.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as problem:
        return False, f"the portal does not answer ({problem})"
    finally:
        line.close()


def _watch(supervisor: Supervisor, until: Callable[[], bool], every: float = LOOK_EVERY) -> None:
    while not until():
        supervisor.check()
        time.sleep(every)


def _announce(config: Config, as_json: bool) -> None:
    if as_json:
        inbox = f"http://127.0.0.1:{config.demo_inbox_port}" if config.is_demo else None
        emit({"mode": config.mode, "portal": config.base_url, "inbox": inbox, "data": config.data.resolve()})
        sys.stdout.flush()
    elif config.is_demo:
        demo_clock.follow(config.clock_file)
        out().print(tour(config, now=demo_clock.now()))
    else:
        out().print(
            f"\n[bold]Reprise is running[/bold] for {escape(config.base_url)}.\n"
            "A practice is set up, or changed, with: .venv/bin/reprise setup practice.toml\n"
            "What is open: .venv/bin/reprise status. Is all well: .venv/bin/reprise doctor. Ctrl-C stops.\n"
        )


def _local(host: str) -> str:
    """An address of this machine under which the portal answers, as it stands in a URL."""
    if host in {"", "0.0.0.0"}:  # noqa: S104
        return "127.0.0.1"
    return f"[{'::1' if host == '::' else host}]" if ":" in host else host


def _interrupt_on_signals() -> None:
    """SIGTERM and a closed terminal mean what Ctrl-C means; a second one, while stopping, changes nothing."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        _ignore_signals()
        raise KeyboardInterrupt

    for number in SIGNALS:
        signal.signal(number, interrupt)


def _ignore_signals() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _say(text: str) -> None:
    notes().print(escape(text), style="dim")
