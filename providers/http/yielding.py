"""Letting others have their turn while something is read that is there already, and so never waits by itself."""

import asyncio

BYTES_PER_TURN = 32 * 1024
OVERHEAD_BYTES = 512
"""What a chunk, an event or a message costs beside its bytes, in bytes."""


class CooperativeYield:
    def __init__(self) -> None:
        self._bytes = 0

    async def processed(self, amount: int) -> None:
        """So many bytes have been handled; others come in between when there have been enough."""
        self._bytes += amount + OVERHEAD_BYTES
        if self._bytes >= BYTES_PER_TURN:
            self._bytes = 0
            await asyncio.sleep(0)
