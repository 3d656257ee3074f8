"""Whether a member may have another job now: queue limits, and suspensions from a provider."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from domain import ContentRejected, Job, Limits, Origin, QueueFull, Suspended
from providers.kit.base import Provider
from storage.job_statistics import JobStatistics, Load
from storage.meta import Meta

SUSPENSION_PREFIX = "held back:"
"""Of the keys in the key-value table; stored keys have it, so it must not change."""


class Admission:
    """Queue limits; counts of waiting jobs are read from the table by `refresh` and updated locally in between."""

    def __init__(self, statistics: JobStatistics, limits: Limits) -> None:
        self._statistics = statistics
        self._limits = limits
        self._load = Load(Counter(), Counter())

    async def refresh(self) -> None:
        self._load = await self._statistics.count_waiting()

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


class Suspensions:
    """Suspended members by provider; in the database, so they survive restarts and the deletion of jobs."""

    def __init__(self, providers: Mapping[str, Provider], meta: Meta) -> None:
        self._providers = providers
        self._meta = meta
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, job: Job) -> None:
        """Raise Suspended if the job's provider has recently refused a prompt of the job's member."""
        provider = self._providers[job.provider]
        until = await self._meta.get(_key(job)) if provider.suspension_time else None
        if provider.suspension_time and until and datetime.now(UTC) < datetime.fromisoformat(until):
            raise Suspended(provider=provider.title, seconds=provider.suspension_time.total_seconds())

    @asynccontextmanager
    async def guard_request(self, job: Job) -> AsyncGenerator[Callable[[], None]]:
        """Around a request: serialises a member's requests to a provider that bans, and records a refusal.

        Yields a function to be called on acceptance, which lets the member's next request start.
        """
        bans = self._providers[job.provider].suspension_time
        with ExitStack() as until_accepted:
            if bans and job.remote is None:
                lock = self._locks.setdefault(_key(job), asyncio.Lock())
                await lock.acquire()
                until_accepted.callback(lock.release)
            try:
                yield until_accepted.close
            except ContentRejected as error:
                if bans and error.counts_against_member:
                    await self._meta.set(_key(job), (datetime.now(UTC) + bans).isoformat())
                raise

    async def sweep(self) -> None:
        """Delete expired suspensions."""
        await self._meta.expire(SUSPENSION_PREFIX, datetime.now(UTC).isoformat())


def _key(job: Job) -> str:
    return f"{SUSPENSION_PREFIX}{job.provider}:{job.user_id}"
