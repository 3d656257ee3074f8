"""Runs queued jobs through drawing and delivery, and recovers those that the queue has lost."""

import asyncio
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager, suppress

from domain import Job, State
from providers.kit.base import Provider
from storage.job_store import CANCELLED_TOPIC, Unfinished
from storage.store import Store
from studio.display import TemporarilyUndeliverable
from studio.handover import Handover
from studio.intake.admission import Admission
from studio.intake.pending import Acknowledgements
from studio.lease import HeldJob, Leases
from studio.work.drawing import Drawer
from studio.work.job_queue import Entrypoint, JobQueue, QueuedJob, TryLater

DELIVERIES_AT_ONCE = 8
DELIVER_ENTRYPOINT = "deliver"
ENQUEUE_BATCH_SIZE = 100
"""Maximum number of ids queued in one call."""


class Pipeline:
    """Draws and delivers, with a lease for each step: on PostgreSQL another process may do the delivery.

    One lease for both would save about 0.2 of the 12 ms of CPU time of a picture.
    """

    def __init__(
        self,
        providers: Mapping[str, Provider],
        store: Store,
        leases: Leases,
        admission: Admission,
        acknowledgements: Acknowledgements,
        drawer: Drawer,
        handover: Handover,
    ) -> None:
        self._providers = providers
        self._jobs = store.jobs
        self._spool = store.spool
        self._leases = leases
        self._admission = admission
        self._acknowledgements = acknowledgements
        self._drawer = drawer
        self._handover = handover
        drawing = {
            _entrypoint(name): Entrypoint(self.draw, each.settings.concurrency) for name, each in providers.items()
        }
        entrypoints = {**drawing, DELIVER_ENTRYPOINT: Entrypoint(self.deliver, DELIVERIES_AT_ONCE)}
        self.queue = JobQueue(entrypoints, store.shared_url, self.recover)
        store.notifications.subscribe(CANCELLED_TOPIC, self._on_cancelled)

    async def submit(self, job: Job) -> None:
        """Queue a job to be drawn; its priority falls with the number of its member's waiting jobs."""
        await self.queue.submit(QueuedJob(_entrypoint(job.provider), job.id, priority=-self._admission.place(job)))

    async def submit_drawn(self, job_id: str, attempt: int = 0) -> None:
        """Queue a job to be delivered. attempt: how often Discord has refused it."""
        await self.queue.submit(QueuedJob(DELIVER_ENTRYPOINT, job_id, attempt=attempt))

    async def draw(self, job_id: str) -> None:
        """Draw a job, then queue its delivery, or queue it again for the next provider; TryLater."""
        await self._acknowledgements.give_way()
        with _retry_later():
            job = await self._leases.run(job_id, self._draw)
        if job is None or job.state is State.PROMISED:
            return
        if job.state is not State.DRAWN:
            await self.submit(job)
            return
        if self._spool.has_unstored(job_id):
            with suppress(TryLater):
                await self.deliver(job_id)  # its pictures are in this process's memory alone
        await self.submit_drawn(job_id)

    async def _draw(self, held: HeldJob) -> None:
        if held.job.state is not State.DRAWN:
            await self._drawer.draw(held)
        if held.job.state is State.DRAWN:
            self._admission.leave(held.job)

    async def deliver(self, job_id: str) -> None:
        """Deliver a drawn job; TryLater."""
        await self._acknowledgements.give_way()
        with _retry_later():
            await self._leases.run(job_id, self._deliver)

    async def _deliver(self, held: HeldJob) -> None:
        if held.job.state is State.DRAWN and not held.job.parked:
            await self._handover.deliver(held)

    async def end_cancelled(self, job_id: str) -> None:
        """Finish a cancelled job if it is not held; stop it if it is being drawn here."""
        self._drawer.cancel(job_id)
        with suppress(TryLater):
            await self.draw(job_id)

    def stop_drawing(self, job_ids: Sequence[str]) -> None:
        """Cancel those of the jobs that are being drawn in this process."""
        for job_id in job_ids:
            self._drawer.cancel(job_id)

    async def recover(self) -> None:
        """Queue every unfinished row without a lease; idempotent, for queued ids are not queued twice."""
        await self._enqueue(await self._jobs.unheld())

    async def recover_orphans(self) -> None:
        """Queue the rows of processes that have died."""
        await self._enqueue(await self._jobs.orphaned())

    async def _enqueue(self, jobs: Sequence[Unfinished]) -> None:
        """In their order, with a priority that falls with each further job of the same member."""
        places = Counter[int]()
        entries: list[QueuedJob] = []
        for job in jobs:
            if job.state == State.DRAWN:
                entries.append(
                    QueuedJob(DELIVER_ENTRYPOINT, job.id, attempt=job.refused.get("times", 0) if job.refused else 0)
                )
            elif job.provider in self._providers and not job.cancelled:
                places[job.user_id] += 1
                entries.append(QueuedJob(_entrypoint(job.provider), job.id, priority=-places[job.user_id]))
            else:
                with suppress(TryLater):
                    await self.draw(job.id)
        for start in range(0, len(entries), ENQUEUE_BATCH_SIZE):
            await self.queue.submit(*entries[start : start + ENQUEUE_BATCH_SIZE])
            await asyncio.sleep(0)

    def _on_cancelled(self, job_id: str | None) -> None:
        if job_id is not None:  # a missed notification is made up for by the next heartbeat
            self._drawer.cancel(job_id)


@contextmanager
def _retry_later() -> Generator[None]:
    """Turn a temporary delivery error into a retry by the queue."""
    try:
        yield
    except TemporarilyUndeliverable as error:
        raise TryLater(str(error)) from None


def _entrypoint(provider: str) -> str:
    return f"draw.{provider}"
