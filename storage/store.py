"""Opening and closing everything that is kept: the database, brought up to date, and the spool."""

import sqlite3
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config as AlembicConfig
from alembic.util import CommandError
from filelock import FileLock, Timeout
from sqlalchemy import Connection, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from storage.jobs import JobStore
from storage.settings import Meta, SettingsStore
from storage.spool import Spool
from storage.statements import to_the_end

BUSY_SECONDS = 5


class StoreError(Exception):
    """The store cannot be opened: one sentence for the host, naming the variable."""


@dataclass(frozen=True)
class Store:
    jobs: JobStore
    settings: SettingsStore
    meta: Meta
    spool: Spool


@asynccontextmanager
async def open_store(url: str, data_dir: Path) -> AsyncGenerator[Store]:
    """Lock the folder, open the database, run the migrations; StoreError.

    url: SQLAlchemy's, with an async driver.
    """
    lock = _lock(data_dir)
    engine = _engine(url)
    try:
        store = Store(JobStore(engine), SettingsStore(engine), Meta(engine), _spool(data_dir / "spool"))
        await _bring_up_to_date(engine, store.jobs)
        yield store
    finally:
        # A cancelled shutdown must not leave the write-ahead log behind.
        await to_the_end(engine.dispose())
        lock.release()


def _lock(data_dir: Path) -> FileLock:
    lock = FileLock(data_dir / "easel.lock", timeout=0)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise StoreError(f"DATA_DIR is in use by another Easel process: {data_dir}.") from None
    except OSError as error:
        raise StoreError(f"DATA_DIR cannot be written: {data_dir}, {error.strerror}.") from None
    return lock


def _spool(folder: Path) -> Spool:
    try:
        return Spool(folder)
    except OSError:
        raise StoreError(f"DATA_DIR cannot be written: {folder}.") from None


async def _bring_up_to_date(engine: AsyncEngine, jobs: JobStore) -> None:
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
        await jobs.disown()
    except (DBAPIError, CommandError, OSError) as error:
        raise StoreError(f"DATABASE_URL cannot be opened: {type(error).__name__}.") from None


def _engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True)
    if engine.dialect.name == "sqlite":
        event.listen(engine.sync_engine, "do_connect", _try_sqlite)
        event.listen(engine.sync_engine, "connect", _configure_sqlite)
    return engine


def _try_sqlite(_: object, __: object, arguments: list[Any], options: dict[str, Any]) -> None:
    """Fail here if it must: aiosqlite would leave a thread behind that speaks to an event loop long closed."""
    sqlite3.connect(*arguments, **options).close()


def _configure_sqlite(connection: Any, _: object) -> None:
    """Readers beside one writer, and on disk before a commit returns: a paid job survives a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")


def _migrate(connection: Connection) -> None:
    config = AlembicConfig()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
