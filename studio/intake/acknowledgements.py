"""Acknowledgements go ahead of all other work: Discord gives them three seconds."""

import asyncio
from contextlib import suppress
from types import TracebackType

LONGEST_SECONDS = 2.5
"""Longest time that background work yields to acknowledgements."""


class Acknowledgements:
    """A context manager around each acknowledgement; background work awaits `give_way` before it begins."""

    def __init__(self) -> None:
        self._under_way = 0
        self._none = asyncio.Event()
        self._none.set()

    def __enter__(self) -> None:
        self._under_way += 1
        self._none.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._none.set()

    async def give_way(self) -> None:
        """Wait while acknowledgements are under way, but not for ever."""
        if not self._none.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(LONGEST_SECONDS):
                    await self._none.wait()
