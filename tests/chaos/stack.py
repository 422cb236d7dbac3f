"""Real processes on one data directory: engines, workers as `reprise worker` starts them, and what tests add."""

import base64
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from db.clock import clock
from db.config import KEYS_FILE, STACK_FILE, Config, load
from db.embedded import forget, start_postgres, start_redis
from db.processes import dying_with_parent, open_log, soon
from portal.stack import listen

ROOT = Path(__file__).parents[2]


@dataclass
class Stack:
    """Its processes share the configuration and the clock that `data` holds; those still running end with it."""

    config: Config
    _processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def data(self) -> Path:
        return self.config.data

    def worker(self, queue: str) -> subprocess.Popen[bytes]:
        return self.start(f"worker-{queue}", "reprise", "--data", str(self.data), "worker", "--queue", queue)

    def portal(self, *, core: int | None = None) -> str:
        return self.listening("portal", "reprise", "--data", str(self.data), "portal", "--fd", core=core)

    def listening(self, name: str, module: str, *words: str, core: int | None = None) -> str:
        """Start a web server whose last word is the descriptor of its socket; its address. It may be asked at once:
        the socket listens before the process has started."""
        with listen("127.0.0.1", 0) as listener:
            descriptor = listener.fileno()
            self.start(name, module, *words, str(descriptor), core=core, descriptors=(descriptor,))
            return f"http://127.0.0.1:{listener.getsockname()[1]}"

    def start(
        self, name: str, module: str, *words: str, core: int | None = None, descriptors: tuple[int, ...] = ()
    ) -> subprocess.Popen[bytes]:
        """`python -m module words`; with `core`, on that processor alone."""
        pinned = ["taskset", "-c", str(core)] if core is not None and shutil.which("taskset") else []
        with open_log(self.data, name) as log:
            process = subprocess.Popen(
                [*pinned, sys.executable, "-m", module, *words],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                pass_fds=descriptors,
                preexec_fn=dying_with_parent(signal.SIGKILL),
            )
        self._processes.append(process)
        return process

    def wait_for(self, file: Path) -> str:
        """What a process says, once it is ready, in a file of the data directory."""
        assert soon(file.exists, 30), f"{file.name} does not appear: see {self.data}/logs"
        return file.read_text(encoding="ascii")

    def log(self, name: str) -> str:
        return (self.data / "logs" / f"{name}.log").read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.wait()
        self._processes.clear()


def say_ready(file: Path, word: str) -> None:
    """The other half of `Stack.wait_for`: the file appears whole."""
    fresh = file.with_suffix(".new")
    fresh.write_text(word, encoding="ascii")
    fresh.replace(file)


@contextmanager
def stack_on(data: Path, config: Config) -> Iterator[Stack]:
    """A stack whose processes use the engines and the keys of `config`; its clock may be moved, here too."""
    names = ("signing_keys", "encryption_keys", "index_key")
    keys = {f"REPRISE_{name.upper()}": getattr(config, name).get_secret_value() for name in names}
    _write(data / KEYS_FILE, {**keys, "REPRISE_MODE": "demo", "REPRISE_BASE_URL": config.base_url})
    _write(data / STACK_FILE, {"DATABASE_URL": config.database(), "REDIS_URL": config.redis()})
    stack = Stack(load(data))
    clock.follow(stack.config.clock_file)
    try:
        yield stack
    finally:
        stack.stop()
        clock.follow(None)


@contextmanager
def engines(*, durable: bool) -> Iterator[Config]:
    """Embedded engines of their own, with a configuration, for as long as the block runs."""
    data = Path(tempfile.mkdtemp(prefix="reprise-"))
    data.chmod(0o711)
    postgres = redis = None
    try:
        postgres, redis = start_postgres(data, durable=durable), start_redis(data)
        key = {letter: base64.urlsafe_b64encode(letter.encode() * 32).decode() for letter in "sei"}
        _write(
            data / KEYS_FILE,
            {
                "REPRISE_SIGNING_KEYS": key["s"],
                "REPRISE_ENCRYPTION_KEYS": f"1:{key['e']}",
                "REPRISE_INDEX_KEY": key["i"],
                "REPRISE_BASE_URL": "https://rdv.example",
            },
        )
        _write(data / STACK_FILE, {"DATABASE_URL": postgres.url, "REDIS_URL": redis.url})
        yield load(data)
    finally:
        for engine in (redis, postgres):
            if engine is not None:
                engine.stop()
        forget(data)
        shutil.rmtree(data, ignore_errors=True)


def _write(file: Path, settings: dict[str, str]) -> None:
    file.write_text("".join(f"{name}='{value}'\n" for name, value in settings.items()), encoding="ascii")
