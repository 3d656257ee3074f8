"""Which providers are down, so that nobody waits for them in vain: a circuit breaker for each, one for all processes.

Some failures in a row open it, or one that says for how long. When its time is over, one job tries again (half open);
the others wait for what becomes of that. Each further failure opens it for longer, a success closes it.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
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
LONGEST_TOLD = 3600.0
"""Whoever asks for a longer pause is asked once an hour."""
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
        self._failures: dict[str, list[int]] = {}
        """Whose jobs have failed in a row."""
        self._probing: set[str] = set()
        """Those that a job of this process tries."""
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
                self._probing.add(provider)
                self._know(outage._replace(until=until))
                return None
            await self.refresh()
        known = self._down.get(provider)
        return _refusal(known, datetime.now(UTC)) if known else None

    async def accepted(self, provider: str) -> None:
        """A job gets on: who draws is back, though the picture may take its time."""
        if provider in self._probing:
            await self._closes(provider)

    async def learn(self, provider: str, failure: Failure | None, member: int) -> None:
        """What became of a member's job that has asked."""
        if failure is None or (failure.kind in ANSWERS and failure.field != "member"):
            await self._closes(provider)
        elif failure.kind in OUTAGES:
            await self._counts(provider, failure, member)
        elif provider in self._probing and (outage := self._down.get(provider)):
            await self._write(outage._replace(until=datetime.now(UTC)))  # it has told nothing: another may try
        self._probing.discard(provider)

    async def refresh(self) -> None:
        known = {outage.provider: outage for outage in await self._store.all()}
        for provider in self._down.keys() - known.keys():
            self._failures.pop(provider, None)
        self._down = known

    async def _closes(self, provider: str) -> None:
        self._probing.discard(provider)
        self._failures.pop(provider, None)
        if self._down.get(provider):
            await self._store.end(provider)
            self._down = {name: outage for name, outage in self._down.items() if name != provider}
            log.warning("%s is back", provider)

    async def _counts(self, provider: str, failure: Failure, member: int) -> None:
        members = self._failures.setdefault(provider, [])
        members.append(member)
        now, known = datetime.now(UTC), self._down.get(provider)
        told = min(failure.retry_after, LONGEST_TOLD) if failure.retry_after else None
        if known is None:
            if told or _is_outage(members, failure):
                await self._write(Outage(provider, failure.kind, now, now + _seconds(told or SHORTEST), SHORTEST))
        elif provider in self._probing:
            pause = min(known.pause * 2, LONGEST)
            await self._write(known._replace(kind=failure.kind, until=now + _seconds(told or pause), pause=pause))
        elif told and now + _seconds(told) > known.until:
            # Asked before it opened: nothing else that it tells is new.
            await self._write(known._replace(until=now + _seconds(told)))

    async def _write(self, outage: Outage) -> None:
        await self._store.write(outage)
        self._know(outage)
        left = (outage.until - datetime.now(UTC)).total_seconds()
        log.warning("%s is down (%s): not asked for %.0f s", outage.provider, outage.kind, left)

    def _know(self, outage: Outage) -> None:
        self._down = {**self._down, outage.provider: outage}

    def _refresh_soon(self) -> None:
        task = asyncio.ensure_future(self._refresh())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _refresh(self) -> None:
        try:
            await self.refresh()
        except Exception:
            log.exception("outages are not known yet: the next heartbeat reads them")


def _is_outage(members: Sequence[int], failure: Failure) -> bool:
    """Not because of what one member asks for: of several, or where the provider surely takes nothing at all."""
    certain = failure.unaccepted and failure.kind in (Unavailable.__name__, RateLimited.__name__)
    return len(members) >= IN_A_ROW and (certain or len(set(members)) > 1)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


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
