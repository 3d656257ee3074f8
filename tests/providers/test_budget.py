# pyright: basic
"""The memory budget is never exceeded, and no task waits for ever."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from providers.http.budget import MemoryBudget
from tests.conftest import PATIENCE_SECONDS

ROOM = 10


class Reader:
    """Tasks that reserve bytes, hold them for a few turns of the loop, and end. most: how many they held at once."""

    def __init__(self) -> None:
        self.budget = MemoryBudget(ROOM)
        self.held = self.most = 0

    async def read(self, amount: int, turns: int) -> None:
        await self.budget.reserve(amount)
        self.held += amount
        self.most = max(self.most, self.held)
        for _ in range(turns):
            await asyncio.sleep(0)
        self.held -= amount


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(1, ROOM), st.integers(0, 5), st.booleans()), max_size=30))
async def test_every_reader_is_admitted_and_the_budget_is_never_exceeded(readers):
    reader = Reader()
    tasks = [asyncio.create_task(reader.read(amount, turns)) for amount, turns, _ in readers]
    await asyncio.sleep(0)
    for task, (_, _, cancelled) in zip(tasks, readers, strict=True):
        if cancelled:
            held = task in reader.budget._held
            task.cancel()
            if held:
                reader.held -= readers[tasks.index(task)][0]
    async with asyncio.timeout(PATIENCE_SECONDS):
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)
    assert reader.budget._free == ROOM
    assert not reader.budget._held


async def test_a_reservation_larger_than_the_budget_is_admitted_alone():
    reader = Reader()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for amount in (3, 5 * ROOM, 3):
            group.create_task(reader.read(amount, 3))
    assert reader.most == 5 * ROOM


async def test_a_task_that_holds_bytes_does_not_wait():
    budget = MemoryBudget(ROOM)
    await budget.reserve(ROOM)
    async with asyncio.timeout(PATIENCE_SECONDS):
        await budget.reserve(ROOM)


async def let_in(script: str) -> str:
    """Admitted tasks, in order. `+6`: a task reserves 6 bytes; `-0`: the first one ends; `x0`: it is cancelled."""
    budget, ends, tasks, order = MemoryBudget(ROOM), list[asyncio.Event](), list[asyncio.Task[None]](), list[int]()

    async def hold(number: int, amount: int) -> None:
        await budget.reserve(amount)
        order.append(number)
        await ends[number].wait()

    for step in script.split():
        number = int(step[1:])
        match step[0]:
            case "+":
                ends.append(asyncio.Event())
                tasks.append(asyncio.create_task(hold(len(tasks), number)))
            case "-":
                ends[number].set()
            case _:
                tasks[number].cancel()
        for _ in range(10):
            await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    return "".join(map(str, order))


@pytest.mark.parametrize(
    ("script", "order"),
    [
        ("+6 +3 +8 +1", "01"),
        ("+6 +3 +8 -1 +3", "01"),
        ("+6 +3 +8 +3 -1 -0", "012"),
        ("+9 +4 +3 +3 -0", "0123"),
        ("+9 +4 +4 +4 -0 -1", "0123"),
        ("+6 +3 +8 +3 -1 x2", "013"),
        ("+6 +8 +8 +3 x2 x1", "03"),
        ("+6 +3 +8 +4 x2", "01"),
    ],
)
async def test_waiting_tasks_are_admitted_in_fifo_order(script, order):
    assert await let_in(script) == order


async def test_parallel_readers_never_exceed_the_budget():
    reader = Reader()
    async with asyncio.timeout(PATIENCE_SECONDS), asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(reader.read(4, 3))
    assert reader.most == 8


async def test_an_excess_reservation_is_released(monkeypatch):
    budget = MemoryBudget(ROOM)
    await budget.reserve(8)
    await budget.reserve(-6)
    other = asyncio.create_task(budget.reserve(7))
    async with asyncio.timeout(PATIENCE_SECONDS):
        await other
