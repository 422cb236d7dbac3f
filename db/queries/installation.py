"""Whether the installation itself is complete."""

from dataclasses import dataclass

from piccolo.apps.migrations.commands.base import BaseMigrationManager

from db.engine import fetch, fetch_value
from db.piccolo_app import APP_CONFIG


@dataclass(frozen=True)
class People:
    """The names of those who work here, and of those among them for whom nobody steps in."""

    names: tuple[str, ...]
    alone: tuple[str, ...]


async def is_migrated() -> bool:
    """Whether exactly the migrations of this version have run."""
    if await fetch_value("SELECT to_regclass('migration')") is None:
        return False
    manager = BaseMigrationManager()
    known = set(manager.get_migration_ids(manager.get_migration_modules(str(APP_CONFIG.migrations_folder_path))))
    rows = await fetch("SELECT name FROM migration WHERE app_name = $1", APP_CONFIG.app_name)
    return {row["name"] for row in rows} == known


async def people_without_fallback(practice: int) -> People:
    rows = await fetch(
        "SELECT s.name, f.id IS NULL AS alone FROM staff s LEFT JOIN staff f ON f.id = s.fallback AND f.active "
        "WHERE s.practice = $1 AND s.active ORDER BY s.name",
        practice,
    )
    return People(tuple(row["name"] for row in rows), tuple(row["name"] for row in rows if row["alone"]))
