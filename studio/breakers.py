"""Which providers are down, so that nobody waits for them in vain: a circuit breaker for each, one for all processes.

Some failures in a row open it, or one that says for how long. When its time is over, one job tries again (half open);
the others wait for what becomes of that. Each further failure opens it for longer, a success closes it.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    EaselError,
    Failure,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)
from storage.outages import CHANGED, Outage, OutageStore
from storage.store import Store

log = logging.getLogger(__name__)

IN_A_ROW = 3
SHORTEST, LONGEST = 30.0, 600.0
"""Seconds until a provider that is down is asked again."""
PROBE_SECONDS = 120.0
"""So long the others wait for the one job that tries."""
OUTAGES: frozenset[str] = frozenset(
    kind.__name__ for kind in (Unavailable, Timeout, RateLimited, QuotaError, AuthError)
)
"""The errors that say that the provider cannot draw just now."""
ANSWERS: frozenset[str] = frozenset(kind.__name__ for kind in (ContentRejected, BadResponse))
"""Those that say that it is there. After the rest it may not even have been asked."""


class Breakers:
    """Read from memory; what others write arrives by their notice, and at the latest with `refresh`."""

    def __init__(self, store: Store) -> None:
        self._store: OutageStore = store.outages
        self._down: Mapping[str, Outage] = {}
        self._failures = Counter[str]()
        self._refreshing: set[asyncio.Task[None]] = set()
        store.bulletin.on(CHANGED, lambda _: self._refresh_soon())

    def outage(self, provider: str) -> Outage | None:
        """What is known of a provider that is down, also when it may be tried again."""
        return self._down.get(provider)

    def is_shut(self, provider: str) -> bool:
        """Whether it is down, and not to be tried yet."""
        outage = self._down.get(provider)
        return outage is not None and datetime.now(UTC) < outage.until

    async def admit(self, provider: str) -> Failure | None:
        """None where a job may ask; else why not, and for how many seconds."""
        outage = self._down.get(provider)
        if outage is None:
            return None
        now = datetime.now(UTC)
        if now >= outage.until:
            until = now + timedelta(seconds=PROBE_SECONDS)
            if await self._store.begin_probe(outage, until):
                log.info("%s: one job tries whether it is back", provider)
                self._down = {**self._down, provider: outage._replace(until=until)}
                return None
            await self.refresh()
        return _refusal(self._down.get(provider, outage), now)

    async def learn(self, provider: str, failure: Failure | None) -> None:
        """What became of a job that has asked."""
        if failure is None or failure.kind in ANSWERS:
            await self._closes(provider)
        elif failure.kind in OUTAGES:
            await self._counts(provider, failure)

    async def refresh(self) -> None:
        self._down = {outage.provider: outage for outage in await self._store.all()}

    async def _closes(self, provider: str) -> None:
        self._failures.pop(provider, None)
        if self._down.get(provider):
            await self._store.end(provider)
            self._down = {name: outage for name, outage in self._down.items() if name != provider}
            log.warning("%s is back", provider)

    async def _counts(self, provider: str, failure: Failure) -> None:
        self._failures[provider] += 1
        known, told = self._down.get(provider), failure.retry_after
        if known is None and told is None and self._failures[provider] < IN_A_ROW:
            return
        now = datetime.now(UTC)
        pause = min(known.pause * 2, LONGEST) if known else SHORTEST
        until = now + timedelta(seconds=told or pause)
        outage = Outage(provider, failure.kind, known.since if known else now, until, pause)
        await self._store.write(outage)
        self._down = {**self._down, provider: outage}
        log.warning("%s is down (%s): not asked for %.0f s", provider, failure.kind, told or pause)

    def _refresh_soon(self) -> None:
        task = asyncio.ensure_future(self._refresh())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refresh(self) -> None:
        try:
            await self.refresh()
        except Exception:
            log.exception("outages are not known yet: the next heartbeat reads them")


def _refusal(outage: Outage, now: datetime) -> Failure:
    """The error that a job ends with which is not let through; `takes` is when the outage began, in Unix seconds."""
    seconds = max((outage.until - now).total_seconds(), 1.0)
    error = EaselError.revive(
        Failure(
            kind=outage.kind,
            detail=f"down since {outage.since:%H:%M} UTC",
            field="outage",
            takes=f"{outage.since.timestamp():.0f}",
            retry_after=seconds,
            unaccepted=True,
        )
    )
    return error.failure
