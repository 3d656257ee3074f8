"""Opens and closes the storage: the database, with its migrations, and the spool."""

import asyncio
import errno
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
from filelock import FileLock, Timeout
from sqlalchemy.exc import DBAPIError

from domain import SpoolPlace
from storage.causes import database_cause
from storage.database import Database, is_transient
from storage.dialects import is_shared, make_database
from storage.job_statistics import JobStatistics
from storage.job_store import JobStore
from storage.meta import Meta
from storage.notifications import Notifications
from storage.outages import OutageStore
from storage.private_files import FILE_MODE, FOLDER_MODE, SPOOL_FOLDER, make_private
from storage.settings import SettingsStore
from storage.spool import Spool, SpoolError, SpoolUnreachableError, open_spool
from storage.upgrade import MigrationError


class StoreError(Exception):
    """The store cannot be opened; the text is one sentence for the host that names the variable."""


class StoreUnavailableError(StoreError):
    """The store is unreachable, full or locked; a later start may succeed."""


DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Store:
    """The tables and the spool."""

    jobs: JobStore
    statistics: JobStatistics
    settings: SettingsStore
    outages: OutageStore
    meta: Meta
    spool: Spool
    notifications: Notifications
    shared_url: str | None = field(default=None, repr=False)
    """URL of the PostgreSQL that several processes share; it may hold a password."""


@asynccontextmanager
async def open_store(url: str, data_dir: Path, place: SpoolPlace | None = None) -> AsyncGenerator[Store]:
    """Open the database, run the migrations, open the spool; StoreError.

    url: `sqlite:///path`, for one process at a time, or `postgresql://…`. place: the spool's bucket.
    """
    with _locked_folder(data_dir, alone=not is_shared(url)):
        database, notifications = make_database(url), Notifications(url)
        try:
            spool = await _open_spool(data_dir, place)
            jobs, outages = JobStore(database, notifications), OutageStore(database, notifications)
            await _migrate(database, jobs, outages, alone=not is_shared(url))
            async with _listening(notifications):
                yield Store(
                    jobs=jobs,
                    statistics=JobStatistics(database),
                    settings=SettingsStore(database, notifications),
                    outages=outages,
                    meta=Meta(database),
                    spool=spool,
                    notifications=notifications,
                    shared_url=url if is_shared(url) else None,
                )
        finally:
            await database.close()


@contextmanager
def _locked_folder(data_dir: Path, *, alone: bool) -> Generator[None]:
    lock = FileLock(data_dir / "easel.lock", timeout=0, mode=FILE_MODE)
    try:
        data_dir.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        make_private(data_dir)
        if alone:
            lock.acquire()
    except Timeout:
        raise StoreUnavailableError(f"DATA_DIR is in use by another Easel process: {data_dir}.") from None
    except OSError as error:
        raise folder_failure(data_dir, error) from None
    try:
        yield
    finally:
        lock.release()


async def _open_spool(data_dir: Path, place: SpoolPlace | None) -> Spool:
    try:
        return await open_spool(data_dir / SPOOL_FOLDER, place)
    except SpoolError as error:
        if place:
            raise bucket_failure(place, error) from None
        raise StoreError(f"DATA_DIR cannot be written: {data_dir}, {error}.") from None


async def _migrate(database: Database, jobs: JobStore, outages: OutageStore, *, alone: bool) -> None:
    try:
        await database.migrate()
        if alone:
            await jobs.release_all()
            await outages.end_probes(datetime.now(UTC))
    except (DBAPIError, MigrationError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_failure(error) from None


def database_failure(error: BaseException) -> StoreError:
    """The error for a database that cannot be opened."""
    kind = StoreUnavailableError if is_transient(error) else StoreError
    cause = (str(error) if isinstance(error, MigrationError) else database_cause(error)).rstrip(".")
    return kind(f"DATABASE_URL cannot be opened: {cause}.")


def folder_failure(data_dir: Path, error: OSError) -> StoreError:
    """The error for a data folder that cannot be written."""
    kind = StoreUnavailableError if error.errno in DISK_FULL else StoreError
    return kind(f"DATA_DIR cannot be written: {data_dir}, {error.strerror}.")


def bucket_failure(place: SpoolPlace, error: SpoolError) -> StoreError:
    """The error for a bucket that cannot be used."""
    kind = StoreUnavailableError if isinstance(error, SpoolUnreachableError) else StoreError
    return kind(f"SPOOL_URL cannot be used: {place.url}, {error}.")


@asynccontextmanager
async def _listening(notifications: Notifications) -> AsyncGenerator[None]:
    task = asyncio.create_task(notifications.listen())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
