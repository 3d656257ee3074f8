# pyright: basic
"""Two stores on one PostgreSQL, which stand for two processes."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from domain import Settings
from storage.database import Statement
from storage.store import open_store
from tests.conftest import make_job
from tests.postgres import wire_to

SECONDS = 20


@pytest.fixture
async def stores(postgres, tmp_path):
    url = await postgres.database()
    async with AsyncExitStack() as stack:
        # Concurrently, because both may find the tables missing.
        opening = [stack.enter_async_context(open_store(url, tmp_path / name)) for name in ("one", "two")]
        made = await asyncio.gather(*opening)
        for store in made:
            await listening(store)
        yield made


async def listening(store) -> None:
    """A store that is listening to notifications."""
    heard = asyncio.Event()
    store.notifications.subscribe("test", lambda _: heard.set())
    async with asyncio.timeout(SECONDS):
        while not heard.is_set():
            await store.jobs._database.run(*map(Statement, store.notifications.notify("test", "x")))


async def test_a_changed_setting_reaches_other_processes(stores):
    one, two = stores
    heard = asyncio.Event()
    two.notifications.subscribe("settings", lambda _: heard.set())
    assert await two.settings.get(7) == Settings()
    await one.settings.set(7, Settings(provider="popcord"))
    async with asyncio.timeout(SECONDS):
        await heard.wait()
    assert await two.settings.get(7) == await one.settings.get(7) == Settings(provider="popcord")
    await one.settings.delete(7)
    async with asyncio.timeout(SECONDS):
        while await two.settings.get(7) != Settings():
            await asyncio.sleep(0)


async def test_a_cancellation_is_notified_to_other_processes(stores):
    one, two = stores
    heard = asyncio.Queue()
    two.notifications.subscribe("cancelled", heard.put_nowait)
    await one.jobs.add(make_job(5))
    assert await two.jobs.claim("5", "two")
    assert await one.jobs.cancel("5")
    async with asyncio.timeout(SECONDS):
        assert await heard.get() == "5"


async def test_only_one_of_two_processes_claims_a_row(stores):
    one, two = stores
    await one.jobs.add(make_job(5))
    claims = await asyncio.gather(*(store.jobs.claim("5", name) for store, name in ((one, "one"), (two, "two"))))
    assert sum(claim is not None for claim in claims) == 1


async def test_after_a_lost_connection_the_settings_cache_is_invalidated(postgres, tmp_path):
    url = await postgres.database()
    async with (
        wire_to(postgres) as wire,
        open_store(wire.url(url), tmp_path / "one") as cut,
        open_store(url, tmp_path / "two") as other,
    ):
        await listening(cut)
        assert await cut.settings.get(7) == Settings()
        again = asyncio.Event()
        wire.cut()
        await other.settings.set(7, Settings(provider="popcord"))
        cut.notifications.subscribe("settings", lambda _: again.set())
        wire.mend()
        async with asyncio.timeout(SECONDS):
            await again.wait()
        assert await cut.settings.get(7) == Settings(provider="popcord")


async def test_leases_do_not_expire_while_the_database_is_unreachable(postgres, tmp_path, monkeypatch):
    url = await postgres.database()
    async with wire_to(postgres) as wire, open_store(wire.url(url), tmp_path) as store:
        await store.jobs.add(make_job(5))
        await store.jobs.claim("5", "one")
        monkeypatch.setattr("storage.job_store.LEASE_TIMEOUT", -make_job().reply_deadline.resolution)
        assert len(await store.jobs.orphaned()) == 1
        monkeypatch.undo()
        wire.cut()
        reading = asyncio.create_task(store.jobs.get("5"))
        async with asyncio.timeout(SECONDS):
            while store.jobs._database.seconds_since_failure() > 1:
                await asyncio.sleep(0.01)
        wire.mend()
        assert await reading
        assert store.jobs._stale_before().year == 1970
