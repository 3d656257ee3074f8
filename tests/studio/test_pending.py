# pyright: basic, reportArgumentType=false, reportOptionalMemberAccess=false
"""Acknowledging: the row is written first and held, and background work waits."""

import asyncio

import pytest

import studio.intake.pending as pending_module
from domain import Job, State
from studio.intake.pending import (
    Acknowledgements,
    AcknowledgementUnknown,
    AnsweredElsewhere,
    PendingJobs,
    ShuttingDown,
)
from studio.lease import Leases
from tests.conftest import make_job


@pytest.fixture
def leases(store) -> Leases:
    return Leases(store.jobs)


@pytest.fixture
def pending(store, leases) -> PendingJobs:
    return PendingJobs(store.jobs, leases)


async def acknowledge(_: bool) -> int:
    return 500


class Slow:
    """A jobs table that writes a row only after its event is set."""

    def __init__(self) -> None:
        self.may_write = asyncio.Event()

    async def add(self, job: Job, owner: str, *, retry: bool) -> bool:
        await self.may_write.wait()
        return True


async def test_the_row_is_written_before_the_acknowledgement(leases):
    slow, word = Slow(), asyncio.Event()

    async def telling(_: bool) -> int:
        word.set()
        return 500

    making = asyncio.create_task(PendingJobs(slow, leases).add(make_job(), telling))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not word.is_set()
    slow.may_write.set()
    assert (await making).message_id == 500
    assert word.is_set()


async def test_an_unresponsive_database_does_not_prevent_the_acknowledgement(leases, monkeypatch):
    monkeypatch.setattr(pending_module, "WRITE_SECONDS", 0)
    slow = Slow()

    async def telling(_: bool) -> int:
        slow.may_write.set()
        return 500

    assert (await PendingJobs(slow, leases).add(make_job(), telling)).message_id == 500


async def test_without_a_row_there_is_no_acknowledgement(pending, leases, store, monkeypatch):
    async def broken(*_: object, **__: object) -> bool:
        raise OSError

    async def never(_: bool) -> int:
        raise AssertionError

    monkeypatch.setattr(store.jobs, "add", broken)
    with pytest.raises(OSError):
        await pending.add(make_job(), never)
    assert not leases


async def test_a_pending_row_is_held_until_it_is_complete(store, pending):
    promised = await pending.add(make_job(message_id=None), acknowledge)
    assert await store.jobs.unheld() == []
    await pending.complete(promised)
    assert (await store.jobs.get("1")).message_id == 500
    assert [job.id for job in await store.jobs.unheld()] == ["1"]


@pytest.mark.parametrize("fate", ["asked for", "deleted"])
async def test_a_row_whose_lease_was_lost_is_taken_back(store, pending, leases, fate):
    """As after a pause of the whole machine: another process has recovered the row, without its images."""
    promised = await pending.add(make_job(), acknowledge)
    await store.jobs.take_promised("1", "another")
    if fate == "deleted":
        await store.jobs.discard(promised, "another")
    await pending.complete(promised.having(model_title="ours"))
    assert not await store.jobs.save(promised, "another")
    row = await store.jobs.get("1")
    assert (row.state, row.model_title) == (State.QUEUED, "ours")
    assert [job.id for job in await store.jobs.unheld()] == ["1"]
    assert not leases


async def test_a_row_that_another_process_draws_is_not_taken_back(store, pending, leases):
    promised = await pending.add(make_job(), acknowledge)
    await store.jobs.take_promised("1", "another")
    await store.jobs.save(promised.having(state=State.SENDING, model_title="another's"), "another")
    await pending.complete(promised.having(model_title="ours"))
    row = await store.jobs.get("1")
    assert (row.state, row.model_title) == (State.SENDING, "another's")
    assert await store.jobs.unheld() == []
    assert not leases


async def test_a_failed_acknowledgement_deletes_the_row(store, pending, leases):
    async def failing(_: bool) -> int:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await pending.add(make_job(), failing)
    assert await store.jobs.get("1") is None
    assert not leases


async def test_a_failed_acknowledgement_during_shutdown_keeps_the_row(store, pending, leases):
    async def cut_off(_: bool) -> int:
        pending.close()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await pending.add(make_job(), cut_off)
    await store.jobs.release_all()
    assert [job.id for job in await store.jobs.unheld()] == ["1"]


