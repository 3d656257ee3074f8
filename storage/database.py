"""The database: SQLite in a file of its own, or PostgreSQL for as many processes as there are."""

import sqlite3
from functools import partial
from pathlib import Path
from typing import Any, cast

import asyncpg
from alembic import command
from alembic.config import Config as AlembicConfig
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

BUSY_SECONDS = 5
CONNECT_SECONDS, COMMAND_SECONDS = 5, 15
MIGRATION_LOCK = 3_405_691
"""PostgreSQL's advisory lock of this number is held while the tables are changed."""
_connect = cast("Any", asyncpg.connect)
"""It has no types of its own."""


def is_shared(url: str) -> bool:
    """Whether several processes may stand on it."""
    return url.startswith("postgresql:")


def make_engine(url: str) -> AsyncEngine:
    """url: `sqlite:///path`, or whatever asyncpg reads."""
    if is_shared(url):
        return create_async_engine(
            "postgresql+asyncpg://", async_creator=partial(connect, url), hide_parameters=True, pool_size=10
        )
    engine = create_async_engine(url.replace("sqlite:", "sqlite+aiosqlite:", 1), hide_parameters=True)
    event.listen(engine.sync_engine, "do_connect", _try_sqlite)
    event.listen(engine.sync_engine, "connect", _configure_sqlite)
    return engine


async def connect(url: str) -> Any:
    """A connection to PostgreSQL that does not wait for ever."""
    return await _connect(url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)


def migrate(connection: Connection) -> None:
    """Bring the tables up to date; other processes wait for it."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _try_sqlite(_: object, __: object, arguments: list[Any], options: dict[str, Any]) -> None:
    """Fail here if it must: aiosqlite would leave a thread behind that speaks to an event loop long closed."""
    sqlite3.connect(*arguments, **options).close()


def _configure_sqlite(connection: Any, _: object) -> None:
    """Readers beside one writer, and on disk before a commit returns: a paid job survives a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
