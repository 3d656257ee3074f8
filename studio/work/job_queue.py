"""A queue of job ids on pgqueuer, in memory or on PostgreSQL. Lost ids are queued again from the jobs table.

Workarounds for pgqueuer's behaviour, each observed:
- A finished job frees its slot only when the log buffer is full: the buffer holds one entry.
- Its log grows by 1 KB a job without limit: `tidy` clears it.
- Its shutdown waits without limit for running jobs: `close` cancels them after a grace period.
- Its listener does not survive a lost connection: the engine is rebuilt, while the old one's jobs run to their end.
- Its scheduler polls each second needlessly, and cancels jobs when it finds no connection: only the manager runs.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import anyio
import asyncpg
from pgqueuer import QueueManager
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.adapters.inmemory import InMemoryDriver, InMemoryQueries
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.errors import FailingListenerError, RetryRequested
from pgqueuer.models import Context, Job

from storage.dialects import COMMAND_SECONDS, CONNECT_SECONDS, connect
from studio.best_effort import best_effort

log = logging.getLogger(__name__)

REBUILD_SECONDS = 1.0
MAX_RETRY_SECONDS = 60.0
POLL_INTERVAL = timedelta(seconds=5)
"""Interval of polling for jobs whose notification was missed."""
CONNECTIONS = 4
HEARTBEAT_TIMEOUT = timedelta(seconds=30)
"""Time without a heartbeat after which a worker's jobs are given to other workers."""
INSTALL_LOCK = 3_405_692
"""Id of the advisory lock under which the tables are installed."""
DB_SETTINGS = DBSettings(durability=Durability.volatile)
"""PostgreSQL may lose the queue in a crash: it is refilled from the jobs table."""
CONNECTION_ERRORS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, FailingListenerError)
"""Raised while the queue's database is unreachable."""
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


class Driver(AsyncpgPoolDriver):
    """Delays notifications until it listens: pgqueuer tests its listener with one, and would miss it."""

    def __init__(self, pool: Any) -> None:
        super().__init__(pool)
        self._listening = asyncio.Event()

    async def add_listener(self, channel: str, callback: Callable[[str | bytes | bytearray], None]) -> None:
        await super().add_listener(channel, callback)
        self._listening.set()

    async def notify(self, channel: str, payload: str) -> None:
        await self._listening.wait()
        await super().notify(channel, payload)


class Engine(NamedTuple):
    """A pgqueuer manager and its connections, replaced as a whole when broken."""

    manager: QueueManager
    queries: Queries | InMemoryQueries
    pool: Any = None

    async def close(self) -> None:
        """Close the connections, gracefully if the database answers."""
        if self.pool is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self.pool.close()
            except CONNECTION_ERRORS:
                self.pool.terminate()


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
        """Build the engine; on PostgreSQL, install its tables first."""
        with anyio.CancelScope():
            await asyncio.sleep(0)  # loads anyio's backend now, which would delay the first job by 50 ms
        if self._url:
            await _install(self._url)
        self._engine = await self._build()

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
            log.warning("%d jobs not queued (%s): the jobs table has them", len(jobs), type(error).__name__)
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
            for context in list(engine.manager.job_context.values()):
                context.cancellation.cancel()
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
        task = asyncio.create_task(_run(engine))
        self._running[task] = engine
        task.add_done_callback(self._ended)
        await _wait_for_any(engine.manager.shutdown, self._closing, task)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        del self._running[task]
        if not task.cancelled() and (error := task.exception()):
            trace = None if isinstance(error, CONNECTION_ERRORS) else error
            log.warning("the queue failed and is rebuilt: %s", type(error).__name__, exc_info=trace)

    async def _build(self) -> Engine:
        engine = await _on_postgres(self._url) if self._url else _in_memory()
        for name, entrypoint in self._entrypoints.items():
            engine.manager.entrypoint(name, concurrency_limit=entrypoint.limit)(_pgqueuer_handler(entrypoint))
        return engine


async def _run(engine: Engine) -> None:
    try:
        await engine.manager.run(
            batch_size=1,
            dequeue_timeout=POLL_INTERVAL,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            log_aggregation_interval=timedelta(0),
            shutdown_on_listener_failure=engine.pool is not None,
        )
    finally:
        engine.manager.shutdown.set()
        await engine.close()


def _in_memory() -> Engine:
    driver = InMemoryDriver()
    queries = InMemoryQueries(driver=driver)
    return Engine(QueueManager(queries), queries)


async def _on_postgres(url: str) -> Engine:
    broken = asyncio.Event()

    def lost(_: object) -> None:
        broken.set()

    async def watch(connection: Any) -> None:
        connection.add_termination_listener(lost)

    pool = await asyncpg.create_pool(
        url,
        min_size=CONNECTIONS,
        max_size=CONNECTIONS,
        init=watch,
        max_inactive_connection_lifetime=0,
        timeout=CONNECT_SECONDS,
        command_timeout=COMMAND_SECONDS,
    )
    queries = _queries(Driver(pool))
    manager = QueueManager(queries)
    manager.shutdown = broken  # any lost connection may be the listener's; pgqueuer's own check takes 20 s
    return Engine(manager, queries, pool)


async def _install(url: str) -> None:
    connection = await connect(url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({INSTALL_LOCK})")
        queries = _queries(AsyncpgDriver(connection))
        await (queries.upgrade() if await queries.schema_is_installed() else queries.install())
    finally:
        await connection.close()


def _queries(driver: AsyncpgDriver | Driver) -> Queries:
    return Queries(driver, QueryBuilderEnvironment(DB_SETTINGS), QueryQueueBuilder(DB_SETTINGS))


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
