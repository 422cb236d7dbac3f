"""Commands of `reprise`, each in a process of its own.

A journey gives some thirty of them, and to start Python and import the libraries takes longer than most commands do. So
they are forked, as `reprise run` forks its own processes, from one that has imported everything and done nothing else.
"""

import multiprocessing
import os
import pkgutil
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import portal.commands
from portal.commands._common import call
from reprise import reprise

LONGEST_S = 300

FORKED = multiprocessing.get_context("forkserver")
FORKED.set_forkserver_preload(
    [f"{portal.commands.__name__}.{one.name}" for one in pkgutil.iter_modules(portal.commands.__path__)]
)


@dataclass(frozen=True)
class Done:
    code: int | None
    out: str
    err: str


def command(*words: str) -> Done:
    """Run one command line to its end; what it wrote. `code` is None where it did not end in time."""
    with TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        process = FORKED.Process(target=_run, args=(words, out, err))
        process.start()
        process.join(LONGEST_S)
        process.kill()
        return Done(process.exitcode, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


def _run(words: tuple[str, ...], out: Path, err: Path) -> None:
    for descriptor, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    sys.exit(call(reprise, list(words)))
