# pyright: basic
"""Opening the store: migrations, pragmas, locks, errors, and cancelled callers."""

import asyncio
import errno
import sqlite3
import threading
from contextlib import closing
from functools import partial
from types import SimpleNamespace

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from obstore.store import S3Store
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

import storage.database
import storage.dialects
import storage.spool
import storage.store
import storage.upgrade
from domain import Settings, Size, SpoolPlace, State
from domain.prices import EarlierPrice
from storage.database import ClosedError, Statement
from storage.store import StoreError, StoreUnavailableError, open_store
from storage.tables import metadata
from tests.conftest import PATIENCE_SECONDS, make_job


def undeclared(connection) -> list:
    """Differences between the tables and their declarations."""
    return compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata)


async def test_the_migrations_make_the_declared_tables(either):
    assert await either.jobs._database._with_connection(undeclared) == []


def go_back(connection, revision: str = "0004") -> None:
    """Downgrade the tables to an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(storage.upgrade.MIGRATIONS))
    config.attributes["connection"] = connection
    with connection.begin():
        command.downgrade(config, revision)


async def test_an_interrupted_migration_is_run_again(either, monkeypatch):
    class CutOff(BaseException):
        """Stands for the end of the process."""

    def cut_off(*_, **__):
        raise CutOff

    def upgraded(connection) -> None:
        with pytest.raises(CutOff), monkeypatch.context() as patch:
            patch.setattr(Operations, "drop_column", cut_off)
            storage.upgrade.upgrade(connection)
        storage.upgrade.upgrade(connection)

    await either.jobs.add(make_job())
    await either.jobs._database._with_connection(go_back)
    await either.jobs._database._with_connection(upgraded)
    assert await either.jobs.get("1")
    assert await either.jobs._database._with_connection(undeclared) == []


async def test_a_migration_keeps_which_jobs_were_retried(either):
    def migrated(connection) -> list[bool]:
        """Downgrade and upgrade again; what the older tables say of each job."""
        go_back(connection)
        with connection.begin():
            retried = connection.execute(text("SELECT retried FROM jobs ORDER BY id")).scalars().all()
        storage.upgrade.upgrade(connection)
        return [bool(each) for each in retried]

    for id in (1, 2):
        await either.jobs.add(make_job(id, state=State.FAILED))
    assert await either.jobs.add(make_job(3, parent="1"), "us", retry=True)
    assert await either.jobs._database._with_connection(migrated) == [True, False, False]
    again = [await either.jobs.add(make_job(id + 3, parent=str(id)), "us", retry=True) for id in (1, 2)]
    assert again == [False, True]
    assert await either.jobs._database._with_connection(undeclared) == []


async def test_a_migration_deletes_the_languages_of_members_and_nothing_else(either):
    def migrated(connection) -> None:
        go_back(connection, "0005")
        with connection.begin():
            connection.execute(text("UPDATE jobs SET locale = 'de'"))
        storage.upgrade.upgrade(connection)

    job = make_job()
    await either.jobs.add(job)
    await either.jobs._database._with_connection(migrated)
    assert "locale" not in metadata.tables["jobs"].c
    assert await either.jobs._database._with_connection(undeclared) == []
    assert await either.jobs.get("1") == job


async def test_a_migration_allows_an_unknown_channel(either):
    """Earlier versions wrote 0; parked jobs stay parked."""

    def migrated(connection) -> list[int]:
        go_back(connection, "0006")
        with connection.begin():
            written = connection.execute(text("SELECT channel_id FROM jobs ORDER BY id")).scalars().all()
        storage.upgrade.upgrade(connection)
        return list(written)

    parked = {"state": State.DRAWN, "parked": True}
    jobs = [make_job(1, **parked), make_job(2, channel_id=None, **parked)]
    for job in jobs:
        await either.jobs.add(job)
    assert await either.jobs._database._with_connection(migrated) == [300, 0]
    assert [each.having(created=jobs[0].created) for each in await either.jobs.parked(400)] == [
        each.having(created=jobs[0].created) for each in jobs
    ]
    assert await either.jobs._database._with_connection(undeclared) == []


async def test_a_migration_keeps_prices_that_were_text(either):
    """And so does the way back, for a price that came from it."""
    text_price = 'about $0.04 a "picture"'

    def migrated(connection) -> list[str | None]:
        go_back(connection, "0008")
        with connection.begin():
            connection.execute(text("UPDATE jobs SET cost = :cost WHERE id = '1'"), {"cost": text_price})
        storage.upgrade.upgrade(connection)
        go_back(connection, "0008")
        with connection.begin():
            written = connection.execute(text("SELECT cost FROM jobs ORDER BY id")).scalars().all()
        storage.upgrade.upgrade(connection)
        return list(written)

    for id in (1, 2):
        await either.jobs.add(make_job(id))
    assert await either.jobs._database._with_connection(migrated) == [text_price, None]
    assert (await either.jobs.get("1")).cost == EarlierPrice(text=text_price)
    assert (await either.jobs.get("2")).cost is None
    assert await either.jobs._database._with_connection(undeclared) == []


async def test_a_read_does_not_wait_for_a_lock(store, tmp_path):
    await store.jobs.add(make_job())
    with closing(sqlite3.connect(tmp_path / "easel.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        writing = asyncio.create_task(store.jobs.add(make_job(2)))
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert (await store.jobs.get("1")).id == "1"
            assert [job.id for job in await store.jobs.unfinished(user_id=400)] == ["1"]
            assert await store.settings.get(200) == Settings()
            assert await store.meta.get("k") is None
        assert not writing.done()
    assert await writing
    assert (await store.jobs.get("2")).id == "2"


async def test_the_connection_has_its_pragmas(store):
    def pragmas(connection):
        names = ("journal_mode", "synchronous", "busy_timeout")
        return [connection.execute(text(f"PRAGMA {name}")).scalar() for name in names]

    assert await store.jobs._database._with_connection(pragmas) == ["wal", 2, 5000]


@pytest.mark.parametrize("times", [1, 3])
async def test_a_write_is_committed_although_its_caller_is_cancelled(either, times):
    job = make_job()
    task = asyncio.create_task(either.jobs.add(job))
    for _ in range(times):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await either.jobs.add(make_job(2))
    assert await either.jobs.get("1") == job


async def test_a_timeout_around_a_statement_is_raised(either):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await either.jobs.add(make_job())


async def test_an_error_reaches_only_the_call_that_caused_it(either):
    """Concurrent calls share a transaction; a failing one must not fail the others."""
    wrong = Statement(text("INSERT INTO meta (key, value) VALUES ('broken', NULL)"))
    database = either.jobs._database
    outcomes = await asyncio.gather(
        *(either.jobs.add(make_job(id)) for id in range(20)),
        database.run(Statement(text("INSERT INTO meta (key, value) VALUES ('half', 'x')")), wrong),
        *(either.jobs.add(make_job(id)) for id in range(20, 40)),
        return_exceptions=True,
    )
    assert isinstance(outcomes.pop(20), IntegrityError)
    assert outcomes == [True] * 40
    assert len(await either.jobs.unheld()) == 40
    assert await either.meta.get("half") is None


async def test_a_folder_is_locked_for_one_process(store, url, tmp_path):
    with pytest.raises(StoreUnavailableError, match=r"^DATA_DIR is in use by another Easel process"):
        async with open_store(url, tmp_path):
            pass
    assert await store.jobs.get("1") is None


async def test_data_survives_reopening(url, tmp_path):
    chosen = Settings(provider="popcord", size=Size(1024, 576), private=True)
    async with open_store(url, tmp_path) as store:
        await store.jobs.add(make_job())
        await store.jobs.claim("1", "a process that is gone")
        await store.settings.set(2**62, chosen)
        await store.meta.set("k", "one")
        await store.meta.set("k", "two")
    assert {path.name for path in tmp_path.iterdir()} <= {"easel.db", "easel.lock", "spool"}, (
        "a write-ahead log is left"
    )
    async with open_store(url, tmp_path) as store:
        assert [job.id for job in await store.jobs.unheld()] == ["1"]
        assert await store.settings.get(2**62) == chosen
        assert await store.meta.get("k") == "two"
        await store.settings.delete(2**62)
        assert await store.settings.get(2**62) == Settings() == await store.settings.get(None)


def broken(path):
    path.write_bytes(b"no database" * 500)


def newer(path):
    connection = sqlite3.connect(path)
    connection.execute("create table alembic_version (version_num varchar)")
    connection.execute("insert into alembic_version values ('9999')")
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [(broken, "file is not a database"), (newer, "its tables are of another version of Easel, a newer one maybe")],
)
async def test_an_unusable_database_is_reported_and_not_changed(url, tmp_path, spoil, why):
    spoil(tmp_path / "easel.db")
    before = (tmp_path / "easel.db").read_bytes()
    for _ in range(2):  # and the lock is not kept
        with pytest.raises(StoreError, match=rf"^DATABASE_URL cannot be opened: {why}\.$"):
            async with open_store(url, tmp_path):
                pass
    if spoil is broken:
        assert (tmp_path / "easel.db").read_bytes() == before


def test_a_failed_open_leaves_no_thread(tmp_path, monkeypatch):
    """As after a failed start, whose event loop is closed at once."""
    said = []
    monkeypatch.setattr(threading, "excepthook", said.append)

    async def fail() -> None:
        with pytest.raises(StoreError):
            async with open_store(f"sqlite:///{tmp_path / 'no-such-folder' / 'easel.db'}", tmp_path):
                pass

    before = threading.active_count()
    for _ in range(20):
        asyncio.run(fail())
    assert (threading.active_count(), said) == (before, [])


async def test_a_read_only_database_is_reported(url, tmp_path):
    async with open_store(url, tmp_path):
        pass
    read_only = url.replace(":///", ":///file:") + "?mode=ro&uri=true"
    with pytest.raises(StoreError, match=r"^DATABASE_URL cannot be opened"):
        async with open_store(read_only, tmp_path):
            pass


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.CannotConnectNowError("starting up"),
        asyncpg.TooManyConnectionsError("too many"),
        asyncpg.AdminShutdownError("stopping"),
        ConnectionRefusedError(),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_starting_or_stopping_postgresql_is_retried(postgres, tmp_path, monkeypatch, error):
    """SQLAlchemy wraps asyncpg's errors while it connects."""
    tries = []

    async def refusing(url, **options):
        tries.append(url)
        if len(tries) < 3:
            raise error
        return await connect(url, **options)

    connect = storage.dialects._connect
    monkeypatch.setattr(storage.dialects, "_connect", refusing)
    async with open_store(await postgres.database(), tmp_path) as store:
        assert await asyncio.gather(*(store.jobs.add(make_job(id)) for id in range(5))) == [True] * 5
    assert len(tries) >= 3


