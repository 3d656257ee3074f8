"""pgqueuer's manager with its connections, in memory or on PostgreSQL, set up around its known faults.

Each observed:
- A finished job frees its slot only when the log buffer is full: the buffer holds one entry.
- Its scheduler polls each second needlessly, and cancels jobs when it finds no connection: only the manager runs.
- It tests its listener with a notification that it may miss: `Driver` delays notifications until it listens.
- Its own check for a lost connection takes 20 s: the end of any connection shuts the manager down.
"""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Any, NamedTuple

import asyncpg
from pgqueuer import QueueManager
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver, AsyncpgPoolDriver
from pgqueuer.adapters.inmemory import InMemoryDriver, InMemoryQueries
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.errors import FailingListenerError

from storage.dialects import POSTGRES_COMMAND_SECONDS, POSTGRES_CONNECT_SECONDS, connect

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


class Driver(AsyncpgPoolDriver):
    """Delays notifications until it listens."""

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

    async def run(self) -> None:
        """Start jobs until the manager shuts down, wait for those that run, and close the connections."""
        try:
            await self.manager.run(
                batch_size=1,
                dequeue_timeout=POLL_INTERVAL,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
                log_aggregation_interval=timedelta(0),
                shutdown_on_listener_failure=self.pool is not None,
            )
        finally:
            self.manager.shutdown.set()
            await self.close()

    def cancel_jobs(self) -> None:
        """Cancel the running jobs."""
        for context in list(self.manager.job_context.values()):
            context.cancellation.cancel()

    async def close(self) -> None:
        """Close the connections, gracefully if the database answers."""
        if self.pool is not None:
            try:
                async with asyncio.timeout(POSTGRES_CONNECT_SECONDS):
                    await self.pool.close()
            except CONNECTION_ERRORS:
                self.pool.terminate()


async def build_engine(url: str | None) -> Engine:
    """url: of the shared PostgreSQL; None for a queue in memory. Raises CONNECTION_ERRORS."""
    return await _on_postgres(url) if url else _in_memory()


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
        timeout=POSTGRES_CONNECT_SECONDS,
        command_timeout=POSTGRES_COMMAND_SECONDS,
    )
    queries = _queries(Driver(pool))
    manager = QueueManager(queries)
    manager.shutdown = broken  # any lost connection may be the listener's; pgqueuer's own check takes 20 s
    return Engine(manager, queries, pool)


async def install_tables(url: str) -> None:
    """Create or upgrade the queue's tables on PostgreSQL, one process at a time."""
    connection = await connect(url)
    try:
        await connection.execute(f"SELECT pg_advisory_lock({INSTALL_LOCK})")
        queries = _queries(AsyncpgDriver(connection))
        await (queries.upgrade() if await queries.schema_is_installed() else queries.install())
    finally:
        await connection.close()


def _queries(driver: AsyncpgDriver | Driver) -> Queries:
    return Queries(driver, QueryBuilderEnvironment(DB_SETTINGS), QueryQueueBuilder(DB_SETTINGS))
