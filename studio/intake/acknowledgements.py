"""Priority for acknowledgements over background work, because Discord expects them within three seconds."""

import asyncio
from contextlib import suppress
from types import TracebackType

MAX_YIELD_SECONDS = 2.5
"""Longest time that background work yields to acknowledgements."""


class Acknowledgements:
    """A context manager around each acknowledgement; background work awaits `give_way` before it starts."""

    def __init__(self) -> None:
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def __enter__(self) -> None:
        self._under_way += 1
        self._is_idle.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._is_idle.set()

    async def give_way(self) -> None:
        """Wait while acknowledgements are under way, at most `MAX_YIELD_SECONDS`."""
        if not self._is_idle.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_YIELD_SECONDS):
                    await self._is_idle.wait()
