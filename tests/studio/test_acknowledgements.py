# pyright: basic
"""Acknowledgements go first, and nobody waits for ever."""

import asyncio

import pytest

import studio.intake.acknowledgements
from studio.intake.acknowledgements import Acknowledgements


async def begun(*works):
    tasks = [asyncio.create_task(work) for work in works]
    await asyncio.sleep(0)
    return tasks


async def test_without_acknowledgements_work_starts_at_once():
    async with asyncio.timeout(1):
        await Acknowledgements().give_way()


async def test_work_starts_after_the_last_acknowledgement():
    acknowledgements = Acknowledgements()
    with acknowledgements:
        with pytest.raises(RuntimeError), acknowledgements:
            (waiting,) = await begun(acknowledgements.give_way())
            raise RuntimeError
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, 1)


async def test_endless_acknowledgements_do_not_block_work_for_ever(monkeypatch):
    monkeypatch.setattr(studio.intake.acknowledgements, "MAX_YIELD_SECONDS", 0.0)
    acknowledgements = Acknowledgements()
    with acknowledgements:
        await asyncio.wait_for(acknowledgements.give_way(), 1)
