"""Configuration, read once. Nothing else in Reprise reads the environment.

Sources, strongest first: the environment; `stack.env` in the data directory, which `reprise run` rewrites at each
start (addresses of the engines and the ports it chose); `reprise.env` beside it, written once (keys, and what the
installer adds). Every name carries the prefix `REPRISE_`, but for `DATABASE_URL` and `REDIS_URL`.
"""

import base64
import binascii
import os
import secrets
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from db.errors import ConfigurationError

# Piccolo finds its own configuration by this name; it is set here so that no shell has to.
os.environ.setdefault("PICCOLO_CONF", "db.piccolo_conf")

KEYS_FILE = "reprise.env"
STACK_FILE = "stack.env"
CLOCK_FILE = "clock"
UNPREFIXED = ("DATABASE_URL", "REDIS_URL")


class Config(BaseSettings):
    """One process's view of the installation."""

    model_config = SettingsConfigDict(env_prefix="REPRISE_", extra="ignore", populate_by_name=True)

    data: Path = Path(".data")
    mode: Literal["demo", "production"] = "demo"
    database_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    redis_url: SecretStr | None = Field(default=None, validation_alias=AliasChoices("REDIS_URL", "redis_url"))
    database_connections: int = Field(default=10, ge=2, description="Pool size of each process.")
    database_statement_cache: int = Field(default=256, ge=0, description="0 behind pgbouncer.")

    base_url: str = Field(default="http://127.0.0.1:8000", description="Public address of the patient pages.")
    host: str = "127.0.0.1"
    port: int = 8000
    portal_processes: int = Field(default=1, ge=1)
    trusted_proxies: str = Field(default="127.0.0.1", description="Addresses whose X-Forwarded-For counts.")

    signing_keys: SecretStr = Field(
        default=SecretStr(""), description="Base64 keys, oldest to newest, commas between; the newest signs."
    )
    encryption_keys: SecretStr = Field(
        default=SecretStr(""), description="`id:base64` pairs, oldest to newest; the newest encrypts."
    )
    index_key: SecretStr = Field(default=SecretStr(""), description="Base64 key of the blind indexes; never rotated.")

    bulk_connections: int = Field(default=8, ge=1, description="SMTP connections of the bulk worker.")
    demo_inbox_port: int = 8001
    demo_smtp_port: int = 8025
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @field_validator("base_url")
    @classmethod
    def _no_trailing_slash(cls, value: str) -> str:
        if not value.startswith(("http://", "https://")):
            raise ValueError("must start with https:// (or http:// on this machine)")
        return value.rstrip("/")

    @property
    def is_demo(self) -> bool:
        return self.mode == "demo"

    def database(self) -> str:
        if self.database_url is None:
            raise ConfigurationError(
                f"No database is known: start the stack with `reprise run` (data directory {self.data}), "
                "or set DATABASE_URL."
            )
        return self.database_url.get_secret_value()

    def redis(self) -> str:
        if self.redis_url is None:
            raise ConfigurationError(
                f"No Redis is known: start the stack with `reprise run` (data directory {self.data}), or set REDIS_URL."
            )
        return self.redis_url.get_secret_value()

    def signing_key_list(self) -> list[bytes]:
        """Oldest to newest, as itsdangerous wants them."""
        return [_decoded("REPRISE_SIGNING_KEYS", part) for part in _parts(self.signing_keys)]

    def encryption_key_ring(self) -> dict[int, bytes]:
        ring: dict[int, bytes] = {}
        for part in _parts(self.encryption_keys):
            number, _, key = part.partition(":")
            if not number.isdigit() or not 0 < int(number) < 256:
                raise ConfigurationError("REPRISE_ENCRYPTION_KEYS wants `id:base64` pairs with an id from 1 to 255.")
            if int(number) in ring:
                raise ConfigurationError(f"REPRISE_ENCRYPTION_KEYS has two keys numbered {number}.")
            ring[int(number)] = _decoded("REPRISE_ENCRYPTION_KEYS", key)
        return ring

    def blind_index_key(self) -> bytes:
        return _decoded("REPRISE_INDEX_KEY", self.index_key.get_secret_value())

    @property
    def clock_file(self) -> Path | None:
        """Only a demo stack may move its clock."""
        return self.data / CLOCK_FILE if self.is_demo else None


def load(data: Path | None = None) -> Config:
    """Read the configuration for a data directory (default: `REPRISE_DATA`, else `.data`)."""
    place = data if data is not None else Path(os.environ.get("REPRISE_DATA", ".data"))
    try:
        return Config(  # type: ignore[call-arg]
            _env_file=(place / KEYS_FILE, place / STACK_FILE), _env_file_encoding="utf-8", data=place
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        shown = name if name in UNPREFIXED else f"REPRISE_{name}"
        raise ConfigurationError(f"Setting {shown}: {first['msg']}.") from None
    except OSError as problem:
        raise ConfigurationError(f"The data directory {place} cannot be read ({problem.strerror}).") from None


def write_keys_once(data: Path) -> None:
    """Make the keys of a new installation; an existing file is never touched."""
    target = data / KEYS_FILE
    if target.exists():
        return
    lines = [
        "# Keys of this installation. Whoever has them can read every contact; without them the database is lost.",
        f"REPRISE_SIGNING_KEYS={_new_key()}",
        f"REPRISE_ENCRYPTION_KEYS=1:{_new_key()}",
        f"REPRISE_INDEX_KEY={_new_key()}",
        "",
    ]
    write_private(target, "\n".join(lines))


def write_private(target: Path, text: str) -> None:
    """Write a file that only its owner reads, whole or not at all."""
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    fresh.replace(target)


def _parts(secret: SecretStr) -> list[str]:
    return [part.strip() for part in secret.get_secret_value().split(",") if part.strip()]


def _decoded(name: str, value: str) -> bytes:
    try:
        key = base64.urlsafe_b64decode(value.encode())
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise ConfigurationError(f"{name} must hold base64 keys of 32 bytes; `reprise run` makes them at first start.")
    return key


def _new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
