"""Queue limits per member and per server."""

from collections import Counter

from domain import Job, Limits, Origin, QueueFull
from storage.job_store import JobStore, Load


class Admission:
    """Counts of waiting jobs, read from the table by `refresh` and updated locally in between."""

    def __init__(self, jobs: JobStore, limits: Limits) -> None:
        self._jobs = jobs
        self._limits = limits
        self._load = Load(Counter(), Counter())

    async def refresh(self) -> None:
        self._load = await self._jobs.count_waiting()

    def check(self, origin: Origin) -> None:
        """Raise QueueFull if the member or the server is at its limit."""
        if self._load.by_member[origin.user_id] >= self._limits.per_member:
            raise QueueFull(whose="member", limit=self._limits.per_member)
        if origin.guild_id is not None and self._load.by_server[origin.guild_id] >= self._limits.per_server:
            raise QueueFull(whose="server", limit=self._limits.per_server)

    def enter(self, job: Job) -> None:
        """Count one more job; QueueFull."""
        self.check(job)
        self._count(job, 1)

    def place(self, job: Job) -> int:
        """How many waiting jobs its member has, including this one."""
        return self._load.by_member[job.user_id]

    def leave(self, job: Job) -> None:
        self._count(job, -1)

    def _count(self, job: Job, by: int) -> None:
        self._load.by_member[job.user_id] += by
        if job.guild_id is not None:
            self._load.by_server[job.guild_id] += by