async def test_a_replayed_interaction_changes_nothing(store, pending, leases):
    words = 0

    async def telling(_: bool) -> int:
        nonlocal words
        words += 1
        return 500

    first = await pending.add(make_job(), telling)
    assert await pending.add(make_job(state=State.WAITING), telling) is None
    assert words == 1
    assert len(leases) == 1
    await pending.complete(first)
    assert not leases
    assert (await store.jobs.get("1")).state is State.QUEUED


async def test_a_row_without_heartbeats_is_recovered(store, pending, leases):
    promised = await pending.add(make_job(), acknowledge)
    pending.stop_holding(promised)
    pending.stop_holding(promised)
    assert not leases
    await store.jobs.release_all()
    assert [job.id for job in await store.jobs.unheld()] == ["1"]


async def test_a_row_that_could_not_be_deleted_is_recovered(store, pending, leases, monkeypatch):
    async def locked(*_: object) -> None:
        raise OSError

    promised = await pending.add(make_job(), acknowledge)
    monkeypatch.setattr(store.jobs, "discard", locked)
    with pytest.raises(OSError):
        await pending.withdraw(promised)
    assert not leases
    await store.jobs.release_all()
    assert [job.id for job in await store.jobs.unheld()] == ["1"]


async def test_withdrawing_deletes_the_row(store, pending, leases):
    await pending.withdraw(await pending.add(make_job(), acknowledge))
    assert await store.jobs.get("1") is None
    assert not leases


async def test_during_shutdown_nothing_is_withdrawn(store, pending, leases):
    """The shutdown itself may be the cause, and the member may not be reached: the next process continues."""
    promised = await pending.add(make_job(), acknowledge)
    pending.close()
    with pytest.raises(ShuttingDown):
        await pending.withdraw(promised)
    assert not leases
    assert [job.id for job in await store.jobs.unheld()] == ["1"]


async def test_an_interaction_answered_elsewhere_leaves_no_row_even_during_shutdown(store, pending, leases):
    async def elsewhere(_: bool) -> int:
        pending.close()
        raise AnsweredElsewhere

    with pytest.raises(AnsweredElsewhere):
        await pending.add(make_job(), elsewhere)
    assert await store.jobs.get("1") is None
    assert not leases


async def test_an_unknown_acknowledgement_leaves_the_row_to_recovery(store, pending, leases):
    async def unclear(_: bool) -> int:
        raise AcknowledgementUnknown

    with pytest.raises(AcknowledgementUnknown):
        await pending.add(make_job(), unclear)
    assert not leases
    (left,) = await store.jobs.unheld()
    assert (left.id, left.state) == ("1", State.PROMISED)


async def test_an_interaction_replayed_while_its_row_is_written_changes_nothing(leases):
    slow = Slow()
    making = PendingJobs(slow, leases)
    first = asyncio.create_task(making.add(make_job(), acknowledge))
    await asyncio.sleep(0)
    assert await making.add(make_job(), acknowledge) is None
    slow.may_write.set()
    assert (await first).message_id == 500


@pytest.mark.parametrize("withdrawn", [True, False])
async def test_the_process_that_acknowledged_takes_over_another_processs_row(store, monkeypatch, withdrawn):
    """Neither waited for its write; the other process is refused by Discord, and deletes its row."""
    monkeypatch.setattr(pending_module, "WRITE_SECONDS", 0)
    await store.jobs.add(make_job(state=State.PROMISED), "other")

    class Behind:
        """A jobs table that writes the row only after the acknowledgement."""

        def __init__(self) -> None:
            self.acknowledged = asyncio.Event()

        async def add(self, job: Job, owner: str, *, retry: bool) -> bool:
            await self.acknowledged.wait()
            added = await store.jobs.add(job, owner, retry=retry)
            if withdrawn and not added:
                await store.jobs.discard(job, "other")
            return added

        async def take_promised(self, id: str, owner: str) -> bool:
            return await store.jobs.take_promised(id, owner)

    behind = Behind()

    async def telling(_: bool) -> int:
        behind.acknowledged.set()
        return 500

    making = PendingJobs(behind, Leases(store.jobs))
    assert (await making.add(make_job(), telling)).message_id == 500
    await store.jobs.discard(make_job(), "other")
    assert (await store.jobs.get("1")).state is State.PROMISED


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
    monkeypatch.setattr(pending_module, "MAX_YIELD_SECONDS", 0.0)
    acknowledgements = Acknowledgements()
    with acknowledgements:
        await asyncio.wait_for(acknowledgements.give_way(), 1)
