"""Work that is not left in the middle."""

import asyncio
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


async def uncut(work: "asyncio.Future[Result]") -> Result:
    """The work's result. A cancellation, however often it comes, is raised only when the work has ended."""
    await ended(work)
    return work.result()


async def ended(work: "asyncio.Future[Any]") -> None:
    """Wait for the work's end, well or not. A cancellation, however often it comes, is raised only then."""
    try:
        await asyncio.wait({work})
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        if not work.cancelled():
            work.exception()  # or asyncio logs that nobody has asked for it
        raise
