# pyright: basic
"""A store in a folder of its own, on either database."""

from collections.abc import AsyncGenerator

import pytest

from storage.store import Store, open_store


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'easel.db'}"


@pytest.fixture
async def store(url, tmp_path) -> AsyncGenerator[Store]:
    async with open_store(url, tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request, url, tmp_path) -> AsyncGenerator[Store]:
    """On SQLite, and on PostgreSQL."""
    if request.param == "postgresql":
        url = await request.getfixturevalue("postgres").database()
    async with open_store(url, tmp_path) as opened:
        yield opened
