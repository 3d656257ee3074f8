"""A queue of job ids on pgqueuer, in memory or on PostgreSQL. Lost ids are queued again from the jobs table.

Workarounds for pgqueuer's behaviour, each observed; `queue_engine` has more:
- Its log grows by 1 KB a job without limit: `tidy` clears it.
- Its shutdown waits without limit for running jobs: `close` cancels them after a grace period.
- Its listener does not survive a lost connection: the engine is rebuilt, while the old one's jobs run to their end.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import NamedTuple

import anyio
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Context, Job

from storage.store import database_failure
from studio.best_effort import best_effort
from studio.work.queue_engine import CONNECTION_ERRORS, Engine, build_engine, install_tables

log = logging.getLogger(__name__)

REBUILD_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
HANDLER_FAILED = "job %s: an error in Easel itself; its row will be recovered"


class TryLater(Exception):
    """Raised by a handler: run the same job again after a back-off."""


class Entrypoint(NamedTuple):
    """A kind of work: its handler, and the concurrency limit over all processes."""

    handler: Callable[[str], Awaitable[None]]
    limit: int


class QueuedJob(NamedTuple):
    entrypoint: str
    job_id: str
    priority: int = 0
    attempt: int = 0
    """Part of the deduplication key, so that a new attempt may be queued while the previous one ends."""


class JobQueue:
    """Passes job ids to their entrypoints' handlers, highest priority first; a queued id is not queued twice."""

    def __init__(
        self,
        entrypoints: Mapping[str, Entrypoint],
        url: str | None = None,
        refill: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        """url: of the shared PostgreSQL; None for a queue in memory.

        refill: called after the queue was rebuilt, to submit the jobs that it has missed.
        """
        self._refill = refill
        self._entrypoints = entrypoints
        self._url = url
        self._engine: Engine | None = None
        self._running: dict[asyncio.Task[None], Engine] = {}
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Build the engine; on PostgreSQL, install its tables first. StoreError."""
        with anyio.CancelScope():
            await asyncio.sleep(0)  # loads anyio's backend now, which would delay the first job by 50 ms
        try:
            if self._url:
                await install_tables(self._url)
            self._engine = await self._build()
        except CONNECTION_ERRORS as error:
            raise database_failure(error) from None

    async def submit(self, *jobs: QueuedJob) -> None:
        """Queue jobs that are not queued yet; no effect while PostgreSQL is unreachable."""
        if self._engine is None or not jobs:
            return
        try:
            await self._engine.queries.enqueue(
                [job.entrypoint for job in jobs],
                [job.job_id.encode() for job in jobs],
                [job.priority for job in jobs],
                dedupe_key=[f"{job.entrypoint}/{job.job_id}/{job.attempt}" for job in jobs],
                on_conflict="skip",
            )
        except CONNECTION_ERRORS as error:
            log.warning(
                "%d jobs not queued (%s): they will be queued again from the jobs table",
                len(jobs),
                type(error).__name__,
            )
            self._engine.manager.shutdown.set()  # the next engine is refilled from the table

    async def run(self) -> None:
        """Run jobs until `close`, then wait for the running ones."""
        while not self._closing.is_set():
            try:
                if self._engine is None:
                    self._engine = await self._build()
                    await self._fill()
                await self._run_engine(self._engine)
            except CONNECTION_ERRORS as error:
                log.warning("the queue's database is unreachable: %s", type(error).__name__)
            if not self._closing.is_set():
                self._engine = None
                await _wait_for(self._closing, REBUILD_SECONDS)
        if self._running:
            await asyncio.wait(self._running)

    async def tidy(self) -> None:
        """Clear pgqueuer's log; to be called each minute."""
        if self._engine is not None:
            await self._engine.queries.clear_queue_log()

    async def close(self, grace: float) -> None:
        """Start no more jobs, and cancel those still running after `grace` seconds."""
        self._closing.set()
        for engine in self._running.values():
            engine.manager.shutdown.set()
        if self._running:
            await asyncio.wait(self._running, timeout=grace)
        for engine in self._running.values():
            engine.cancel_jobs()
        if self._running:
            await asyncio.wait(self._running)
        elif self._engine is not None:
            await self._engine.close()

    async def _fill(self) -> None:
        with best_effort("the queue could not be refilled: recovery does it within a minute"):
            if self._refill:
                await self._refill()

    async def _run_engine(self, engine: Engine) -> None:
        """Run the engine until it starts no more jobs; its running jobs continue."""
        task = asyncio.create_task(engine.run())
        self._running[task] = engine
        task.add_done_callback(self._ended)
        await _wait_for_any(engine.manager.shutdown, self._closing, task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()):
            trace = None if isinstance(error, CONNECTION_ERRORS) else error
            log.warning("the queue failed and is rebuilt: %s", type(error).__name__, exc_info=trace)

    async def _build(self) -> Engine:
        engine = await build_engine(self._url)
        for name, entrypoint in self._entrypoints.items():
            engine.manager.entrypoint(name, concurrency_limit=entrypoint.limit)(_pgqueuer_handler(entrypoint))
        return engine


def _pgqueuer_handler(entrypoint: Entrypoint) -> Callable[[Job, Context], Awaitable[None]]:
    async def handle(job: Job, context: Context) -> None:
        job_id = (job.payload or b"").decode()
        logged = best_effort(HANDLER_FAILED, job_id, passing=(RetryRequested,))
        with context.cancellation, logged:
            try:
                await entrypoint.handler(job_id)
            except TryLater as error:
                seconds = min(2.0**job.attempts, MAX_RETRY_SECONDS)
                raise RetryRequested(timedelta(seconds=seconds), str(error)) from None

    return handle


async def _wait_for_any(*awaited: "asyncio.Event | asyncio.Task[None]") -> None:
    """Wait until one of the events is set or one of the tasks is done."""
    tasks = [asyncio.create_task(each.wait()) if isinstance(each, asyncio.Event) else each for each in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, each in zip(tasks, awaited, strict=True):
            if task is not each:
                task.cancel()


async def _wait_for(event: asyncio.Event, seconds: float) -> None:
    """Wait until the event is set, at most `seconds`."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
