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
from functools import partial
from typing import Any, ClassVar, NamedTuple

import asyncpg
from sqlalchemy import Connection, Executable, RowMapping
from sqlalchemy.exc import DBAPIError, OperationalError
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

from storage.uncut import uncut
from storage.upgrade import upgrade

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
"""How long the database may be away before those who wait for it get an error."""
TOGETHER = 64
"""Pieces of work in one transaction."""
LINGER_SECONDS = 0.004
"""Measured: a tenth less of the processor's time for a picture; what comes alone never lingers."""
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


class ClosedError(Exception):
    """The process is ending."""


class Do(NamedTuple):
    """A statement and what it is filled with."""

    statement: Executable
    filled: Mapping[str, Any] | None = None


class Done(NamedTuple):
    """What became of a statement; of the last one, for a piece of work."""

    rows: Sequence[RowMapping]
    changed: int
    """How many rows it wrote."""

    def scalars(self) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows]

    def scalar(self) -> Any:
        return next(iter(self.scalars()), None)


class Then(NamedTuple):
    """A step that is made, within the transaction, of what the one before it has found."""

    make: Callable[[Done], Do]


Step = Do | Then


class _Work(NamedTuple):
    steps: Sequence[Step]
    done: "asyncio.Future[Done]"


class Database(ABC):
    """Runs pieces of work, each all of it or none, in the order in which they came on SQLite."""

    dialect: ClassVar[str]

    def __init__(self, writers: int) -> None:
        self._waiting: list[_Work] = []
        self._came = asyncio.Event()
        self._trouble = -math.inf
        self.is_closed = False
        self._writers = [asyncio.create_task(self._write()) for _ in range(writers)]

    async def run(self, *steps: Step) -> Done:
        """In one transaction, through a short absence of the database; the last step's result.

        The steps may run twice: a connection lost in a commit does not tell whether it was made.
        """
        try:
            return await self._once(steps)
        except Exception as error:
            if not is_transient(error):
                raise
            self._trouble = time.monotonic()
        return await self._patiently(self._once, steps)

    async def look(self, *steps: Step) -> Done:
        """Only read, and so, where that can be, not behind what is being written."""
        return await self.run(*steps)

    async def _patiently(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
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
        self.is_closed = True
        for writer in self._writers:
            writer.cancel()
        await asyncio.wait(self._writers)
        for work in self._waiting:
            work.done.cancel()

    def _tell(self, state: RetryCallState) -> None:
        self._trouble = time.monotonic()
        error = state.outcome.exception() if state.outcome else None
        log.warning("the database does not answer (%s); trying again", type(error).__name__)

    async def _once(self, steps: Sequence[Step]) -> Done:
        if self.is_closed:
            raise ClosedError
        work = _Work(steps, asyncio.get_running_loop().create_future())
        self._waiting.append(work)
        self._came.set()
        return await uncut(work.done)

    async def _write(self) -> None:
        """What has come meanwhile, together; for ever. In a throng it lingers, for larger and fewer transactions."""
        last = 0
        while True:
            await self._came.wait()
            if last > 1 or len(self._waiting) > 1:
                await asyncio.sleep(LINGER_SECONDS)
            last = len(self._waiting)
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


def _perform(batch: Sequence[Sequence[Step]], connection: Connection) -> list[Done | BaseException]:
    """All in one transaction; where one fails, each in one of its own, so that the error is its alone."""
    if len(batch) > 1:
        try:
            with connection.begin():
                return [perform(steps, connection) for steps in batch]
        except Exception as error:
            if is_transient(error):
                raise  # each alone would wait as long as all have waited together
    return [_alone(connection, steps) for steps in batch]


def _alone(connection: Connection, steps: Sequence[Step]) -> Done | BaseException:
    try:
        with connection.begin():
            return perform(steps, connection)
    except Exception as error:  # noqa: BLE001 - it is raised where the work came from
        return error


def perform(steps: Sequence[Step], connection: Connection) -> Done:
    """In the transaction that is open; the last step's result."""
    done = Done((), 0)
    for step in steps:
        do = step.make(done) if isinstance(step, Then) else step
        result = connection.execute(do.statement, do.filled)
        done = Done(result.mappings().all() if result.returns_rows else (), result.rowcount)
    return done


def is_transient(error: BaseException) -> bool:
    """Whether the database may be back in a moment: restarted, out of reach, held by somebody, or short of room."""
    if isinstance(error, DBAPIError):
        blocked = isinstance(error, OperationalError) and any(word in str(error.orig) for word in BLOCKED)
        return error.connection_invalidated or blocked or isinstance(root_of(error), AWAY)
    return isinstance(error, AWAY)


def root_of(error: BaseException) -> BaseException:
    """What asyncpg raised: SQLAlchemy wraps it, and does not tell a connection that was refused from a wrong query."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
