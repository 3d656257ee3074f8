"""Tests the database, the data folder and the bucket for `--check`, and leaves them as they were."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg
from filelock import FileLock, Timeout
from sqlalchemy import make_url

from domain import SpoolPlace
from storage.dialects import connect, is_shared
from storage.spool import DISK_RESERVE, SpoolError, open_spool
from storage.store import StoreError, bucket_failure, database_failure, folder_failure
from storage.upgrade import MigrationError, newest_version, versions

BUSY_SECONDS = 1.0
"""How long to wait for another process's lock."""
OLDEST_POSTGRES = 13
QUICKLY = {"max_retries": 1, "retry_timeout": timedelta(seconds=10)}
FACTS = """
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
        current_database() AS name, current_schema() IS NOT NULL AND
        has_schema_privilege(current_schema(), 'CREATE') AS may_create,
        to_regclass('alembic_version') IS NOT NULL AS has_tables
"""


class FolderState(NamedTuple):
    """What was found of the data folder."""

    text: str
    is_in_use: bool
    """A running Easel has it."""


async def probe_database(url: str, data_dir: Path) -> str:
    """Connect, and read which version the tables have; what was found, or StoreError.

    data_dir: the folder that is made at start.
    """
    try:
        return await (_probe_postgres(url) if is_shared(url) else asyncio.to_thread(_probe_sqlite, url, data_dir))
    except (sqlite3.Error, MigrationError, OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise database_failure(error) from None


async def _probe_postgres(url: str) -> str:
    connection = await connect(url)
    try:
        facts = await connection.fetchrow(FACTS)
        if facts["major"] < OLDEST_POSTGRES:
            raise MigrationError(f"PostgreSQL {facts['version']} is too old; Easel needs {OLDEST_POSTGRES} or newer")
        if not facts["may_create"]:
            raise asyncpg.InsufficientPrivilegeError("no CREATE in the schema")
        found = await connection.fetch("SELECT version_num FROM alembic_version") if facts["has_tables"] else ()
        return f"PostgreSQL {facts['version']}, {facts['name']}, {_tables([row['version_num'] for row in found])}"
    finally:
        await connection.close()


def _probe_sqlite(url: str, data_dir: Path) -> str:
    parsed = make_url(url)
    path = Path(parsed.database or "")
    if parsed.query or not parsed.database:
        return "SQLite, opened at start only"
    if not path.exists():
        if not path.parent.exists() and path.parent != data_dir:
            raise sqlite3.OperationalError("unable to open database file")
        return f"SQLite, {path} is made at start"
    return f"SQLite, {path}, {_tables(_sqlite_versions(path))}"


def _sqlite_versions(path: Path) -> list[Any]:
    """The version of the tables. Begins to write, and takes it back, to know whether it may."""
    where = f"file:{quote(str(path))}?mode=rw"
    with closing(sqlite3.connect(where, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            has_tables = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            found = connection.execute("SELECT version_num FROM alembic_version").fetchall() if has_tables else []
        finally:
            connection.execute("ROLLBACK")
    return [version for (version,) in found]


def _tables(found: Sequence[object]) -> str:
    if not found:
        return "tables are made at start"
    version, newest = str(found[0]), newest_version()
    if version not in versions():
        raise MigrationError("its tables are of another version of Easel, a newer one maybe")
    return f"tables of version {version}" + ("" if version == newest else f", brought to {newest} at start")


def probe_folder(data_dir: Path) -> FolderState:
    """Whether Easel can write in the folder, or make it; StoreError."""
    nearest = next(each for each in (data_dir, *data_dir.parents) if each.exists())
    try:
        for folder in (nearest, data_dir / "spool"):
            if folder == nearest or folder.exists():
                _write_in(folder)
        free = shutil.disk_usage(nearest).free
    except OSError as error:
        raise folder_failure(data_dir, error) from None
    if free < DISK_RESERVE:
        raise StoreError(f"the disk of DATA_DIR is full: {data_dir} has {free // 2**20} MiB free.")
    if nearest != data_dir:
        return FolderState(f"{data_dir} is made at start", is_in_use=False)
    return FolderState(f"{data_dir}, {free // 2**30} GiB free", is_in_use=_is_in_use(data_dir / "easel.lock"))


def _write_in(folder: Path) -> None:
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"Easel")


def _is_in_use(path: Path) -> bool:
    if not path.exists():
        return False
    lock = FileLock(path, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        return True
    finally:
        with suppress(OSError):
            lock.release()
    return False


async def probe_bucket(place: SpoolPlace) -> str:
    """Write a small object and delete it; StoreError."""
    try:
        await open_spool(Path(), place, retries=QUICKLY)
    except SpoolError as error:
        raise bucket_failure(place, error) from None
    return f"{place.url}, can be written"
