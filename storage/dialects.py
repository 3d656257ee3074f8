"""The two databases: SQLite in a thread of its own, and PostgreSQL over asyncpg."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import asyncpg
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.exc import OperationalError

from domain.numbers import plain
from storage.database import ClosedError, Database, Result, Step, execute_steps
from storage.upgrade import upgrade

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_SECONDS = 5
"""How long SQLite waits for another process's lock."""
POSTGRES_CONNECT_SECONDS, POSTGRES_COMMAND_SECONDS = 5, 15
"""PostgreSQL's timeouts."""
POSTGRES_WRITERS = 4
"""Connections to PostgreSQL that write, each with its own transaction."""
_connect = cast("Any", asyncpg.connect)  # asyncpg is not typed


class _ConnectionThread:
    """One connection to an SQLite file, and the one thread that uses it."""

    def __init__(self, url: str) -> None:
        self._executor = ThreadPoolExecutor(1, "sqlite")
        self._engine = create_engine(url, hide_parameters=True, json_serializer=as_json)
        event.listen(self._engine, "connect", _set_pragmas)
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._run_in_thread, work)

    def close(self) -> None:
        # In its thread, after the work under way: a cancelled shutdown must not leave the write-ahead log behind.
        self._executor.submit(self._close_connection)
        self._executor.shutdown()

    def _run_in_thread(self, work: Callable[[Connection], Any]) -> Any:
        self._connection = self._connection or self._engine.connect()
        return work(self._connection)

    def _close_connection(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


class Sqlite(Database):
    """One connection writes and one reads, so that reads never wait for a write lock."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        super().__init__(writers=1)
        self._writing, self._reading = _ConnectionThread(url), _ConnectionThread(url)

    async def read(self, *steps: Step) -> Result:
        if self.is_closed:
            raise ClosedError
        try:
            return await self._reading.run(partial(execute_steps, steps))
        except OperationalError:
            return await self.run(*steps)  # which retries

    async def _with_connection(self, work: Callable[[Connection], Any]) -> Any:
        return await self._writing.run(work)

    async def close(self) -> None:
        await super().close()
        self._reading.close()
        self._writing.close()


class Postgres(Database):
    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        super().__init__(POSTGRES_WRITERS)
        self._url = url
        self._engine = _make_engine(partial(connect, url), POSTGRES_WRITERS)

    async def migrate(self) -> None:
        """As `Database.migrate`, without a statement timeout: indexing a large table takes long."""
        unlimited = _make_engine(partial(connect, self._url, seconds=None), 1)
        try:
            await self._with_retries(_run_on_connection, unlimited, upgrade)
        finally:
            await unlimited.dispose()

    async def _with_connection(self, work: Callable[[Connection], Any]) -> Any:
        return await _run_on_connection(self._engine, work)

    async def close(self) -> None:
        await super().close()
        await self._engine.dispose()


def _make_engine(creator: Callable[[], Awaitable[Any]], size: int) -> "AsyncEngine":
    from sqlalchemy.ext.asyncio import create_async_engine  # 6 MB that SQLite does without

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=creator,
        hide_parameters=True,
        json_serializer=as_json,
        pool_size=size,
        max_overflow=0,
    )


async def _run_on_connection(engine: "AsyncEngine", work: Callable[[Connection], Any]) -> Any:
    async with engine.connect() as connection:
        return await connection.run_sync(work)


def as_json(value: Any) -> str:
    """JSON without NaN, which PostgreSQL refuses: a NaN from outside must not fail the write."""
    try:
        return json.dumps(value, allow_nan=False)
    except ValueError:
        return json.dumps(plain(value), allow_nan=False)


def insert_for(dialect: str) -> Any:
    """The dialect's INSERT with ON CONFLICT, imported when needed: PostgreSQL's takes 3 MB."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    return insert


def is_shared(url: str) -> bool:
    """Whether several processes may work on one database."""
    return url.startswith("postgresql:")


def make_database(url: str) -> Database:
    """url: `sqlite:///path`, or a `postgresql:` URL as asyncpg reads it."""
    return Postgres(url) if is_shared(url) else Sqlite(url)


async def connect(url: str, seconds: float | None = POSTGRES_COMMAND_SECONDS) -> Any:
    """A connection to PostgreSQL. seconds: the timeout of each statement, None for no timeout."""
    return await _connect(url, timeout=POSTGRES_CONNECT_SECONDS, command_timeout=seconds)


def _set_pragmas(connection: Any, _: object) -> None:
    """WAL allows reads during a write; synchronous=FULL makes each commit survive a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
