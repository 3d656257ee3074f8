"""Work that is not left in the middle."""

import asyncio
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


async def uncut(work: "asyncio.Future[Result]") -> Result:
    """What comes of it. A cancellation, however often it comes, is heard when it is done: what follows comes after."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        while not work.done():
            with suppress(asyncio.CancelledError):
                await asyncio.wait({work})
        raise
