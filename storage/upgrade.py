"""Runs the migrations at each start."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

MIGRATIONS = Path(__file__).parent / "migrations"
MIGRATION_LOCK = 3_405_691
"""Id of PostgreSQL's advisory lock that is held while the tables are changed."""


class MigrationError(Exception):
    """The tables are of a version that this one does not know; the text is half a sentence for the host."""


def upgrade(connection: Connection) -> None:
    """Bring the tables up to date, one process at a time; MigrationError."""
    with connection.begin():
        if connection.dialect.name == "postgresql":
            connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # or each change of a table would be a transaction of its own
        if not _is_current(connection):
            _upgrade(connection)


def versions() -> list[str]:
    """The versions that the tables have had, the newest last."""
    return sorted(path.name.partition("_")[0] for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def newest_version() -> str:
    return versions()[-1]


def _is_current(connection: Connection) -> bool:
    """Whether there is nothing to do; this saves loading Alembic, which takes 12 MB and a third of a second."""
    if not inspect(connection).has_table("alembic_version"):
        return False
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [newest_version()]


def _upgrade(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError:
        raise MigrationError("its tables are of another version of Easel, a newer one maybe") from None
