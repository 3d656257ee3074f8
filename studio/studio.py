"""The studio: takes planned jobs, and sees to it that each ends in a picture or a sentence."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from domain import EaselError, ImageRequest, Job, Limits, NoRoom, Origin, Room, Settings, State
from providers.kit.base import Provider
from storage.job_store import CANCELLED, STALE, Left
from storage.store import Store
from studio import images
from studio.display import Delivery, NotNow
from studio.handing.handover import Handover
from studio.intake.admission import Admission
from studio.intake.files import check_uploads, keep_uploads
from studio.intake.holdback import Conduct
from studio.intake.planning import Planner
from studio.intake.promises import Acknowledge, Promises
from studio.intake.room import Intake, Shelf
from studio.lease import Held, Lost, Stage, hold, unwatched
from studio.work.breakers import Breakers
from studio.work.drawing import DRAW_TIME, Drawer
from studio.work.lanes import Entry, Lane, Queue, TryLater
from studio.work.rush import Rush
from studio.work.standing import LATELY, Standing, standing
from studio.work.succession import Chain

log = logging.getLogger(__name__)

DELIVERIES = 8
DELIVER = "deliver"
BEAT_SECONDS = 10.0
RECOVER_SECONDS = 60.0
SWEEP_SECONDS = 3600.0
TOGETHER = 100
"""Ids that are queued in one go."""


class Studio:
    """Plans, queues and runs jobs. `submit` works at any time; work begins with `start`.

    queue_url: of the PostgreSQL that all processes share; None for a queue in memory.
    on_change: called with a job each time that its row has reached an outcome or a resting place.
    on_stage: called each time that a job has left a state.
    now: Discord's time, by which tokens die.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        default: str,
        store: Store,
        delivery: Delivery,
        *,
        queue_url: str | None = None,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        on_change: Callable[[Job], None] = lambda _: None,
        on_stage: Stage = unwatched,
        draw_time: timedelta = DRAW_TIME,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.providers = providers
        self.planner = Planner(providers, default)
        self.now = now
        self._store = store
        self.rush = Rush()
        self.breakers = Breakers(store)
        self._conduct = Conduct(providers, store.meta)
        chain = Chain(self.planner, store, self.breakers, self._conduct)
        self._drawer = Drawer(providers, store.spool, delivery, self.rush, self.breakers, chain, draw_time, now)
        self._handover = Handover(providers, store.spool, delivery)
        self._delivery = delivery
        self._admission = Admission(store.jobs, limits)
        self.intake = Intake()
        self._shelf = Shelf(store.spool, store.jobs, limits.uploads_mib * 2**20)
        self._on_change = on_change
        self._on_stage = on_stage
        self._holders: set[str] = set()
        self._promises = Promises(store.jobs, self._holders)
        lanes = {_lane(name): Lane(self._draw, provider.access.concurrency) for name, provider in providers.items()}
        self._queue = Queue({**lanes, DELIVER: Lane(self._deliver, DELIVERIES)}, queue_url, self._recover)
        store.bulletin.on(CANCELLED, self._unwanted)
        self._tasks: list[asyncio.Task[None]] = []
        self._beaten = 0.0

    async def start(self) -> None:
        """Pick up what an earlier run has left, and go to work."""
        await self._queue.open()
        self._beaten = time.monotonic()
        await self._admission.refresh()
        await self.breakers.refresh()
        await self._recover()
        self._tasks = [
            asyncio.create_task(self._queue.run()),
            asyncio.create_task(_every(BEAT_SECONDS, self._beat)),
            asyncio.create_task(_every(BEAT_SECONDS, self._adopt)),
            asyncio.create_task(_every(RECOVER_SECONDS, self._recover)),
            asyncio.create_task(_every(RECOVER_SECONDS, self._queue.tidy)),
            asyncio.create_task(_every(RECOVER_SECONDS, self._store.spool.put_held)),
            asyncio.create_task(_every(SWEEP_SECONDS, self._store.spool.sweep)),
            asyncio.create_task(_every(SWEEP_SECONDS, self._store.jobs.expire)),
            asyncio.create_task(_every(SWEEP_SECONDS, self._conduct.sweep)),
        ]

    def is_alive(self) -> bool:
        """Whether its tasks run, and its rows have been kept lately."""
        late = time.monotonic() - self._beaten > STALE.total_seconds()
        return bool(self._tasks) and not late and not any(task.done() for task in self._tasks)

    async def close(self, grace: float = 10.0) -> None:
        """Take no more jobs, give those under way so many seconds, and leave the rest to the table."""
        self._promises.close()
        await self._queue.close(grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        images.WORKSHOP.interrupt()

    async def plan(self, request: ImageRequest, settings: Settings, origin: Origin) -> Job:
        """A checked job; an EaselError is answered at once, and has cost nothing."""
        self._admission.check(origin)
        self._check_disk()
        job = await self.planner.plan(request, settings, origin)
        await self._conduct.check(job)
        return job

    def _check_disk(self) -> None:
        """NoRoom where what is drawn, and paid for, might not be kept."""
        if self._store.spool.is_full():
            log.warning("the disk is full: nothing is taken until there is room")
            raise NoRoom(room=Room.DISK)

    def plan_rest(self, parent: Job, origin: Origin) -> Job:
        """A job for what its parent has ordered and not got; an EaselError is answered at once."""
        self._admission.check(origin)
        return self.planner.plan_rest(parent, origin)

    async def keep_uploads(self, job: Job, request: ImageRequest, image: bytes, mask: bytes | None) -> ImageRequest:
        return await keep_uploads(self._shelf, job, request, image, mask)

    async def check_uploads(self, job: Job) -> None:
        """UploadGone where a request that is made again has lost its files."""
        await check_uploads(self._store.spool, job, by_link=await self.planner.takes_link(job))

    async def promise(self, job: Job, acknowledge: Acknowledge, *, retry: bool = False) -> Job | None:
        """Write the row, and tell the member to wait; None where the interaction has come before. QueueFull.

        retry: the job asks for its parent again, which is for once; None also where somebody has.
        What follows is `submit`, when the job is complete, or `withdraw`.
        """
        self._admission.enter(job)
        promised = None
        try:
            made = job.having(created=self.now())
            promised = await self._promises.make(made, acknowledge, retry=retry)
        finally:
            if promised is None:
                self._admission.leave(job)
        return promised

    async def submit(self, job: Job) -> None:
        """Queue a promised job, as it is now; what cannot be written is left to the table."""
        try:
            await self._promises.fulfil(job)
        except Exception as error:
            await self.withdraw(job, error)
            raise
        await self._queue.submit(Entry(_lane(job.provider), job.id, priority=-self._admission.place(job)))

    async def withdraw(self, job: Job, error: Exception) -> None:
        """Forget a promised job whose member will be told why; any other error leaves it to the table.

        promises.Ending while the process ends: the next one has it then.
        """
        self._admission.leave(job)
        if isinstance(error, EaselError):
            await self._promises.withdraw(job)
        else:
            self._promises.drop(job)

    async def cancel(self, job_id: str) -> bool:
        """End a job, whichever process has it; False where its outcome is known already."""
        if not await self._store.jobs.cancel(job_id):
            return False
        self._drawer.cancel(job_id)
        with suppress(TryLater):
            await self._draw(job_id)  # nobody may have it yet
        return True

    async def find(self, job_id: str) -> Job | None:
        return await self._store.jobs.get(job_id)

    async def under_way(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """A member's or a server's unfinished jobs, oldest first."""
        return await self._store.jobs.unfinished(user_id=user_id, guild_id=guild_id)

    async def standings(self) -> Mapping[str, Standing]:
        """How well each provider works, by its latest jobs."""
        now = datetime.now(UTC)
        ended = await self._store.jobs.ended(now - LATELY)
        return {name: standing(name, ended, self.breakers.outage(name), now) for name in self.providers}

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's jobs whose pictures could not be delivered, oldest first."""
        return await self._store.jobs.parked(user_id)

    async def redeliver(self, job: Job, origin: Origin) -> bool:
        """Send a parked job's pictures to where its owner has asked for them, and to nobody else.

        False where they are on their way already, or were delivered meanwhile.
        """
        moved, turn = False, 0

        async def move(held: Held) -> None:
            nonlocal moved, turn
            turn = held.job.refused.times if held.job.refused else 0
            if moved := held.job.parked:
                await held.update(**origin.place(), private=True, parked=False)

        await self._with(job.id, move)
        if moved:
            await self._queue.submit(Entry(DELIVER, job.id, turn=turn))
        return moved

    async def give_up(self, job_id: str) -> None:
        """Delete a job whose pictures wait for its owner, with them; nothing where none wait."""

        async def drop(held: Held) -> None:
            if held.job.parked:
                await held.discard()
                await self._store.spool.clear(job_id)

        await self._with(job_id, drop)

    async def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> int:
        """Delete what is stored of the finished jobs of a member or a server; how many those were."""
        ids = await self._store.jobs.forget(user_id=user_id, guild_id=guild_id)
        for id in ids:
            await self._store.spool.clear(id)
        return len(ids)

    async def _draw(self, job_id: str) -> None:
        """queue.TryLater."""
        await self.rush.over()

        async def work(held: Held) -> None:
            if held.job.state is State.PROMISED and not await self._keep_promise(held):
                return
            if held.job.state is not State.DRAWN:
                await self._drawer.draw(held)
            if held.job.state is State.DRAWN:
                self._admission.leave(held.job)

        with _later():
            job = await self._with(job_id, work)
        if job and job.state is not State.PROMISED:
            drawn = job.state is State.DRAWN
            if drawn and self._store.spool.holds(job_id):
                with suppress(TryLater):
                    await self._deliver(job_id)  # no other process would find its pictures
            place = 0 if drawn else -self._admission.place(job)
            await self._queue.submit(Entry(DELIVER if drawn else _lane(job.provider), job_id, priority=place))

    async def _keep_promise(self, held: Held) -> bool:
        """What an earlier run has left in the middle of telling a member to wait; nothing, where it was not told."""
        told = await self._delivery.recall(held.job)
        if told is None:
            log.info("job %s: nobody was told to wait for it", held.job.id)
            await held.discard()
            return False
        state = State.WAITING if told.remote else State.QUEUED
        await held.update(state=state, message_id=told.message_id)
        return True

    async def _deliver(self, job_id: str) -> None:
        """queue.TryLater."""
        await self.rush.over()

        async def work(held: Held) -> None:
            if held.job.state is State.DRAWN and not held.job.parked:
                await self._handover.deliver(held)
                self._on_change(held.job)

        with _later():
            await self._with(job_id, work)

    async def _with(self, job_id: str, work: Callable[[Held], Awaitable[None]]) -> Job | None:
        """Do something to a row while holding it; nothing, and None, where it is finished or another's."""
        try:
            async with hold(self._store.jobs, job_id, self._holders, self._on_stage) as held:
                if held is not None:
                    await work(held)
                return held.job if held else None
        except Lost:
            log.warning("job %s: another process has taken it", job_id)
            return None

    async def _recover(self) -> None:
        """Queue every unfinished row that nobody holds; queueing what is queued changes nothing."""
        await self._enqueue(await self._store.jobs.abandoned())

    async def _enqueue(self, jobs: Sequence[Left]) -> None:
        """In their order, each member's first before anybody's second."""
        places = Counter[int]()
        entries: list[Entry] = []
        for job in jobs:
            if job.state == State.DRAWN:
                entries.append(Entry(DELIVER, job.id, turn=job.refused["times"] if job.refused else 0))
            elif job.provider in self.providers and not job.cancelled:
                places[job.user_id] += 1
                entries.append(Entry(_lane(job.provider), job.id, priority=-places[job.user_id]))
            else:
                with suppress(TryLater):
                    await self._draw(job.id)
        for start in range(0, len(entries), TOGETHER):
            await self._queue.submit(*entries[start : start + TOGETHER])
            await asyncio.sleep(0)

    async def _beat(self) -> None:
        """Keep our rows, and read what others have written. It waits for no provider, or the rows would seem dead."""
        for job_id in await self._store.jobs.beat(self._holders):
            self._drawer.cancel(job_id)
        self._beaten = time.monotonic()
        await self._admission.refresh()
        await self.breakers.refresh()

    async def _adopt(self) -> None:
        """Take over the rows of the dead."""
        await self._enqueue(await self._store.jobs.orphaned())

    def _unwanted(self, job_id: str | None) -> None:
        if job_id is not None:  # what was missed comes with the next beat
            self._drawer.cancel(job_id)


@contextmanager
def _later() -> Generator[None]:
    """What a place does not take now, the queue brings again."""
    try:
        yield
    except NotNow as error:
        raise TryLater(str(error)) from None


def _lane(provider: str) -> str:
    return f"draw.{provider}"


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """For ever; a chore that fails is logged and comes again."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await work()
        except Exception:
            log.exception("a chore failed and comes again")
