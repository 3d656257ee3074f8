"""The database: SQLite in a file of its own, or PostgreSQL for as many processes as there are.

Work that arrives while a transaction is under way shares the next one: measured on SQLite, a write then takes a tenth
of the processor's time, and hundreds of jobs share one wait for the disk. Nobody hears of a write before its commit.
"""

import asyncio
import logging
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar, NamedTuple, cast

import asyncpg
from sqlalchemy import Connection, Executable, RowMapping, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

from storage.upgrade import upgrade

log = logging.getLogger(__name__)

BUSY_SECONDS = 5
CONNECT_SECONDS, COMMAND_SECONDS = 5, 15
PATIENCE_SECONDS = 30.0
"""How long the database may be away before those who wait for it get an error."""
TOGETHER = 64
"""Pieces of work in one transaction."""
WRITERS = 4
"""Connections to PostgreSQL, each with a transaction of its own."""
BLOCKED = ("locked", "full")
"""SQLite's words for a file that somebody else is writing, and for a disk without room."""
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
)
"""What a PostgreSQL says that is starting, stopping, full, or gone."""
_connect = cast("Any", asyncpg.connect)
"""It has no types of its own."""


class ClosedError(Exception):
    """The process is ending."""


class Do(NamedTuple):
    """A statement and what it is filled with."""

    statement: Executable
    filled: Mapping[str, Any] | None = None


class Done(NamedTuple):
    """What became of the last statement of a piece of work."""

    rows: Sequence[RowMapping]
    changed: int
    """How many rows it wrote."""

    def scalars(self) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows]

    def scalar(self) -> Any:
        return next(iter(self.scalars()), None)


class _Work(NamedTuple):
    steps: Sequence[Do]
    done: "asyncio.Future[Done]"


class Database(ABC):
    """Runs pieces of work, each all of it or none, in the order in which they came on SQLite."""

    dialect: ClassVar[str]

    def __init__(self, writers: int) -> None:
        self._waiting: list[_Work] = []
        self._came = asyncio.Event()
        self._trouble = -math.inf
        self._closed = False
        self._writers = [asyncio.create_task(self._write()) for _ in range(writers)]

    async def run(self, *steps: Do) -> Done:
        """In one transaction, through a short absence of the database; the last step's result.

        They may run twice: a connection that is lost in a commit tells nothing of it.
        """
        try:
            return await self._once(steps)
        except Exception as error:
            if not passes(error):
                raise
            self._trouble = time.monotonic()
        return await self._patiently(self._once, steps)

    async def _patiently(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception(passes),
            stop=stop_after_delay(PATIENCE_SECONDS),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0),
            before_sleep=self._tell,
            reraise=True,
        )
        return await retrying(work, *arguments)

    def steady(self) -> float:
        """For how many seconds it has been there without a break, as far as this process knows."""
        return time.monotonic() - self._trouble

    @abstractmethod
    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        """Do something with a connection."""

    async def migrate(self) -> None:
        """Bring the tables up to date; other processes wait for it."""
        await self._patiently(self._connected, upgrade)

    async def close(self) -> None:
        """After what is waiting."""
        while self._waiting:
            await asyncio.wait({work.done for work in self._waiting})
        self._closed = True
        for writer in self._writers:
            writer.cancel()
        await asyncio.wait(self._writers)
        for work in self._waiting:
            work.done.cancel()

    def _tell(self, state: RetryCallState) -> None:
        self._trouble = time.monotonic()
        error = state.outcome.exception() if state.outcome else None
        log.warning("the database does not answer (%s); trying again", type(error).__name__)

    async def _once(self, steps: Sequence[Do]) -> Done:
        if self._closed:
            raise ClosedError
        work = _Work(steps, asyncio.get_running_loop().create_future())
        self._waiting.append(work)
        self._came.set()
        try:
            return await asyncio.shield(work.done)
        except asyncio.CancelledError:
            while not work.done.done():  # what comes after the cancellation must come after this
                with suppress(asyncio.CancelledError):
                    await asyncio.wait({work.done})
            raise

    async def _write(self) -> None:
        """What has come meanwhile, together; for ever."""
        while True:
            await self._came.wait()
            batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
            if not self._waiting:
                self._came.clear()
            if batch:
                await self._settle(batch)

    async def _settle(self, batch: Sequence[_Work]) -> None:
        outcomes: Sequence[Done | BaseException]
        try:
            outcomes = await self._connected(partial(_perform, [work.steps for work in batch]))
        except (DBAPIError, *AWAY) as error:
            outcomes = [error] * len(batch)
        except BaseException:
            for work in batch:
                work.done.cancel()
            raise
        for work, outcome in zip(batch, outcomes, strict=True):
            if work.done.done():
                continue
            if isinstance(outcome, BaseException):
                work.done.set_exception(outcome)
            else:
                work.done.set_result(outcome)


