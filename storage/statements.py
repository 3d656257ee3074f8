"""Running statements, each list of them in a transaction of its own."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import CursorResult, Executable
from sqlalchemy.ext.asyncio import AsyncEngine

log = logging.getLogger(__name__)

Result = TypeVar("Result")


async def run(engine: AsyncEngine, *statements: Executable) -> CursorResult[Any]:
    """All of them or none; the last one's result."""
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
