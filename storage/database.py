"""The database: an SQLite file for one process, or PostgreSQL shared by several.

Group commit: statements that arrive during a transaction share the next one. Measured on SQLite, a write then takes a
tenth of the CPU time, and hundreds of jobs share one fsync. A call returns after its commit.
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

from storage.causes import driver_error, is_permanent
from storage.shielding import shielded, wait_until_done
from storage.upgrade import upgrade

log = logging.getLogger(__name__)

UNREACHABLE_RETRY_SECONDS = 30.0
"""How long a call retries while the database is unreachable."""
BATCH_SIZE = 64
"""Maximum number of calls of `run` in one transaction."""
LINGER_SECONDS = 0.004
"""How long a busy writer waits for more calls; measured: a tenth less CPU time for a picture."""
BLOCKED_WORDS = ("locked", "full")
"""Words in SQLite's errors for a file that another connection is writing, and for a full disk."""
UNREACHABLE_ERRORS = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.TooManyConnectionsError,
    asyncpg.OperatorInterventionError,
)
"""Raised when PostgreSQL is starting, stopping, out of connections, or gone."""


class ClosedError(Exception):
    """Raised by calls after `close`."""


DATABASE_ERRORS = (DBAPIError, ClosedError, *UNREACHABLE_ERRORS)
"""Raised by a statement that the database refuses, while it is unreachable, or after it is closed."""


class Statement(NamedTuple):
    """A statement and its parameters."""

    statement: Executable
    parameters: Mapping[str, Any] | None = None


class Result(NamedTuple):
    """The result of a statement."""

    rows: Sequence[RowMapping]
    changed: int
    """Rows written."""

    def scalars(self) -> list[Any]:
        return [next(iter(row.values())) for row in self.rows]

    def scalar(self) -> Any:
        return next(iter(self.scalars()), None)


class FromResult(NamedTuple):
    """A statement that is built, within the transaction, from the result of the previous step."""

    make: Callable[[Result], Statement]


Step = Statement | FromResult


class _Call(NamedTuple):
    """A queued call of `run`."""

    steps: Sequence[Step]
    result: "asyncio.Future[Result]"


class Database(ABC):
    """Runs statements; those of one call are atomic. On SQLite, calls run in the order in which they were made."""

    dialect: ClassVar[str]

    def __init__(self, writers: int) -> None:
        self._waiting: list[_Call] = []
        self._has_work = asyncio.Event()
        self._last_failure = -math.inf
        self.is_closed = False
        self._writers = [asyncio.create_task(self._write()) for _ in range(writers)]

    async def run(self, *steps: Step) -> Result:
        """Run the steps in one transaction, with retries while the database is unreachable; the last step's result.

        The steps must be idempotent: after a connection is lost during a commit, they run again.
        """
        try:
            return await self._submit(steps)
        except DATABASE_ERRORS as error:
            if not is_transient(error):
                raise
            self._last_failure = time.monotonic()
        return await self._with_retries(self._submit, steps)

    async def read(self, *steps: Step) -> Result:
        """As `run`, for steps that write nothing; not queued behind writes if the database allows it."""
        return await self.run(*steps)

    async def _with_retries(self, work: Callable[..., Awaitable[Any]], *arguments: Any) -> Any:
        retrying = AsyncRetrying(
            retry=retry_if_exception(is_transient),
            stop=stop_after_delay(UNREACHABLE_RETRY_SECONDS),
            wait=wait_exponential_jitter(multiplier=0.05, max=1.0),
            before_sleep=self._log_retry,
            reraise=True,
        )
        return await retrying(work, *arguments)

    def seconds_since_failure(self) -> float:
        """Seconds since a call of this process last found the database unreachable."""
        return time.monotonic() - self._last_failure

    @abstractmethod
    async def _with_connection(self, work: Callable[[Connection], Any]) -> Any:
        """Call `work` with a connection."""

    async def migrate(self) -> None:
        """Bring the tables up to date, under a lock that makes other processes wait."""
        await self._with_retries(self._with_connection, upgrade)

    async def close(self) -> None:
        """Run the calls that are queued, then accept no more."""
        while self._waiting:
            await asyncio.wait({call.result for call in self._waiting})
        self.is_closed = True
        for writer in self._writers:
            writer.cancel()
        await asyncio.wait(self._writers)
        for call in self._waiting:
            call.result.cancel()

    def _log_retry(self, state: RetryCallState) -> None:
        self._last_failure = time.monotonic()
        error = state.outcome.exception() if state.outcome else None
        log.warning("the database does not answer (%s); retrying", type(error).__name__)

    async def _submit(self, steps: Sequence[Step]) -> Result:
        if self.is_closed:
            raise ClosedError
        call = _Call(steps, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        self._has_work.set()
        return await shielded(call.result)

    async def _write(self) -> None:
        """Run queued calls for ever; after a batch of several it lingers, for larger and fewer transactions."""
        last_size = 0
        while True:
            await self._has_work.wait()
            if last_size > 1 or len(self._waiting) > 1:
                await asyncio.sleep(LINGER_SECONDS)
            last_size = len(self._waiting)
            batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
            if not self._waiting:
                self._has_work.clear()
            if batch:
                await self._execute(batch)

    async def _execute(self, batch: Sequence[_Call]) -> None:
        """Run the batch in one transaction; if it fails, run each call in its own, so that only the bad one fails."""
        transaction = asyncio.ensure_future(self._with_connection(partial(_commit, [call.steps for call in batch])))
        try:
            await wait_until_done(transaction)
            error = transaction.exception()
            if error is None:
                _set_results(batch, transaction.result())
            elif len(batch) == 1 or is_transient(error):  # each alone would time out after the same wait
                _set_error(batch, error)
            else:
                for call in batch:
                    await self._execute([call])
        finally:
            for call in batch:
                call.result.cancel()  # no effect on a result that is set


def _set_results(batch: Sequence[_Call], results: Sequence[Result]) -> None:
    for call, result in zip(batch, results, strict=True):
        if not call.result.done():
            call.result.set_result(result)


def _set_error(batch: Sequence[_Call], error: BaseException) -> None:
    for call in batch:
        if not call.result.done():
            call.result.set_exception(error)


def _commit(batch: Sequence[Sequence[Step]], connection: Connection) -> list[Result]:
    with connection.begin():
        return [execute_steps(steps, connection) for steps in batch]


def execute_steps(steps: Sequence[Step], connection: Connection) -> Result:
    """Run the steps in the open transaction; the last step's result."""
    result = Result((), 0)
    for step in steps:
        statement = step.make(result) if isinstance(step, FromResult) else step
        cursor = connection.execute(statement.statement, statement.parameters)
        result = Result(cursor.mappings().all() if cursor.returns_rows else (), cursor.rowcount)
    return result


def is_transient(error: BaseException) -> bool:
    """Whether a retry may succeed: the database is restarting, unreachable, locked, or short of disk."""
    if is_permanent(driver_error(error)):
        return False
    if isinstance(error, DBAPIError):
        blocked = isinstance(error, OperationalError) and any(word in str(error.orig) for word in BLOCKED_WORDS)
        return error.connection_invalidated or blocked or isinstance(driver_error(error), UNREACHABLE_ERRORS)
    return isinstance(error, UNREACHABLE_ERRORS)
