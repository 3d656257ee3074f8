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
from storage.database import ClosedError, Database, Done, Step, perform
from storage.upgrade import upgrade

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

BUSY_SECONDS = 5
"""How long SQLite waits for another process's lock."""
CONNECT_SECONDS, COMMAND_SECONDS = 5, 15
"""PostgreSQL's timeouts."""
WRITERS = 4
"""Connections to PostgreSQL, each with a transaction of its own."""
_connect = cast("Any", asyncpg.connect)  # asyncpg is not typed


class _Thread:
    """One connection to a database file, used in a thread of its own."""

    def __init__(self, url: str) -> None:
        self._executor = ThreadPoolExecutor(1, "sqlite")
        self._engine = create_engine(url, hide_parameters=True, json_serializer=as_json)
        event.listen(self._engine, "connect", _configure)
        self._connection: Connection | None = None

    async def run(self, work: Callable[[Connection], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._do, work)

    def close(self) -> None:
        # In its thread, and behind what has begun: a cancelled shutdown must not leave the write-ahead log behind.
        self._executor.submit(self._shut)
        self._executor.shutdown()

    def _do(self, work: Callable[[Connection], Any]) -> Any:
        self._connection = self._connection or self._engine.connect()
        return work(self._connection)

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


class Sqlite(Database):
    """One connection writes and one reads: a write lock keeps no reader waiting."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        super().__init__(writers=1)
        self._writing, self._reading = _Thread(url), _Thread(url)

    async def read(self, *steps: Step) -> Done:
        if self.is_closed:
            raise ClosedError
        try:
            return await self._reading.run(partial(perform, steps))
        except OperationalError:
            return await self.run(*steps)  # which retries

    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        return await self._writing.run(work)

    async def close(self) -> None:
        await super().close()
        self._reading.close()
        self._writing.close()


class Postgres(Database):
    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        super().__init__(WRITERS)
        self._url = url
        self._engine = _pool(partial(connect, url), WRITERS)

    async def migrate(self) -> None:
        """Over a connection without a timeout: indexing a large table takes long."""
        unlimited = _pool(partial(connect, self._url, seconds=None), 1)
        try:
            await self._with_retries(_with, unlimited, upgrade)
        finally:
            await unlimited.dispose()

    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        return await _with(self._engine, work)

    async def close(self) -> None:
        await super().close()
        await self._engine.dispose()


def _pool(creator: Callable[[], Awaitable[Any]], size: int) -> "AsyncEngine":
    from sqlalchemy.ext.asyncio import create_async_engine  # 6 MB that SQLite does without

    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=creator,
        hide_parameters=True,
        json_serializer=as_json,
        pool_size=size,
        max_overflow=0,
    )


async def _with(engine: "AsyncEngine", work: Callable[[Connection], Any]) -> Any:
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
    """url: `sqlite:///path`, or whatever asyncpg reads."""
    return Postgres(url) if is_shared(url) else Sqlite(url)


async def connect(url: str, seconds: float | None = COMMAND_SECONDS) -> Any:
    """A connection to PostgreSQL. seconds: the timeout of each statement, None for no timeout."""
    return await _connect(url, timeout=CONNECT_SECONDS, command_timeout=seconds)


def _configure(connection: Any, _: object) -> None:
    """WAL lets reads go on beside a write; synchronous=FULL makes each commit survive a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
