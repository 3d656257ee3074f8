# pyright: basic
"""Fixtures: a world for one test, and one that the tests of a file share."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.faults.world import World, healthy, world_in


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    """A world for one test, not yet started."""
    async with world_in(tmp_path) as world:
        yield world
        healthy(world)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """One running bot for all tests of a file."""
    async with world_in(tmp_path_factory.mktemp("shared")) as world:
        await world.start()
        yield world


@pytest_asyncio.fixture(loop_scope="module")
async def running(shared: World) -> AsyncGenerator[World]:
    """The shared bot; it must be healthy before and after the test."""
    shared.discord.faults.clear()
    yield shared
    assert all(fault.hits for fault in shared.discord.faults)
    healthy(shared)
