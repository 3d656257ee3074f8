"""Opening and closing everything that is kept: the database, brought up to date, and the spool."""

import asyncio
import errno
import sqlite3
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from domain import SpoolPlace
from storage.bulletin import Bulletin
from storage.database import Database, is_transient, root_of
from storage.dialects import is_shared, make_database
from storage.job_store import JobStore
from storage.meta import Meta
from storage.outages import OutageStore
from storage.settings import SettingsStore
from storage.spool import Spool, SpoolAwayError, SpoolError, open_spool
from storage.upgrade import MigrationError


class StoreError(Exception):
    """The store cannot be opened: one sentence for the host, naming the variable."""


class StoreAwayError(StoreError):
    """Something is out of reach, full, or held by somebody, and starting again later may help."""


ROOMLESS = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Store:
    jobs: JobStore
    settings: SettingsStore
    outages: OutageStore
    meta: Meta
    spool: Spool
    bulletin: Bulletin
    shared_url: str | None = field(default=None, repr=False)
    """Of a PostgreSQL that several processes share; it may hold a password."""


@asynccontextmanager
async def open_store(url: str, data_dir: Path, place: SpoolPlace | None = None) -> AsyncGenerator[Store]:
    """Open the database, run the migrations, open the spool; StoreError.

    url: `sqlite:///path`, which is for one process at a time, or `postgresql://…`.
    """
    with _folder(data_dir, alone=not is_shared(url)):
        database, bulletin = make_database(url), Bulletin(url)
        try:
            spool = await _spool(data_dir, place)
            jobs, outages = JobStore(database, bulletin), OutageStore(database, bulletin)
            await _bring_up_to_date(database, jobs, outages, alone=not is_shared(url))
            async with _listening(bulletin):
                settings, meta = SettingsStore(database, bulletin), Meta(database)
                yield Store(jobs, settings, outages, meta, spool, bulletin, url if is_shared(url) else None)
        finally:
            await database.close()


@contextmanager
def _folder(data_dir: Path, *, alone: bool) -> Generator[None]:
    lock = FileLock(data_dir / "easel.lock", timeout=0)
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if alone:
            lock.acquire()
    except Timeout:
        raise StoreAwayError(f"DATA_DIR is in use by another Easel process: {data_dir}.") from None
    except OSError as error:
        kind = StoreAwayError if error.errno in ROOMLESS else StoreError
        raise kind(f"DATA_DIR cannot be written: {data_dir}, {error.strerror}.") from None
    try:
        yield
    finally:
        lock.release()


async def _spool(data_dir: Path, place: SpoolPlace | None) -> Spool:
    try:
        return await open_spool(data_dir / "spool", place)
    except SpoolError as error:
        named = f"SPOOL_URL cannot be used: {place.url}" if place else f"DATA_DIR cannot be written: {data_dir}"
        kind = StoreAwayError if isinstance(error, SpoolAwayError) else StoreError
        raise kind(f"{named}, {error}.") from None


async def _bring_up_to_date(database: Database, jobs: JobStore, outages: OutageStore, *, alone: bool) -> None:
    try:
        await database.migrate()
        if alone:
            await jobs.disown()
            await outages.end_probes(datetime.now(UTC))
    except (DBAPIError, MigrationError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        kind = StoreAwayError if is_transient(error) else StoreError
        raise kind(f"DATABASE_URL cannot be opened: {_why(error)}.") from None


def _why(error: BaseException) -> str:
    """SQLite's own words, which hold nothing of ours; of others the kind alone, for theirs may hold a password."""
    if isinstance(error, MigrationError):
        return str(error)
    cause = root_of(error)
    return str(cause) if isinstance(cause, sqlite3.Error) else type(cause).__name__


@asynccontextmanager
async def _listening(bulletin: Bulletin) -> AsyncGenerator[None]:
    task = asyncio.create_task(bulletin.listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
