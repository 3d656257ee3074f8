"""The studio: accepts jobs, and brings each to an outcome that its member sees."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from domain import Job, Limits
from providers.kit.base import Provider
from storage.job_store import LEASE_TIMEOUT
from storage.store import Store
from studio import images
from studio.best_effort import best_effort
from studio.catalogue import Catalogue
from studio.display import Delivery
from studio.handover import Handover
from studio.intake.admission import Admission, Suspensions
from studio.intake.files import UploadReader
from studio.intake.intake import Checks, Intake
from studio.intake.pending import Acknowledgements, PendingJobs
from studio.intake.planning import Planner
from studio.intake.upload_store import UploadStore
from studio.job_control import JobControl
from studio.lease import Leases, StageObserver, ignore_change
from studio.pipeline import Pipeline
from studio.timing import Timing
from studio.work.breakers import Breakers
from studio.work.drawing import Drawer
from studio.work.fallback_search import FallbackSearch
from studio.work.provider_calls import ProviderCalls

log = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 10.0
RECOVER_SECONDS = 60.0
SWEEP_SECONDS = 3600.0


@dataclass(frozen=True)
class Observers:
    """Callbacks about the progress of jobs, such as for metrics."""

    on_change: Callable[[Job], None] = ignore_change
    """Called with a job when it is finished or parked."""
    on_stage: StageObserver = ignore_change
    """Called when a job has left a state."""


class Studio:
    """Assembles its parts, and runs them between `start` and `close`.

    intake: accepts requests, also before `start`. jobs: queries and commands. catalogue: the providers.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        default: str,
        store: Store,
        delivery: Delivery,
        *,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
        observers: Observers = Observers(),
    ) -> None:
        self.timing = timing
        self._store = store
        planner, acknowledgements = Planner(providers, default), Acknowledgements()
        self._breakers = Breakers(store)
        self._suspensions = Suspensions(providers, store.meta)
        self._admission = Admission(store.statistics, limits)
        self._leases = Leases(store.jobs, observers.on_stage)
        fallback = FallbackSearch(planner, store, self._breakers, self._suspensions)
        calls = ProviderCalls(
            providers, store.spool, delivery, acknowledgements, self._breakers, self._suspensions, timing
        )
        drawer = Drawer(providers, calls, fallback, delivery, timing)
        handover = Handover(providers, store.spool, delivery, observers.on_change)
        self._pipeline = Pipeline(providers, store, self._leases, self._admission, acknowledgements, drawer, handover)
        self._pending = PendingJobs(store.jobs, self._leases, timing.now)
        checks = Checks(store, planner, self._admission, self._suspensions)
        uploads = UploadReader(UploadStore(store.spool, store.jobs, limits.uploads_mib * 2**20), acknowledgements)
        submit = self._pipeline.submit
        self.intake = Intake(checks, self._admission, self._pending, uploads, acknowledgements, submit)
        self.jobs = JobControl(store, self._leases, self._pipeline)
        self.catalogue = Catalogue(planner, store.statistics, self._breakers)
        self._tasks: list[asyncio.Task[None]] = []
        self._last_heartbeat = 0.0

    async def start(self) -> None:
        """Recover the jobs of an earlier process, and start the queue and the periodic tasks."""
        queue = self._pipeline.queue
        await queue.open()
        self._last_heartbeat = time.monotonic()
        await self._admission.refresh()
        await self._breakers.refresh()
        await self._pipeline.recover()
        Job.model_rebuild()  # takes 10 ms, which the first command would wait for
        periodic: list[tuple[float, Callable[[], Awaitable[object]]]] = [
            (HEARTBEAT_SECONDS, self._send_heartbeat),
            (HEARTBEAT_SECONDS, self._pipeline.recover_orphans),
            (RECOVER_SECONDS, self._pipeline.recover),
            (RECOVER_SECONDS, queue.tidy),
            (RECOVER_SECONDS, self._store.spool.retry_unstored),
            (SWEEP_SECONDS, self._store.spool.delete_expired),
            (SWEEP_SECONDS, self._store.jobs.delete_old),
            (SWEEP_SECONDS, self._suspensions.sweep),
        ]
        self._tasks = [asyncio.create_task(queue.run())]
        self._tasks += [asyncio.create_task(_every(seconds, work)) for seconds, work in periodic]

    def is_alive(self) -> bool:
        """Whether its tasks are running, and its last heartbeat is recent."""
        late = time.monotonic() - self._last_heartbeat > LEASE_TIMEOUT.total_seconds()
        return bool(self._tasks) and not late and not any(task.done() for task in self._tasks)

    async def close(self, grace: float = 10.0) -> None:
        """Start no more jobs, wait `grace` seconds for the running ones, and leave the rest to the next process."""
        self._pending.close()
        await self._pipeline.queue.close(grace)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        images.DECODERS.interrupt()

    async def _send_heartbeat(self) -> None:
        """Renew the leases, and read what other processes have written.

        It must not wait for a provider, or the leases would expire.
        """
        self._pipeline.stop_drawing(await self._leases.heartbeat())
        self._last_heartbeat = time.monotonic()
        await self._admission.refresh()
        await self._breakers.refresh()


async def _every(seconds: float, work: Callable[[], Awaitable[object]]) -> None:
    """Run `work` every so many seconds for ever; errors are logged."""
    while True:
        await asyncio.sleep(seconds)
        with best_effort("a periodic task failed and will run again"):
            await work()
