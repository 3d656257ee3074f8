"""Waiting for a future that a cancellation of the waiter must not interrupt."""

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


async def shielded(work: "asyncio.Future[Result]") -> Result:
    """The future's result; a cancellation of the caller, even a repeated one, is raised only once it is done."""
    await wait_until_done(work)
    return work.result()


async def wait_until_done(work: "asyncio.Future[Any]") -> None:
    """Wait for success or failure; a cancellation of the caller, even a repeated one, is raised only after it."""
    try:
        await asyncio.wait({work})
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # retrieved, or asyncio logs "exception was never retrieved"
        raise
