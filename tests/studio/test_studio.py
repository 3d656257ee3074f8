# pyright: basic, reportOptionalMemberAccess=false
"""Jobs that an earlier run left unfinished, or that another process works on."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest

import storage.job_store
import studio.work.provider_calls as provider_calls
from domain import DeliveryRefusal, Drawn, Origin, Size, State
from storage.spool import Spool
from studio.display import TemporarilyUndeliverable, Undeliverable
from studio.studio import Observers, Studio
from studio.work.job_queue import TryLater
from tests.conftest import make_job
from tests.studio.conftest import FakeProvider, paint, png

PROMISED = make_job(state=State.PROMISED, message_id=None)
REMEMBERED = {"id": "7"}


@pytest.fixture
def seen() -> list:
    """The remote job that the provider was asked to resume, and the row's state at that time."""
    return []


@pytest.fixture
def studio(store, delivery, seen) -> Studio:
    async def observers(request, sources, progress):
        row = await store.jobs.get("1")
        seen.append((row.remote, row.state, row.message_id))
        await paint(request, sources, progress)

    return Studio({"fake": FakeProvider(observers)}, "fake", store, delivery)


@pytest.mark.parametrize(("remote", "state"), [(None, State.SENDING), (REMEMBERED, State.WAITING)])
async def test_a_promised_row_that_was_acknowledged_is_drawn(studio, store, delivery, seen, remote, state):
    await store.jobs.add(PROMISED.having(remote=remote))
    delivery.acknowledgement = 900
    await studio._pipeline.draw("1")
    assert seen == [(remote, state, 900)]
    await studio._pipeline.deliver("1")
    assert [(job.message_id, len(pictures)) for job, pictures in delivery.delivered] == [(900, 1)]


async def test_a_promised_row_that_was_not_acknowledged_is_deleted(studio, store, delivery, seen):
    await store.jobs.add(PROMISED)
    delivery.acknowledgement = None
    await studio._pipeline.draw("1")
    assert await store.jobs.get("1") is None
    assert (seen, delivery.delivered) == ([], [])


async def test_a_promised_row_waits_while_its_acknowledgement_is_unknown(studio, store, delivery, seen):
    await store.jobs.add(PROMISED)
    delivery.acknowledgement = TemporarilyUndeliverable("500")
    with pytest.raises(TryLater):
        await studio._pipeline.draw("1")
    assert seen == []
    assert [job.state for job in await store.jobs.unheld()] == [State.PROMISED]
    delivery.acknowledgement = 900
    await studio._pipeline.draw("1")
    assert (await store.jobs.get("1")).state is State.DRAWN


async def test_the_heartbeat_waits_for_no_provider(studio, store, monkeypatch):
    monkeypatch.setattr(provider_calls, "REMOTE_CANCEL_SECONDS", 60.0)
    asked, answers = asyncio.Event(), asyncio.Event()

    async def hangs(ref):
        asked.set()
        await answers.wait()

    studio.catalogue.providers["fake"].cancel = hangs
    await store.jobs.add(make_job(state=State.WAITING, remote=REMEMBERED))
    await store.jobs.claim("1", "the dead")
    await store.jobs.cancel("1")
    monkeypatch.setattr(storage.job_store, "LEASE_TIMEOUT", timedelta(0))
    taking_over = asyncio.create_task(studio._pipeline.recover_orphans())
    await asked.wait()
    async with asyncio.timeout(10):
        await studio._send_heartbeat()
    answers.set()
    await taking_over
    assert (await store.jobs.get("1")).failure.kind == "Cancelled"


async def test_pictures_in_memory_alone_are_delivered_by_the_process_that_has_them(
    studio, store, delivery, monkeypatch
):
    """Another process that takes the same row would find no picture."""
    monkeypatch.setattr(store.spool, "put", AsyncMock(side_effect=OSError))
    other = Studio(studio.catalogue.providers, "fake", replace(store, spool=Spool(store.spool._store)), delivery)
    monkeypatch.setattr(studio._pipeline.queue, "submit", lambda *_: other._pipeline.deliver("1"))
    await store.jobs.add(make_job())
    await studio._pipeline.draw("1")
    assert [len(pictures) for _, pictures in delivery.delivered] == [1]
    assert (await store.jobs.get("1")).state is State.DELIVERED
    assert not store.spool.has_unstored("1")


async def test_only_parked_jobs_are_given_up(studio, store):
    for id in "12":
        await store.spool.put(f"pictures/{id}/0", png())
        await store.jobs.add(make_job(id, state=State.DRAWN, parked=id == "1"))
        await studio.jobs.give_up(id)
    assert [await store.jobs.get(id) is None for id in "12"] == [True, False]
    assert [await store.spool.get(f"pictures/{id}/0") is None for id in "12"] == [True, False]


async def test_a_recover_during_the_parking_of_a_job_sends_it_at_once(store, delivery, monkeypatch):
    """The queue still has the first delivery, and would skip a second one with the same key."""
    save, delivered = store.jobs.save, asyncio.Event()

    async def asked_for_at_once(job, owner, fields=None, *, release=False):
        saved = await save(job, owner, fields, release=release)
        if job.parked:
            place = make_job(message_id=901)
            await studio.jobs.redeliver(job, Origin(**{name: getattr(place, name) for name in Origin.model_fields}))
        return saved

    monkeypatch.setattr(store.jobs, "save", asked_for_at_once)
    observers = Observers(on_change=lambda job: delivered.set() if job.state is State.DELIVERED else None)
    studio = Studio({"fake": FakeProvider(paint)}, "fake", store, delivery, observers=observers)
    await store.spool.put("pictures/1/0", png())
    drawn = (Drawn(call=0, key="pictures/1/0", size=Size(64, 64)),)
    await store.jobs.add(make_job(state=State.DRAWN, drawn=drawn))
    delivery.answers = [Undeliverable(DeliveryRefusal.EXPLICIT)]
    await studio.start()
    async with asyncio.timeout(30):
        await delivered.wait()
    await studio.close()
    assert [job.message_id for job, _ in delivery.delivered] == [500, 901]


async def test_a_picture_goes_where_it_was_asked_for_first(studio, store, delivery):
    await store.spool.put("pictures/1/0", png())
    drawn = (Drawn(call=0, key="pictures/1/0", size=Size(64, 64)),)
    await store.jobs.add(make_job(state=State.DRAWN, parked=True, private=True, drawn=drawn))
    first, second = [(await studio.jobs.parked(400))[0] for _ in range(2)]
    places = [make_job(id, message_id=id) for id in (901, 902)]
    origins = [Origin(**{name: getattr(place, name) for name in Origin.model_fields}) for place in places]
    moved = await asyncio.gather(*map(studio.jobs.redeliver, (first, second), origins))
    assert sorted(moved) == [False, True]
    await studio._pipeline.deliver("1")
    assert [job.message_id for job, _ in delivery.delivered] == [901 if moved[0] else 902]
    assert not await studio.jobs.redeliver(second, origins[1])
