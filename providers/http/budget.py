"""How many bytes of answers there may be in memory at once, whoever they are for."""

import asyncio
from collections import deque
from typing import NamedTuple


class _Waiter(NamedTuple):
    task: "asyncio.Task[object]"
    amount: int
    come: "asyncio.Future[None]"


class MemoryBudget:
    """Counts the bytes that a task has read until the task ends.

    Only a task that has none yet waits for room: those that hold some can always end, so nobody waits for ever.
    """

    def __init__(self, size: int) -> None:
        self._room = size
        self._held: dict[asyncio.Task[object], int] = {}
        self._turns: deque[_Waiter] = deque()

    async def take(self, amount: int) -> None:
        """Count so many bytes for the current task; one that is larger than everything goes when it is alone."""
        task = asyncio.current_task()
        if task is None:
            return
        if task in self._held:
            self._count(task, amount)
            self._let_in()
            return
        turn = _Waiter(task, amount, asyncio.get_running_loop().create_future())
        self._turns.append(turn)
        self._let_in()
        try:
            await turn.come
        except asyncio.CancelledError:
            self._let_in()
            raise

    def _count(self, task: "asyncio.Task[object]", amount: int) -> None:
        self._held[task] = self._held.get(task, 0) + amount
        self._room -= amount

    def _give_back(self, task: "asyncio.Task[object]") -> None:
        self._room += self._held.pop(task)
        self._let_in()

    def _let_in(self) -> None:
        """As many as there is room for, in the order in which they came."""
        while self._turns and (self._turns[0].come.done() or not self._held or self._turns[0].amount <= self._room):
            turn = self._turns.popleft()
            if not turn.come.done():
                self._count(turn.task, turn.amount)
                turn.task.add_done_callback(self._give_back)
                turn.come.set_result(None)
