"""Members who wait for an acknowledgement go ahead of all other work: Discord gives them three seconds."""

import asyncio
from contextlib import suppress
from types import TracebackType

LONGEST_SECONDS = 2.5
"""Longest time that background work yields to acknowledgements."""


class Rush:
    """A context manager for each acknowledgement; whatever can wait awaits `over` first."""

    def __init__(self) -> None:
        self._acknowledging = 0
        self._over = asyncio.Event()
        self._over.set()

    def __enter__(self) -> None:
        self._acknowledging += 1
        self._over.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._acknowledging -= 1
        if not self._acknowledging:
            self._over.set()

    async def over(self) -> None:
        """When nobody waits for an acknowledgement, and after a while in any case."""
        if not self._over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SECONDS):
                    await self._over.wait()
