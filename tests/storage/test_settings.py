# pyright: basic
"""Concurrent changes of a server's settings by two processes, on either database."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from domain import Settings, Size
from storage.store import open_store

ROUNDS = 20
SECONDS = 20


@pytest.fixture(params=["sqlite", "postgresql"])
async def stores(request, url, tmp_path):
    """Two stores on one database, each with a folder, connections and a cache of its own."""
    if request.param == "postgresql":
        url = await request.getfixturevalue("postgres").database()
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_store(url, tmp_path / name)) for name in ("one", "two")]


async def written(store, guild_id: int) -> Settings:
    """As stored in the table, past the cache."""
    return await store.settings._load(guild_id)


@pytest.mark.parametrize("has_chosen", [False, True])
async def test_concurrent_changes_of_two_fields_are_both_kept(stores, has_chosen):
    one, two = stores
    for guild_id in range(ROUNDS):
        if has_chosen:
            await one.settings.set(guild_id, Settings(model="ink"))
        await asyncio.gather(
            one.settings.change(guild_id, lambda now: now.having(private=True)),
            two.settings.change(guild_id, lambda now: now.having(size=Size(512, 512))),
        )
        model = "ink" if has_chosen else None
        assert await written(one, guild_id) == Settings(model=model, private=True, size=Size(512, 512))


async def test_concurrent_additions_to_a_chain_are_all_kept(stores):
    one, two = stores
    for guild_id in range(ROUNDS):
        await asyncio.gather(
            one.settings.change(guild_id, lambda now: now.having(chain=(*now.chain, "popcord"))),
            two.settings.change(guild_id, lambda now: now.having(chain=(*now.chain, "sketch"))),
            two.settings.change(guild_id, lambda now: now.having(refiner=True)),
        )
        settings = await written(two, guild_id)
        assert set(settings.chain) == {"popcord", "sketch"}
        assert settings.refiner


async def test_a_change_is_read_although_an_older_query_is_under_way(stores, monkeypatch):
    store = stores[0].settings
    load, looking, go_on = store._load, asyncio.Event(), asyncio.Event()

    async def slow(guild_id: int) -> Settings:
        old = await load(guild_id)
        looking.set()
        await go_on.wait()
        return old

    monkeypatch.setattr(store, "_load", slow)
    before = asyncio.create_task(store.get(7))
    await looking.wait()
    monkeypatch.setattr(store, "_load", load)
    async with asyncio.timeout(SECONDS):
        await store.change(7, lambda now: now.having(private=True))
        assert await store.get(7) == Settings(private=True)
    go_on.set()
    await before
    assert await store.get(7) == Settings(private=True)


async def test_a_failing_edit_changes_nothing_and_does_not_affect_concurrent_writes(stores):
    store = stores[0]

    def broken(_: Settings) -> Settings:
        raise LookupError

    outcomes = await asyncio.gather(
        store.settings.change(7, broken),
        *(store.settings.change(8, lambda now, n=n: now.having(chain=(*now.chain, n))) for n in "abc"),
        return_exceptions=True,
    )
    assert isinstance(outcomes[0], LookupError)
    assert outcomes[1:] == [None] * 3
    assert await written(store, 7) == Settings()
    assert await written(store, 8) == Settings(chain=("a", "b", "c"))
