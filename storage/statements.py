"""Running statements, each list of them in a transaction of its own, through a short absence of the database."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import CursorResult, Executable
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_delay, wait_exponential_jitter

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
AWAY = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)

Result = TypeVar("Result")


async def run(engine: AsyncEngine, *statements: Executable) -> CursorResult[Any]:
    """All of them or none; the last one's result.

    They may run twice: a connection that is lost in a commit tells nothing of it.
    """
    tries = AsyncRetrying(
        retry=retry_if_exception(passes),
        stop=stop_after_delay(PATIENCE_SECONDS),
        wait=wait_exponential_jitter(multiplier=0.05, max=1.0),
        before_sleep=_tell,
        reraise=True,
    )
    return await tries(_once, engine, statements)


def passes(error: BaseException) -> bool:
    """Whether the database may be back in a moment: restarted, out of reach, or held by somebody."""
    if isinstance(error, DBAPIError):
        locked = isinstance(error, OperationalError) and "locked" in str(error.orig)
        return error.connection_invalidated or locked
    return isinstance(error, AWAY)


def _tell(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log.warning("the database does not answer (%s); trying again", type(error).__name__)


async def _once(engine: AsyncEngine, statements: tuple[Executable, ...]) -> CursorResult[Any]:
    return await to_the_end(_run(engine, statements))


async def _run(engine: AsyncEngine, statements: tuple[Executable, ...]) -> CursorResult[Any]:
    async with engine.begin() as connection:
        *first, last = statements
        for statement in first:
            await connection.execute(statement)
        return await connection.execute(last)


async def to_the_end(work: Coroutine[None, None, Result]) -> Result:
    """Finish, then be cancelled: a connection that is cut off in a statement is lost to the pool, and never closed."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        if error := task.exception():
            log.warning("a statement failed while it was being cancelled: %s", type(error).__name__)
        raise asyncio.CancelledError
    return task.result()
