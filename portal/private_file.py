"""A file that its owner alone may read, written whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from db.errors import Refused


@contextmanager
def private_file(path: Path, *, force: bool) -> Iterator[TextIO]:
    """The name is taken at once, and given back if what should fill the file fails. What stands there already is
    refused, or with `force` replaced at the end, so that neither its mode nor a link at its place is kept."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}") if force else path
    try:
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        raise Refused(f"{fresh} exists already: name another file, or add --force to replace it.") from None
    except OSError as problem:
        raise Refused(f"{path} cannot be written ({problem.strerror}).") from None
    try:
        # Line ends are those that the writer chose.
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            os.fchmod(file.fileno(), 0o600)
            yield file
        if force:
            fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
