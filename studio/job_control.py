"""Queries and commands about jobs, whichever process holds them."""

from collections.abc import Sequence

from domain import Job, Origin
from domain.jobs import Finished
from storage.store import Store
from studio.lease import HeldJob, Leases
from studio.pipeline import Pipeline


class JobControl:
    """Finds, cancels, redelivers, and deletes jobs."""

    def __init__(self, store: Store, leases: Leases, pipeline: Pipeline) -> None:
        self._jobs = store.jobs
        self._spool = store.spool
        self._leases = leases
        self._pipeline = pipeline

    async def find(self, job_id: str) -> Job | None:
        return await self._jobs.get(job_id)

    async def under_way(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """The unfinished jobs of a member or a server, oldest first."""
        return await self._jobs.unfinished(user_id=user_id, guild_id=guild_id)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's jobs whose pictures Discord has refused: those least often refused first, then the oldest."""
        return await self._jobs.parked(user_id)

    async def cancel(self, job_id: str) -> bool:
        """Cancel a job, whichever process holds it; False if its outcome is decided."""
        if not await self._jobs.cancel(job_id):
            return False
        await self._pipeline.end_cancelled(job_id)
        return True

    async def redeliver(self, job: Job, origin: Origin) -> bool:
        """Send a parked job's pictures privately to where its owner has asked for them.

        False if they are being delivered already, or have been.
        """
        moved, attempt = False, 0

        async def move(held: HeldJob) -> None:
            nonlocal moved, attempt
            attempt = held.job.refused.times if held.job.refused else 0
            if moved := held.job.parked:
                await held.update(**origin.destination(), private=True, parked=False)

        await self._leases.run(job.id, move)
        if moved:
            await self._pipeline.submit_drawn(job.id, attempt)
        return moved

    async def give_up(self, job_id: str) -> None:
        """Delete a parked job and its pictures; no effect on other jobs."""

        async def drop(held: HeldJob) -> None:
            if held.job.parked:
                await held.discard()
                await self._spool.delete_job(job_id)

        await self._leases.run(job_id, drop)

    async def count_finished(self, user_id: int) -> Finished:
        """The finished and parked jobs of a member."""
        return await self._jobs.count_finished(user_id)

    async def delete_finished(self, *, user_id: int | None = None, guild_id: int | None = None) -> int:
        """Delete the finished and parked jobs of a member or a server, with their files; how many there were."""
        ids = await self._jobs.delete_finished(user_id=user_id, guild_id=guild_id)
        for id in ids:
            await self._spool.delete_job(id)
        return len(ids)
