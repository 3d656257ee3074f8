"""Yields to the event loop while data is read that is buffered already, so that no await ever suspends."""

import asyncio

BYTES_PER_TURN = 32 * 1024
OVERHEAD_BYTES = 512
"""Cost of a chunk, event or message beside its bytes, in bytes."""


class CooperativeYield:
    """Counts processed bytes of one task."""

    def __init__(self) -> None:
        self._bytes = 0

    async def processed(self, amount: int) -> None:
        """Count processed bytes, and yield once every `BYTES_PER_TURN`."""
        self._bytes += amount + OVERHEAD_BYTES
        if self._bytes >= BYTES_PER_TURN:
            self._bytes = 0
            await asyncio.sleep(0)
