"""How much may wait: nobody fills the queue alone."""

from collections import Counter

from domain import Job, Limits, Origin, QueueFull
from storage.job_store import JobStore, Load


class Admission:
    """Counts from the table, renewed from time to time; in between they follow what this process takes and draws."""

    def __init__(self, jobs: JobStore, limits: Limits) -> None:
        self._jobs = jobs
        self._limits = limits
        self._load = Load(Counter(), Counter())

    async def refresh(self) -> None:
        self._load = await self._jobs.count_waiting()

    def check(self, origin: Origin) -> None:
        """QueueFull where there is no room for one more."""
        if self._load.by_member[origin.user_id] >= self._limits.per_member:
            raise QueueFull(whose="member", limit=self._limits.per_member)
        if origin.guild_id is not None and self._load.by_server[origin.guild_id] >= self._limits.per_server:
            raise QueueFull(whose="server", limit=self._limits.per_server)

    def enter(self, job: Job) -> None:
        """Take one more; QueueFull."""
        self.check(job)
        self._count(job, 1)

    def place(self, job: Job) -> int:
        """How many unfinished jobs its member has, this one included."""
        return self._load.by_member[job.user_id]

    def leave(self, job: Job) -> None:
        self._count(job, -1)

    def _count(self, job: Job, by: int) -> None:
        self._load.by_member[job.user_id] += by
        if job.guild_id is not None:
            self._load.by_server[job.guild_id] += by
