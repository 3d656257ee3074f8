"""Suspends a member from a provider that might ban the whole bot for one member's refused prompts."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from domain import ContentRejected, Job, Suspended
from providers.kit.base import Provider
from storage.meta import Meta

PREFIX = "held back:"
"""Of the keys in the database, as earlier versions wrote them."""


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
        await self._meta.expire(PREFIX, datetime.now(UTC).isoformat())


def _key(job: Job) -> str:
    return f"{PREFIX}{job.provider}:{job.user_id}"
