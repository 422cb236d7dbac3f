"""Put the pages' one third-party script in its place: `python -m portal.commands.assets TARGET`.

It is taken out of a wheel that pip fetches by version and hash, from wherever this machine's pip is told to
look, so neither a copy in the repository nor Node is needed. Standard library only.
"""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

MEMBER = "django_htmx/static/django_htmx/htmx-2.min.js"
SHA256 = "71ea67185bfa8c98c39d31717c6fce5d852370fcdfd129db4543774d3145c0de"
REQUIREMENTS = Path(__file__).resolve().parents[2] / "requirements" / "static.txt"


def fetch(target: Path) -> None:
    """Write the script to `target`, or leave everything as it was."""
    with tempfile.TemporaryDirectory() as place:
        _download(Path(place))
        [wheel] = Path(place).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            script = archive.read(MEMBER)
    if hashlib.sha256(script).hexdigest() != SHA256:
        sys.exit(f"{MEMBER} of {wheel.name} is not the script that was expected: its checksum differs.")
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_suffix(".part")
    fresh.write_bytes(script)
    fresh.replace(target)


def _download(place: Path) -> None:
    options = ["--quiet", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"]
    source = ["--require-hashes", "--requirement", str(REQUIREMENTS), "--dest", str(place)]
    done = subprocess.run([sys.executable, "-m", "pip", "download", *options, *source], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


if __name__ == "__main__":
    fetch(Path(sys.argv[1]))
