# pyright: basic
"""A store in a folder of its own."""

from collections.abc import AsyncGenerator

import pytest

from storage.store import Store, open_store


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path / 'easel.db'}"


@pytest.fixture
async def store(url, tmp_path) -> AsyncGenerator[Store]:
    async with open_store(url, tmp_path) as opened:
        yield opened
