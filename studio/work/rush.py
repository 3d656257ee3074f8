"""Acknowledgements go ahead of all other work: Discord's deadline for them is three seconds."""

import asyncio
from contextlib import suppress
from types import TracebackType

LONGEST_SECONDS = 2.5
"""Longest time that background work yields to acknowledgements."""


class Rush:
    """Entered for each acknowledgement; background work awaits `over` first."""

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
        """Wait until no acknowledgement is under way, but no longer than LONGEST_SECONDS."""
        if not self._over.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SECONDS):
                    await self._over.wait()
