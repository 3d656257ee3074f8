# pyright: basic
"""The job queue: limits, order, deduplication, retries, and shutdown."""

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import asyncpg
import pytest
from pgqueuer.adapters.persistence.queries import Queries

import studio.work.job_queue
import studio.work.queue_engine
from studio.work.job_queue import Entrypoint, JobQueue, QueuedJob, TryLater
from studio.work.queue_engine import Driver

SECONDS = 10.0


class Worker:
    """Handles jobs, each until the gate is opened, and records which began and ended."""

    def __init__(self, *, waits: bool = False) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.cancelled: list[str] = []
        self.raises: list[Exception] = []
        self.most = 0
        self.gate = asyncio.Event()
        self._changed = asyncio.Condition()
        if not waits:
            self.gate.set()

    async def work(self, id: str) -> None:
        await self._add(self.begun, id)
        self.most = max(self.most, len(self.begun) - len(self.ended))
        try:
            await self.gate.wait()
            if self.raises:
                raise self.raises.pop(0)
        except asyncio.CancelledError:
            self.cancelled.append(id)
            raise
        finally:
            await self._add(self.ended, id)

    async def _add(self, to: list[str], id: str) -> None:
        async with self._changed:
            to.append(id)
            self._changed.notify_all()

    async def until(self, *, begun: int = 0, ended: int = 0) -> None:
        async with asyncio.timeout(SECONDS), self._changed:
            await self._changed.wait_for(lambda: len(self.begun) >= begun and len(self.ended) >= ended)


@pytest.fixture(params=["memory", "postgresql"])
async def url(request) -> str | None:
    return await request.getfixturevalue("postgres").database() if request.param == "postgresql" else None


@pytest.fixture
def opened(url):
    async def opened(entrypoints: dict[str, Entrypoint]) -> JobQueue:
        queue = JobQueue(entrypoints, url)
        await queue.open()
        return queue

    return opened


@asynccontextmanager
async def running(queue: JobQueue):
    task = asyncio.create_task(queue.run())
    try:
        yield
    finally:
        await queue.close(SECONDS)
        await asyncio.wait_for(task, SECONDS)


async def test_each_entrypoint_holds_its_own_limit(opened):
    one, two = Worker(waits=True), Worker(waits=True)
    queue = await opened({"one": Entrypoint(one.work, 1), "two": Entrypoint(two.work, 3)})
    for id in range(6):
        await queue.submit(QueuedJob("one", str(id)))
        await queue.submit(QueuedJob("two", str(id)))
    async with running(queue):
        await one.until(begun=1)
        await two.until(begun=3)
        for each in (one, two):
            each.gate.set()
            await each.until(ended=6)
    assert (one.most, two.most) == (1, 3)
    assert sorted(one.ended) == sorted(two.ended) == list("012345")


async def test_an_id_is_queued_once_for_an_entrypoint_until_it_is_done(opened):
    worker, other = Worker(waits=True), Worker()
    queue = await opened({"a": Entrypoint(worker.work, 5), "b": Entrypoint(other.work, 5)})
    async with running(queue):
        for _ in range(3):
            await queue.submit(QueuedJob("a", "same"))
        await worker.until(begun=1)
        await queue.submit(QueuedJob("a", "same"))
        await queue.submit(QueuedJob("b", "same"))
        await other.until(ended=1)
        worker.gate.set()
        await worker.until(ended=1)
        await queue.submit(QueuedJob("a", "last"))
        await worker.until(ended=2)
    assert worker.begun == ["same", "last"]


async def test_the_higher_priority_goes_first_and_the_older_of_equals(opened):
    worker = Worker()
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    for id, priority in (("low", -2), ("first", 0), ("middle", -1), ("second", 0)):
        await queue.submit(QueuedJob("a", id, priority=priority))
    async with running(queue):
        await worker.until(ended=4)
    assert worker.begun == ["first", "second", "middle", "low"]


async def test_a_job_that_raises_try_later_is_retried(opened, monkeypatch):
    monkeypatch.setattr(studio.work.job_queue, "MAX_RETRY_SECONDS", 0.0)
    monkeypatch.setattr(
        studio.work.queue_engine, "POLL_INTERVAL", timedelta(seconds=0.1)
    )  # its notification may come before the queue listens for it
    worker = Worker()
    worker.raises = [TryLater("once"), TryLater("twice")]
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    async with running(queue):
        await queue.submit(QueuedJob("a", "x"))
        await worker.until(ended=3)
    assert worker.begun == ["x"] * 3


async def test_a_failing_job_does_not_stop_the_others(opened):
    worker = Worker()
    worker.raises = [RuntimeError("a bug")]
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    async with running(queue):
        for id in ("x", "y"):
            await queue.submit(QueuedJob("a", id))
        await worker.until(ended=2)
    assert worker.begun == ["x", "y"]


async def test_closing_cancels_jobs_after_the_grace_period_and_starts_no_more(opened):
    worker = Worker(waits=True)
    queue = await opened({"a": Entrypoint(worker.work, 2)})
    for id in "xyz":
        await queue.submit(QueuedJob("a", id))
    task = asyncio.create_task(queue.run())
    await worker.until(begun=2)
    async with asyncio.timeout(SECONDS):
        await queue.close(grace=0)
        await task
    assert worker.cancelled == worker.begun == ["x", "y"]


async def test_closing_waits_for_jobs_within_the_grace_period(opened):
    worker = Worker(waits=True)
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    await queue.submit(QueuedJob("a", "x"))
    task = asyncio.create_task(queue.run())
    await worker.until(begun=1)
    asyncio.get_running_loop().call_soon(worker.gate.set)
    await queue.close(SECONDS)
    await task
    assert (worker.ended, worker.cancelled) == (["x"], [])