async def test_an_unreachable_postgresql_is_not_a_wrong_setting(tmp_path, monkeypatch):
    monkeypatch.setattr(storage.database, "UNREACHABLE_RETRY_SECONDS", 0.0)
    with pytest.raises(StoreUnavailableError, match="DATABASE_URL cannot be opened"):
        async with open_store("postgresql://nobody@127.0.0.1:1/none", tmp_path):
            pass


async def test_a_long_migration_does_not_time_out(postgres, tmp_path, monkeypatch):
    """Every other statement has a time limit."""

    async def hasty(url, *, command_timeout, **options):
        return await connect(url, command_timeout=command_timeout and 0.2, **options)

    def slow(connection):
        connection.execute(text("SELECT pg_sleep(0.4)"))
        connection.rollback()
        upgrade(connection)

    connect, upgrade = storage.dialects._connect, storage.upgrade.upgrade
    monkeypatch.setattr(storage.database, "UNREACHABLE_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(storage.dialects, "_connect", hasty)
    for module in (storage.database, storage.dialects):
        monkeypatch.setattr(module, "upgrade", slow)
    async with open_store(await postgres.database(), tmp_path) as store:
        assert await store.jobs.add(make_job())


@pytest.mark.parametrize("ask", [lambda jobs: jobs.add(make_job()), lambda jobs: jobs.get("1")])
async def test_calls_after_close_fail_at_once(tmp_path, ask):
    """Or a call during shutdown would wait for ever."""
    async with open_store(f"sqlite:///{tmp_path / 'other.db'}", tmp_path / "other") as store:
        jobs = store.jobs
    with pytest.raises(ClosedError):
        async with asyncio.timeout(PATIENCE_SECONDS):
            await ask(jobs)


@pytest.mark.parametrize("calls", [1, 3])
async def test_a_bug_is_raised_to_its_caller_and_the_next_call_runs(store, monkeypatch, calls):
    async def broken(work):
        raise RuntimeError("a bug")

    database = store.jobs._database
    with monkeypatch.context() as patch:
        patch.setattr(database, "_with_connection", broken)
        async with asyncio.timeout(PATIENCE_SECONDS):
            adding = (store.jobs.add(make_job(id)) for id in range(calls))
            raised = await asyncio.gather(*adding, return_exceptions=True)
    assert [type(error) for error in raised] == [RuntimeError] * calls
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert await store.jobs.add(make_job())


async def test_a_locked_file_is_a_temporary_error(url, tmp_path, monkeypatch):
    monkeypatch.setattr(storage.database, "UNREACHABLE_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(storage.dialects, "BUSY_SECONDS", 0)
    with closing(sqlite3.connect(tmp_path / "easel.db")) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailableError, match="DATABASE_URL cannot be opened"):
            async with open_store(url, tmp_path):
                pass


async def test_a_full_disk_is_a_temporary_error(url, tmp_path, monkeypatch):
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(storage.store.FileLock, "acquire", full)
    with pytest.raises(StoreUnavailableError, match=r"DATA_DIR cannot be written: .*, No space left on device"):
        async with open_store(url, tmp_path):
            pass


async def test_an_unreachable_bucket_is_a_temporary_error(url, tmp_path, monkeypatch):
    once = partial(S3Store.from_url, retry_config={"max_retries": 0})
    monkeypatch.setattr(storage.spool, "S3Store", SimpleNamespace(from_url=once))
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "aws_endpoint_url": "http://127.0.0.1:9"}
    place = SpoolPlace(url="s3://bucket", options={name: SecretStr(value) for name, value in keys.items()})
    with pytest.raises(
        StoreUnavailableError, match="SPOOL_URL cannot be used: s3://bucket, it does not answer, or not"
    ):
        async with open_store(url, tmp_path, place):
            pass
