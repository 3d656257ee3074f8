"""The database: SQLite in a file of its own, or PostgreSQL for as many processes as there are.

Statements that arrive while a transaction is under way share the next one: measured on SQLite, a write then takes a
tenth of the processor's time, and hundreds of jobs share one wait for the disk. A call returns after its commit.
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

from storage.uncut import ended, uncut
from storage.upgrade import upgrade

log = logging.getLogger(__name__)

AWAY_SECONDS = 30.0
"""How long a call retries while the database is away."""
BATCH_SIZE = 64
"""Most calls of `run` in one transaction."""
LINGER_SECONDS = 0.004
"""How long a busy writer waits for more; measured: a tenth less of the processor's time for a picture."""
BLOCKED = ("locked", "full")
"""Words in SQLite's errors for a file that somebody else is writing, and for a full disk."""
AWAY = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
)
"""Raised when PostgreSQL is starting, stopping, out of connections, or gone."""
DATABASE_ERRORS = (DBAPIError, *AWAY)
"""What running a statement raises, where the database is away or refuses it."""


class ClosedError(Exception):
    """The process is ending."""


class Do(NamedTuple):
    """A statement and its parameters."""

    statement: Executable
    parameters: Mapping[str, Any] | None = None


class Done(NamedTuple):
    """Result of a statement."""

    rows: Sequence[RowMapping]
    changed: int
    """Rows written."""

    def scalars(self) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows]

    def scalar(self) -> Any:
        return next(iter(self.scalars()), None)


class Then(NamedTuple):
    """A statement built, within the transaction, from the result of the step before it."""

    make: Callable[[Done], Do]


Step = Do | Then


class _Work(NamedTuple):
    steps: Sequence[Step]
    done: "asyncio.Future[Done]"


class Database(ABC):
    """Runs statements; those of one call are atomic. On SQLite, calls run in the order in which they came."""

    dialect: ClassVar[str]

    def __init__(self, writers: int) -> None:
        self._waiting: list[_Work] = []
        self._has_work = asyncio.Event()
        self._last_failure = -math.inf
        self.is_closed = False
        self._writers = [asyncio.create_task(self._write()) for _ in range(writers)]

    async def run(self, *steps: Step) -> Done:
        """Run the steps in one transaction, with retries while the database is away; the last step's result.

        The steps may run twice: a connection lost in a commit does not tell whether it was made.
        """
        try:
            return await self._submit(steps)
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            self._last_failure = time.monotonic()
        return await self._with_retries(self._submit, steps)

    async def read(self, *steps: Step) -> Done:
        """As `run`, for steps that write nothing; where the database can, not behind what is being written."""
        return await self.run(*steps)

    async def _with_retries(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_delay(AWAY_SECONDS),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0),
            before_sleep=self._log_retry,
            reraise=True,
        )
        return await retrying(work, *arguments)

    def steady(self) -> float:
        """Seconds since this process last found the database away."""
        return time.monotonic() - self._last_failure

    @abstractmethod
    async def _connected(self, work: Callable[[Connection], Any]) -> Any:
        """Call `work` with a connection."""

    async def migrate(self) -> None:
        """Bring the tables up to date; other processes wait for it."""
        await self._with_retries(self._connected, upgrade)

    async def close(self) -> None:
        """Run what is waiting, then take no more."""
        while self._waiting:
            await asyncio.wait({work.done for work in self._waiting})
        self.is_closed = True
        for writer in self._writers:
            writer.cancel()
        await asyncio.wait(self._writers)
        for work in self._waiting:
            work.done.cancel()

    def _log_retry(self, state: RetryCallState) -> None:
        self._last_failure = time.monotonic()
        error = state.outcome.exception() if state.outcome else None
        log.warning("the database does not answer (%s); trying again", type(error).__name__)

    async def _submit(self, steps: Sequence[Step]) -> Done:
        if self.is_closed:
            raise ClosedError
        work = _Work(steps, asyncio.get_running_loop().create_future())
        self._waiting.append(work)
        self._has_work.set()
        return await uncut(work.done)

    async def _write(self) -> None:
        """Run all that is waiting, for ever. After a batch of several it lingers, for larger and fewer transactions."""
        last = 0
        while True:
            await self._has_work.wait()
            if last > 1 or len(self._waiting) > 1:
                await asyncio.sleep(LINGER_SECONDS)
            last = len(self._waiting)
            batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
            if not self._waiting:
                self._has_work.clear()
            if batch:
                await self._execute(batch)

    async def _execute(self, batch: Sequence[_Work]) -> None:
        """All in one transaction; where that fails, each in one of its own, so that the error is its alone."""
        transaction = asyncio.ensure_future(self._connected(partial(_commit, [work.steps for work in batch])))
        try:
            await ended(transaction)
            error = transaction.exception()
            if error is None:
                _answer(batch, transaction.result())
            elif len(batch) == 1 or is_transient(error):  # each alone would wait as long as all have waited together
                _refuse(batch, error)
            else:
                for work in batch:
                    await self._execute([work])
        finally:
            for work in batch:
                work.done.cancel()  # nothing, where it is done


def _answer(batch: Sequence[_Work], results: Sequence[Done]) -> None:
    for work, result in zip(batch, results, strict=True):
        if not work.done.done():
            work.done.set_result(result)


def _refuse(batch: Sequence[_Work], error: BaseException) -> None:
    for work in batch:
        if not work.done.done():
            work.done.set_exception(error)


def _commit(batch: Sequence[Sequence[Step]], connection: Connection) -> list[Done]:
    with connection.begin():
        return [perform(steps, connection) for steps in batch]


def perform(steps: Sequence[Step], connection: Connection) -> Done:
    """Run the steps in the open transaction; the last step's result."""
    done = Done((), 0)
    for step in steps:
        do = step.make(done) if isinstance(step, Then) else step
        result = connection.execute(do.statement, do.parameters)
        done = Done(result.mappings().all() if result.returns_rows else (), result.rowcount)
    return done


def is_transient(error: BaseException) -> bool:
    """Whether a retry may succeed: the database is restarting, out of reach, locked, or short of disk."""
    if isinstance(error, DBAPIError):
        blocked = isinstance(error, OperationalError) and any(word in str(error.orig) for word in BLOCKED)
        return error.connection_invalidated or blocked or isinstance(root_of(error), AWAY)
    return isinstance(error, AWAY)


def root_of(error: BaseException) -> BaseException:
    """The driver's own error: SQLAlchemy wraps a refused connection and a wrong query alike."""
    while error.__cause__ is not None:
        error = error.__cause__
    return error