async def test_a_queue_that_never_ran_closes_and_stays_closed(opened):
    worker = Worker()
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    await queue.submit(QueuedJob("a", "x"))
    async with asyncio.timeout(SECONDS):
        await queue.close(SECONDS)
        await queue.run()
        await queue.close(SECONDS)
    assert worker.begun == []


async def test_tidying_empties_the_log(opened):
    worker = Worker()
    queue = await opened({"a": Entrypoint(worker.work, 5)})
    async with running(queue):
        for id in range(20):
            await queue.submit(QueuedJob("a", str(id)))
        async with asyncio.timeout(5):  # a job's end is written after its work has ended
            while [entry.status for entry in await queue._engine.queries.queue_log()].count("successful") < 20:
                await asyncio.sleep(0)
        await queue.tidy()
        assert await queue._engine.queries.queue_log() == []
        await queue.submit(QueuedJob("a", "another"))
        await worker.until(ended=21)


@pytest.mark.parametrize("id", ["12345678901234567890", "12345678901234567890-999"])
async def test_ids_are_passed_unchanged(opened, id):
    worker = Worker()
    queue = await opened({"a": Entrypoint(worker.work, 1)})
    async with running(queue):
        await queue.submit(QueuedJob("a", id))
        await worker.until(ended=1)
    assert worker.begun == [id]


async def test_a_failed_queue_is_rebuilt(opened, monkeypatch):
    done = asyncio.Event()

    async def work(_: str) -> None:
        done.set()

    async def broken(self, **_):
        monkeypatch.undo()
        monkeypatch.setattr("studio.work.job_queue.REBUILD_SECONDS", 0)
        raise RuntimeError("broken")

    monkeypatch.setattr("studio.work.queue_engine.QueueManager.run", broken)
    queue = await opened({"a": Entrypoint(work, 1)})
    running = asyncio.create_task(queue.run())
    while not done.is_set():
        await queue.submit(QueuedJob("a", "1"))
        await asyncio.sleep(0)
    await queue.close(5)
    await running


async def test_a_rebuilt_queue_works_even_if_it_cannot_be_refilled(monkeypatch, caplog):
    async def broken(self, **_):
        monkeypatch.undo()
        monkeypatch.setattr(studio.work.job_queue, "REBUILD_SECONDS", 0)
        raise RuntimeError("broken")

    async def refill():
        filled.set()
        raise RuntimeError("a bug")

    filled, worker = asyncio.Event(), Worker()
    monkeypatch.setattr("studio.work.queue_engine.QueueManager.run", broken)
    queue = JobQueue({"a": Entrypoint(worker.work, 1)}, refill=refill)
    await queue.open()
    async with running(queue):
        await filled.wait()
        await queue.submit(QueuedJob("a", "x"))
        await worker.until(ended=1)
    assert "the queue failed and is rebuilt: RuntimeError" in caplog.text
    assert "the queue could not be refilled" in caplog.text


@pytest.mark.parametrize("chore", ["fetch_schedule", "dequeue"])
async def test_running_jobs_survive_a_lost_connection(postgres, monkeypatch, chore):
    monkeypatch.setattr(studio.work.queue_engine, "POLL_INTERVAL", timedelta(seconds=0.05))
    worker = Worker(waits=True)
    queue = JobQueue({"a": Entrypoint(worker.work, 1)}, await postgres.database())
    await queue.open()
    tried, engine = asyncio.Event(), queue._engine
    assert engine

    async def lost(*_, **__):
        engine.manager.shutdown.set()  # as when the loss is noticed
        await asyncio.sleep(0.1)  # no statement fails at once
        tried.set()
        raise asyncpg.ConnectionDoesNotExistError

    async with running(queue):
        await queue.submit(QueuedJob("a", "x"))
        await worker.until(begun=1)
        with monkeypatch.context() as patch:
            patch.setattr(Queries, chore, lost)
            with suppress(TimeoutError):  # the scheduler's query is never run
                async with asyncio.timeout(1.2):
                    await tried.wait()
                    for _ in range(50):
                        await asyncio.sleep(0)
        worker.gate.set()
        await worker.until(ended=1)
    assert (worker.begun, worker.cancelled) == (["x"], [])


async def test_a_listener_is_not_probed_before_it_listens(postgres):
    async with asyncpg.create_pool(await postgres.database(), min_size=3, max_size=3) as pool:
        driver, heard = Driver(pool), asyncio.Event()
        probe = asyncio.create_task(driver.notify("channel", "probe"))
        for _ in range(5):
            await pool.fetchval("SELECT 1")
        assert not probe.done()
        async with asyncio.timeout(SECONDS), driver:
            await driver.add_listener("channel", lambda _: heard.set())
            await heard.wait()
        await probe


async def test_a_queue_that_refuses_a_job_is_rebuilt_and_refilled(postgres, monkeypatch):
    monkeypatch.setattr(studio.work.job_queue, "REBUILD_SECONDS", 0)
    worker = Worker()
    queue: JobQueue

    async def refill() -> None:
        await queue.submit(QueuedJob("a", "lost"))

    async def deaf(*_, **__):
        monkeypatch.undo()
        raise TimeoutError

    queue = JobQueue({"a": Entrypoint(worker.work, 1)}, await postgres.database(), refill)
    await queue.open()
    async with running(queue):
        await queue.submit(QueuedJob("a", "first"))
        await worker.until(ended=1)
        monkeypatch.setattr(Queries, "enqueue", deaf)
        await queue.submit(QueuedJob("a", "lost"))
        await worker.until(ended=2)
