"""How many bytes of answers there may be in memory at once, whoever they are for."""

import asyncio
from collections import deque


class Budget:
    """Counts the bytes that a task has read until the task ends.

    Only a task that has none yet waits for room: those that hold some can always end, so nobody waits for ever.
    """

    def __init__(self, size: int) -> None:
        self._room = size
        self._held: dict[asyncio.Task[object], int] = {}
        self._turns: deque[asyncio.Future[None]] = deque()

    async def take(self, amount: int) -> None:
        """Count so many bytes for the current task; one that is larger than everything goes when it is alone."""
        task = asyncio.current_task()
        if task is None:
            return
        if task not in self._held:
            await self._fit(amount)
            self._held[task] = 0
            task.add_done_callback(self._give_back)
        self._held[task] += amount
        self._room -= amount
        self._wake()

    async def _fit(self, amount: int) -> None:
        while self._held and amount > self._room:
            turn = asyncio.get_running_loop().create_future()
            self._turns.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                self._wake()
                raise

    def _give_back(self, task: "asyncio.Task[object]") -> None:
        self._room += self._held.pop(task)
        self._wake()

    def _wake(self) -> None:
        """The next in line; it wakes the one behind it, if it fits itself."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(None)
                return
