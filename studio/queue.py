"""The queue: ids of jobs on their way to a worker. The jobs table is the truth; what is lost here is found there.

pgqueuer in memory. Its ways, each tried: a finished job frees its slot only when the log buffer is full, so the batch
size is 1; the log grows by 1 KB a job for ever, so it is cleared; a shutdown waits without limit, so it is cut.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import NamedTuple

from pgqueuer import PgQueuer
from pgqueuer.adapters.inmemory import InMemoryDriver, InMemoryQueries
from pgqueuer.errors import RetryRequested
from pgqueuer.models import Context, Job

log = logging.getLogger(__name__)

REBUILD_SECONDS = 1.0
SLOWEST_RETRY = 60.0


class TryLater(Exception):
    """A handler's word that the same job should come again, after a growing pause."""


class Lane(NamedTuple):
    """One kind of work: who does it, and how many at once."""

    work: Callable[[str], Awaitable[None]]
    limit: int


class Queue:
    """Hands job ids to the lanes' workers, higher priority first, each id once a lane."""

    def __init__(self, lanes: Mapping[str, Lane]) -> None:
        self._lanes = lanes
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._build()

    def _build(self) -> None:
        driver = InMemoryDriver()
        self._queries = InMemoryQueries(driver=driver)
        self._queuer = PgQueuer(driver, queries=self._queries)
        for name, lane in self._lanes.items():
            self._queuer.entrypoint(name, concurrency_limit=lane.limit)(_handler(lane))

    async def submit(self, lane: str, job_id: str, *, priority: int = 0) -> None:
        """Put an id into a lane; nothing happens where it is there already."""
        await self._queries.enqueue(lane, job_id.encode(), priority, dedupe_key=f"{lane}/{job_id}", on_conflict="skip")

    async def run(self) -> None:
        """Work until `close`. A queue that breaks is built anew; what it held is found in the table."""
        self._idle.clear()
        try:
            while not self._closing:
                try:
                    await self._queuer.run(batch_size=1, log_aggregation_interval=timedelta(0))
                except Exception:
                    log.exception("the queue broke, and is built anew")
                if not self._closing:
                    await asyncio.sleep(REBUILD_SECONDS)
                    self._build()
        finally:
            self._idle.set()

    async def tidy(self) -> None:
        """Call each minute."""
        await self._queries.clear_queue_log()

    async def close(self, grace: float) -> None:
        """Take no more, give the work under way so many seconds, then cancel it."""
        self._closing = True
        self._queuer.shutdown.set()
        try:
            async with asyncio.timeout(grace):
                await self._idle.wait()
        except TimeoutError:
            for context in list(self._queuer.qm.job_context.values()):
                context.cancellation.cancel()
            await self._idle.wait()


def _handler(lane: Lane) -> Callable[[Job, Context], Awaitable[None]]:
    async def handle(job: Job, context: Context) -> None:
        with context.cancellation:
            try:
                await lane.work((job.payload or b"").decode())
            except TryLater as error:
                pause = min(2.0**job.attempts, SLOWEST_RETRY)
                raise RetryRequested(timedelta(seconds=pause), str(error)) from None

    return handle
