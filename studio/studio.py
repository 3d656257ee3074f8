"""The studio: takes planned jobs, and sees to it that each ends in a picture or a sentence."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from domain import ImageRequest, InvalidRequest, Job, Origin, Settings, State
from providers.base import Provider
from storage.store import Store
from studio.delivery import Delivery, Report
from studio.drawing import DRAW_TIME, Drawer
from studio.handover import Handover
from studio.holding import Held, Lost, hold
from studio.planning import Planner
from studio.queue import Lane, Queue
from studio.uploads import keep_uploads, read_sources

log = logging.getLogger(__name__)

DELIVERIES = 8
BEAT_SECONDS = 10.0
SWEEP_SECONDS = 60.0


class Studio:
    """Plans, queues and runs jobs. `submit` works at any time; work begins with `start`.

    on_change: called with a job each time that its row has reached an outcome or a resting place.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        default: str,
        store: Store,
        delivery: Delivery,
        *,
        on_change: Callable[[Job], None] = lambda _: None,
        draw_time: timedelta = DRAW_TIME,
    ) -> None:
        self.providers = providers
        self.planner = Planner(providers, default)
        self._store = store
        self._delivery = delivery
        self._drawer = Drawer(providers, store.spool, delivery, draw_time)
        self._handover = Handover(providers, store.spool, delivery)
        self._on_change = on_change
        self._holders: set[str] = set()
        lanes = {_lane(name): Lane(self._draw, provider.access.concurrency) for name, provider in providers.items()}
        self._queue = Queue({**lanes, "deliver": Lane(self._deliver, DELIVERIES)})
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Pick up what an earlier run has left, and go to work."""
        await self._recover()
        self._tasks = [
            asyncio.create_task(self._queue.run()),
            asyncio.create_task(_every(BEAT_SECONDS, self._beat)),
            asyncio.create_task(_every(SWEEP_SECONDS, self._sweep)),
        ]

    async def close(self, grace: float = 10.0) -> None:
        """Take no more jobs, give those under way so many seconds, and leave the rest to the table."""
        await self._queue.close(grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def plan(self, request: ImageRequest, settings: Settings, origin: Origin) -> Job:
        return await self.planner.plan(request, settings, origin)

    async def keep_uploads(self, job_id: str, request: ImageRequest, image: bytes, mask: bytes | None) -> ImageRequest:
        return await keep_uploads(self._store.spool, job_id, request, image, mask)

    async def check_uploads(self, job: Job) -> None:
        """InvalidRequest where a request that is made again has lost its files."""
        sources = await read_sources(self._store.spool, job)
        by_link = await self.planner.takes_link(job)
        if by_link and sources.image_url is None:
            raise InvalidRequest("the upload's link is gone", field="upload")

    async def submit(self, job: Job) -> None:
        """Write the row, then queue its id; an interaction that comes again changes nothing."""
        if await self._store.jobs.add(job.having(created=datetime.now(UTC))):
            self._delivery.report(job, Report())
            await self._enqueue(job)

    async def find(self, job_id: str) -> Job | None:
        return await self._store.jobs.get(job_id)

    async def was_tried_again(self, job: Job) -> bool:
        return await self._store.jobs.has_child(job.id)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's jobs whose pictures could not be delivered, oldest first."""
        return await self._store.jobs.parked(user_id)

    async def redeliver(self, job: Job, origin: Origin) -> None:
        """Send a parked job's pictures to where its owner has asked for them, and to nobody else."""

        async def move(held: Held) -> None:
            place = origin.model_dump(exclude={"id", "private"})
            await held.update(**place, private=True, parked=False)

        await self._with(job.id, move)
        await self._queue.submit("deliver", job.id)

    async def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> int:
        """Delete what is stored of the finished jobs of a member or a server; how many those were."""
        ids = await self._store.jobs.forget(user_id=user_id, guild_id=guild_id)
        for id in ids:
            await self._store.spool.clear(id)
        return len(ids)

    async def _draw(self, job_id: str) -> None:
        async def work(held: Held) -> None:
            if held.job.state is not State.DRAWN:
                await self._drawer.draw(held)

        await self._with(job_id, work)
        await self._queue.submit("deliver", job_id)

    async def _deliver(self, job_id: str) -> None:
        async def work(held: Held) -> None:
            if held.job.state is State.DRAWN and not held.job.parked:
                await self._handover.deliver(held)
                self._on_change(held.job)

        await self._with(job_id, work)

    async def _with(self, job_id: str, work: Callable[[Held], Awaitable[None]]) -> None:
        """Do something to a row while holding it; nothing where it is finished or another's."""
        try:
            async with hold(self._store.jobs, job_id, self._holders) as held:
                if held is not None:
                    await work(held)
        except Lost:
            log.warning("job %s: another process has taken it", job_id)

    async def _enqueue(self, job: Job) -> None:
        if job.state is State.DRAWN:
            await self._queue.submit("deliver", job.id)
        elif job.provider in self.providers:
            waiting = await self._store.jobs.waiting(job.user_id)
            await self._queue.submit(_lane(job.provider), job.id, priority=-waiting)
        else:
            await self._draw(job.id)

    async def _recover(self) -> None:
        """Queue every unfinished row that nobody holds; queueing what is queued changes nothing."""
        for job in await self._store.jobs.abandoned():
            await self._enqueue(job)

    async def _beat(self) -> None:
        await self._store.jobs.beat(self._holders)

    async def _sweep(self) -> None:
        await self._recover()
        await self._queue.tidy()
        await self._store.spool.sweep()


def _lane(provider: str) -> str:
    return f"draw.{provider}"


async def _every(seconds: float, work: Callable[[], Awaitable[None]]) -> None:
    """For ever; a chore that fails is logged and comes again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            log.exception("a chore failed and comes again")
