"""What can be asked of jobs, and done to them, whichever process has them."""

from collections.abc import Sequence

from domain import Job, Origin
from storage.store import Store
from studio.lease import HeldJob, Leases
from studio.pipeline import Pipeline


class JobControl:
    """Finds, cancels, delivers again, and deletes jobs."""

    def __init__(self, store: Store, leases: Leases, pipeline: Pipeline) -> None:
        self._jobs = store.jobs
        self._spool = store.spool
        self._leases = leases
        self._pipeline = pipeline

    async def find(self, job_id: str) -> Job | None:
        return await self._jobs.get(job_id)

    async def under_way(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """A member's or a server's unfinished jobs, oldest first."""
        return await self._jobs.unfinished(user_id=user_id, guild_id=guild_id)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's jobs whose pictures could not be delivered, oldest first."""
        return await self._jobs.parked(user_id)

    async def cancel(self, job_id: str) -> bool:
        """End a job, whichever process has it; False where its outcome is known already."""
        if not await self._jobs.cancel(job_id):
            return False
        await self._pipeline.end_cancelled(job_id)
        return True

    async def redeliver(self, job: Job, origin: Origin) -> bool:
        """Send a parked job's pictures to where its owner has asked for them, and to nobody else.

        False where they are on their way already, or were delivered meanwhile.
        """
        moved, turn = False, 0

        async def move(held: HeldJob) -> None:
            nonlocal moved, turn
            turn = held.job.refused.times if held.job.refused else 0
            if moved := held.job.parked:
                await held.update(**origin.place(), private=True, parked=False)

        await self._leases.run(job.id, move)
        if moved:
            await self._pipeline.submit_drawn(job.id, turn)
        return moved

    async def give_up(self, job_id: str) -> None:
        """Delete a job whose pictures wait for its owner, with them; nothing where none wait."""

        async def drop(held: HeldJob) -> None:
            if held.job.parked:
                await held.discard()
                await self._spool.delete_job(job_id)

        await self._leases.run(job_id, drop)

    async def delete_finished(self, *, user_id: int | None = None, guild_id: int | None = None) -> int:
        """Delete what is stored of the finished jobs of a member or a server; how many those were."""
        ids = await self._jobs.delete_finished(user_id=user_id, guild_id=guild_id)
        for id in ids:
            await self._spool.delete_job(id)
        return len(ids)