class Sqlite(Database):
    """One connection, in a thread of its own."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        super().__init__(writers=1)
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._engine = create_engine(url, hide_parameters=True)
        event.listen(self._engine, "connect", _configure)
        self._connection: Connection | None = None

    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._do, work)

    def _do(self, work: Callable[[Connection], Any]) -> Any:
        self._connection = self._connection or self._engine.connect()
        return work(self._connection)

    async def close(self) -> None:
        await super().close()
        # In its thread, and behind what that has begun: a cancelled shutdown must not leave the write-ahead log behind.
        self._thread.submit(self._shut)
        self._thread.shutdown()

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()


class Postgres(Database):
    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        super().__init__(WRITERS)
        from sqlalchemy.ext.asyncio import create_async_engine  # 6 MB that SQLite does without

        self._engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(connect, url),
            hide_parameters=True,
            pool_size=WRITERS,
            max_overflow=0,
        )

    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        return await _to_the_end(self._do(work))

    async def _do(self, work: Callable[[Connection], Any]) -> Any:
        async with self._engine.connect() as connection:
            return await connection.run_sync(work)

    async def close(self) -> None:
        await super().close()
        await self._engine.dispose()


def insert_for(dialect: str) -> Any:
    """The dialect's own INSERT, which knows ON CONFLICT; PostgreSQL's half of SQLAlchemy takes 3 MB."""
    if dialect == "postgresql":
        from sqlalchemy.dialects.postgresql import insert
    else:
        from sqlalchemy.dialects.sqlite import insert
    return insert


def is_shared(url: str) -> bool:
    """Whether several processes may stand on it."""
    return url.startswith("postgresql:")


def make_database(url: str) -> Database:
    """url: `sqlite:///path`, or whatever asyncpg reads."""
    return Postgres(url) if is_shared(url) else Sqlite(url)


async def connect(url: str) -> Any:
    """A connection to PostgreSQL that does not wait for ever."""
    return await _connect(url, timeout=CONNECT_SECONDS, command_timeout=COMMAND_SECONDS)


def _perform(batch: Sequence[Sequence[Do]], connection: Connection) -> list[Done | BaseException]:
    """All in one transaction; where one fails, each in one of its own, so that the error is its alone."""
    if len(batch) > 1:
        try:
            with connection.begin():
                return [_run(connection, steps) for steps in batch]
        except DBAPIError as error:
            if passes(error):
                raise  # each alone would wait as long as all have waited together
    return [_alone(connection, steps) for steps in batch]


def _alone(connection: Connection, steps: Sequence[Do]) -> Done | BaseException:
    try:
        with connection.begin():
            return _run(connection, steps)
    except Exception as error:  # noqa: BLE001 - it is raised where the work came from
        return error


def _run(connection: Connection, steps: Sequence[Do]) -> Done:
    *first, last = steps
    for step in first:
        connection.execute(step.statement, step.filled)
    result = connection.execute(last.statement, last.filled)
    return Done(result.mappings().all() if result.returns_rows else (), result.rowcount)


def passes(error: BaseException) -> bool:
    """Whether the database may be back in a moment: restarted, out of reach, held by somebody, or short of room."""
    if isinstance(error, DBAPIError):
        blocked = isinstance(error, OperationalError) and any(word in str(error.orig) for word in BLOCKED)
        return error.connection_invalidated or blocked or isinstance(_root(error), AWAY)
    return isinstance(error, AWAY)


def _root(error: BaseException) -> BaseException:
    """What asyncpg raised: SQLAlchemy wraps it, and does not tell a connection that was refused from a wrong query."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error


async def _to_the_end(work: Any) -> Any:
    """Finish, then be cancelled: a connection that is cut off in a statement is lost to the pool, and never closed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


def _configure(connection: Any, _: object) -> None:
    """Readers beside one writer, and on disk before a commit returns: a paid job survives a power cut."""
    for pragma in ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_SECONDS * 1000}"):
        connection.execute(f"PRAGMA {pragma}")
