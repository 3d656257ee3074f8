"""Where one member's refused words may shut out the whole bot, that member is suspended for a while."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime
from weakref import WeakValueDictionary

from domain import ContentRejected, HeldBack, Job
from providers.kit.base import Provider
from storage.meta import Meta

PREFIX = "held back:"


class Suspensions:
    """Which members a provider is not asked for; in the database, so they outlive restarts and deleted jobs."""

    def __init__(self, providers: Mapping[str, Provider], meta: Meta) -> None:
        self._providers = providers
        self._meta = meta
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def check(self, job: Job) -> None:
        """HeldBack for a member whose words this provider has refused lately."""
        provider = self._providers[job.provider]
        until = await self._meta.get(_key(job)) if provider.suspension_time else None
        if provider.suspension_time and until and datetime.now(UTC) < datetime.fromisoformat(until):
            raise HeldBack(provider=provider.title, seconds=provider.suspension_time.total_seconds())

    @asynccontextmanager
    async def turn(self, job: Job) -> AsyncGenerator[Callable[[], None]]:
        """Around asking a provider: where it bans, a member's requests of this process go one by one.

        Yields what to call when the request is accepted: then the next one may go.
        """
        bans = self._providers[job.provider].suspension_time
        with ExitStack() as until_accepted:
            if bans and job.remote is None:
                turn = self._turns.setdefault(_key(job), asyncio.Lock())
                await turn.acquire()
                until_accepted.callback(turn.release)
            try:
                yield until_accepted.close
            except ContentRejected as error:
                if bans and error.counts_against_member:
                    await self._meta.set(_key(job), (datetime.now(UTC) + bans).isoformat())
                raise

    async def sweep(self) -> None:
        """Delete those that are over."""
        await self._meta.expire(PREFIX, datetime.now(UTC).isoformat())


def _key(job: Job) -> str:
    return f"{PREFIX}{job.provider}:{job.user_id}"
