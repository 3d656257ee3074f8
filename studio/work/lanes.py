"""The queue: ids of jobs on their way to a worker. The jobs table is the truth; what is lost here is found there.

pgqueuer, in memory or on PostgreSQL. Its ways, each tried: a finished job frees its slot only when the log buffer is
full, so the batch size is 1; the log grows by 1 KB a job for ever, so it is cleared; a shutdown waits without limit, so
it is cut; a lost connection leaves the listener deaf, so all is built anew, beside the work that is still going on; its
scheduler asks each second for nothing, and cancels that work when it finds no connection, so only the manager runs.
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

log = logging.getLogger(__name__)

REBUILD_SECONDS = 1.0
SLOWEST_RETRY = 60.0
POLL = timedelta(seconds=5)
"""For what no notice has told of."""
CONNECTIONS = 4
DEAD = timedelta(seconds=30)
"""A worker that has not been heard of for so long has lost its jobs."""
INSTALL_LOCK = 3_405_692
SETTINGS = DBSettings(durability=Durability.volatile)
"""PostgreSQL may drop the queue in a crash: the jobs table fills it again."""
AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, FailingListenerError)


class TryLater(Exception):
    """A handler's word that the same job should come again, after a growing pause."""


class Lane(NamedTuple):
    """One kind of work: who does it, and how many at once, in all processes together."""

    work: Callable[[str], Awaitable[None]]
    limit: int


class Entry(NamedTuple):
    lane: str
    job_id: str
    priority: int = 0
    turn: int = 0
    """Which time the job comes to this lane: the one that is ending does not keep the next away."""


class Driver(AsyncpgPoolDriver):
    """Tells nothing before it listens: pgqueuer probes first, and takes a lost probe for a lost listener."""

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
    """What is built anew together."""

    manager: QueueManager
    queries: Queries | InMemoryQueries
    pool: Any = None

    async def close(self) -> None:
        """After what is being submitted, or without it where the database does not answer."""
        if self.pool is not None:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self.pool.close()
            except AWAY:
                self.pool.terminate()


class Queue:
    """Hands job ids to the lanes' workers, higher priority first, each id once a lane and turn.

    url: PostgreSQL's, for a queue that all processes on it share; None for one in memory.
    """

    def __init__(
        self, lanes: Mapping[str, Lane], url: str | None = None, refill: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        """refill: called when the queue was built anew, for what it has missed."""
        self._refill = refill
        self._lanes = lanes
        self._url = url
        self._engine: Engine | None = None
        self._running: dict[asyncio.Task[None], Engine] = {}
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Build it; on PostgreSQL, with its tables."""
        with anyio.CancelScope():
            await asyncio.sleep(0)  # loads anyio's other half now, and not, for 50 ms, in the first job
        if self._url:
            await _install(self._url)
        self._engine = await self._build()

    async def submit(self, *entries: Entry) -> None:
        """Put ids into lanes; nothing happens where one is there already, or while PostgreSQL is away."""
        if self._engine is None or not entries:
            return
        try:
            await self._engine.queries.enqueue(
                [entry.lane for entry in entries],
                [entry.job_id.encode() for entry in entries],
                [entry.priority for entry in entries],
                dedupe_key=[f"{entry.lane}/{entry.job_id}/{entry.turn}" for entry in entries],
                on_conflict="skip",
            )
        except AWAY as error:
            log.warning("%d jobs not queued (%s): the table has them", len(entries), type(error).__name__)
            self._engine.manager.shutdown.set()  # built anew, it is filled from the table

    async def run(self) -> None:
        """Work until `close`, and to the end of what is under way then."""
        while not self._closing.is_set():
            try:
                if self._engine is None:
                    self._engine = await self._build()
                    await self._fill()
                await self._work(self._engine)
            except AWAY as error:
                log.warning("the queue's database is away: %s", type(error).__name__)
            if not self._closing.is_set():
                self._engine = None
                await _sleep(self._closing, REBUILD_SECONDS)
        if self._running:
            await asyncio.wait(self._running)

    async def tidy(self) -> None:
        """Call each minute."""
        if self._engine is not None:
            await self._engine.queries.clear_queue_log()

    async def close(self, grace: float) -> None:
        """Take no more, give the work under way so many seconds, then cancel it."""
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
        try:
            if self._refill:
                await self._refill()
        except Exception:
            log.exception("the queue is not filled yet: the next minute's look finds what is missing")

    async def _work(self, engine: Engine) -> None:
        """Until the engine stops taking work; what it has begun goes on."""
        task = asyncio.create_task(_run(engine))
        self._running[task] = engine
        task.add_done_callback(self._running.pop)
        await _first(engine.manager.shutdown, self._closing, task)

    async def _build(self) -> Engine:
        engine = await _on_postgres(self._url) if self._url else _in_memory()
        for name, lane in self._lanes.items():
            engine.manager.entrypoint(name, concurrency_limit=lane.limit)(_handler(lane))
        return engine


async def _run(engine: Engine) -> None:
    try:
        await engine.manager.run(
            batch_size=1,
            dequeue_timeout=POLL,
            heartbeat_timeout=DEAD,
            log_aggregation_interval=timedelta(0),
            shutdown_on_listener_failure=engine.pool is not None,
        )
    except Exception as error:
        log.warning("the queue broke and is built anew: %s", type(error).__name__, exc_info=not isinstance(error, AWAY))
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
    manager.shutdown = broken  # it may have been the listener's: waiting for the health check would cost 20 s
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
    return Queries(driver, QueryBuilderEnvironment(SETTINGS), QueryQueueBuilder(SETTINGS))


def _handler(lane: Lane) -> Callable[[Job, Context], Awaitable[None]]:
    async def handle(job: Job, context: Context) -> None:
        with context.cancellation:
            try:
                await lane.work((job.payload or b"").decode())
            except TryLater as error:
                pause = min(2.0**job.attempts, SLOWEST_RETRY)
                raise RetryRequested(timedelta(seconds=pause), str(error)) from None
            except Exception:
                log.exception("job %s: an error in Easel itself; the table has it", (job.payload or b"").decode())

    return handle


async def _first(*awaited: "asyncio.Event | asyncio.Task[None]") -> None:
    """Until one of them is set, or done."""
    tasks = [asyncio.create_task(each.wait()) if isinstance(each, asyncio.Event) else each for each in awaited]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task, each in zip(tasks, awaited, strict=True):
            if task is not each:
                task.cancel()


async def _sleep(until: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()
