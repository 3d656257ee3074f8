"""A limit on the bytes of responses in memory at once, over all tasks."""

import asyncio
from collections import deque
from typing import NamedTuple


class _Waiter(NamedTuple):
    task: "asyncio.Task[object]"
    amount: int
    admitted: "asyncio.Future[None]"


class MemoryBudget:
    """Counts bytes per task and releases them when the task ends.

    Only a task that holds none waits, in FIFO order; one that holds some never waits, so there is no deadlock.
    """

    def __init__(self, size: int) -> None:
        self._free = size
        self._held: dict[asyncio.Task[object], int] = {}
        self._waiting: deque[_Waiter] = deque()

    async def reserve(self, amount: int) -> None:
        """Reserve bytes for the current task; more than the whole budget are granted once no other task holds any."""
        task = asyncio.current_task()
        if task is None:
            return
        if task in self._held:
            self._count(task, amount)
            self._admit()
            return
        waiter = _Waiter(task, amount, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._admit()
        try:
            await waiter.admitted
        except asyncio.CancelledError:
            self._admit()
            raise

    def _count(self, task: "asyncio.Task[object]", amount: int) -> None:
        self._held[task] = self._held.get(task, 0) + amount
        self._free -= amount

    def _release(self, task: "asyncio.Task[object]") -> None:
        self._free += self._held.pop(task)
        self._admit()

    def _admit(self) -> None:
        """Admit waiting tasks in FIFO order while there is room."""
        while self._waiting and (
            self._waiting[0].admitted.done() or not self._held or self._waiting[0].amount <= self._free
        ):
            waiter = self._waiting.popleft()
            if not waiter.admitted.done():
                self._count(waiter.task, waiter.amount)
                waiter.task.add_done_callback(self._release)
                waiter.admitted.set_result(None)
