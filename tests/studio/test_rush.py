# pyright: basic
"""Who goes first, and that nobody waits for ever."""

import asyncio

import pytest

import studio.work.rush
from studio.work.rush import Rush


async def begun(*works):
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    return tasks


async def test_without_a_rush_nobody_waits():
    async with asyncio.timeout(1):
        await Rush().over()


async def test_work_goes_on_when_the_last_is_acknowledged():
    rush = Rush()
    with rush:
        with pytest.raises(RuntimeError), rush:
            (waiting,) = await begun(rush.over())
            raise RuntimeError
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_a_rush_without_end_does_not_stop_all_work(monkeypatch):
    monkeypatch.setattr(studio.work.rush, "LONGEST_SECONDS", 0.0)
    rush = Rush()
    with rush:
        await asyncio.wait_for(rush.over(), 1)
