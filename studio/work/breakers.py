"""Which providers are down, so that nobody waits for them in vain: a circuit breaker for each, one for all processes.

Some failures in a row open it, or one that says for how long. Where the provider is there, and says itself that it
failed, the model may be to blame, such as a broken checkpoint: that counts from when as many models have failed so as
there are, or three of them, with no picture in between.

When its time is over, one job tries again (half open); the others wait until that one gets on, and then come one by
one. Each further failure opens it for longer, a picture of theirs closes it.
"""

import asyncio
import logging
import random
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, TypeGuard

from domain import (
    Acceptance,
    BadResponse,
    ContentRejected,
    Down,
    Failure,
    Job,
    Outages,
    Paused,
    RateLimited,
    Unavailable,
)
from storage.outages import CHANGED, Outage, OutageStore
from storage.store import Store

log = logging.getLogger(__name__)

IN_A_ROW = 3
SHORTEST, LONGEST = 30.0, 600.0
"""Seconds until a provider that is down is asked again."""
TOLD = 0.0
"""Stands for a pause that the provider has asked for itself."""
PROBE_SECONDS = 120.0
"""How long the others wait for the one job that tries."""


class _Failed(NamedTuple):
    member: int
    model: str | None = None
    """None where it is surely not to blame."""
    models: int | None = None
    """How many there are, if that is known."""


class Breakers:
    """Read from memory; what others write arrives by their notice, and at the latest with `refresh`."""

    def __init__(self, store: Store) -> None:
        self._store: OutageStore = store.outages
        self._down: Mapping[str, Outage] = {}
        self._writes = 0
        self._failures: dict[str, list[_Failed]] = {}
        """What has failed in a row at each."""
        self._probes: dict[str, Outage] = {}
        """By the jobs of this process that try whether a provider is back: its outage, as each has marked it."""
        self._refreshing: set[asyncio.Task[None]] = set()
        store.bulletin.on(CHANGED, lambda _: self._refresh_soon())

    def outage(self, provider: str) -> Outage | None:
        """What is known of a provider that is down, also when it may be tried again."""
        return self._down.get(provider)

    def is_shut(self, provider: str) -> bool:
        """Whether it is down, and not to be tried yet."""
        outage = self._down.get(provider)
        return outage is not None and datetime.now(UTC) < outage.until

    async def admit(self, job: Job) -> Down | Paused | None:
        """None where a job may ask its provider; else why not, and for how many seconds."""
        outage = self._down.get(job.provider)
        if outage is None:
            return None
        now = datetime.now(UTC)
        if now >= outage.until:
            # Not the same moment as another process's, for it is by this that the mark is known as ours.
            pause = timedelta(seconds=PROBE_SECONDS, microseconds=-random.randrange(1_000_000))  # noqa: S311 - no secret
            mine = outage._replace(until=now + pause, trying=True)
            if await self._store.begin_probe(outage, mine.until):
                log.info("%s: one job tries whether it is back", job.provider)
                self._probes[job.id] = mine
                self._know(mine)
                return None
            await self.refresh()
        known = self._down.get(job.provider)
        return _refusal(known, datetime.now(UTC)) if known else None

    async def accepted(self, job_id: str) -> None:
        """A job gets on, so the next may try as well; that the provider is back is known when there is a picture."""
        if mine := self._probes.get(job_id):
            with _unharmed(mine.provider):
                await self._let_in(mine)

    async def learn(self, job: Job, failure: Failure | None, *, models: int | None = None) -> None:
        """What became of a job that has asked. models: how many its provider offers, if that is known."""
        mine = self._probes.pop(job.id, None)
        with _unharmed(job.provider):
            if failure is None or isinstance(failure, ContentRejected | BadResponse):
                await self._worked(job.provider, mine)
            elif _is_providers(failure) and (counted := self._counted(job, failure, models)) is not None:
                await self._tell(job.provider, failure, mine, counted)
            elif mine:
                await self._let_in(mine)  # it has told nothing: another may try

    async def leave(self, job: Job) -> None:
        """A job has ended, however it did: where nothing was learned of it, another may try."""
        if mine := self._probes.pop(job.id, None):
            with _unharmed(job.provider):
                await self._let_in(mine)

    async def refresh(self) -> None:
        writes, read = self._writes, await self._store.all()
        while writes != self._writes:  # what was read beside a write may be older than it
            writes, read = self._writes, await self._store.all()
        known = {outage.provider: outage for outage in read}
        for provider in self._down.keys() - known.keys():
            self._failures.pop(provider, None)
        self._down = known

    def _counted(self, job: Job, failure: Outages, models: int | None) -> Sequence[int] | None:
        """Whose failures in a row are the provider's; None where this one is that of a request, or of some models."""
        failures = self._failures.setdefault(job.provider, [])
        failures.append(_Failed(job.user_id, job.model, models) if failure.blames_model else _Failed(job.user_id))
        blamed = {each.model for each in failures if each.model is not None}
        every = len(blamed) >= min([IN_A_ROW, *(each.models for each in failures if each.models is not None)])
        counted = [each.member for each in failures if every or each.model is None]
        return counted if every or not failure.blames_model else None

    async def _worked(self, provider: str, mine: Outage | None) -> None:
        """Only a job that was let in, and since whose time nothing bad was told, says that an outage is over."""
        self._failures.pop(provider, None)
        if not (mine and _is_known(mine, self._down.get(provider))):
            return
        if not await self._store.end(mine):
            await self.refresh()
            return
        self._writes += 1
        self._down = {name: outage for name, outage in self._down.items() if name != provider}
        log.warning("%s is back", provider)

    async def _tell(self, provider: str, failure: Outages, mine: Outage | None, counted: Sequence[int]) -> None:
        while (outage := self._worse(provider, failure, mine, counted)) and not await self._write(outage):
            await self.refresh()  # others have heard of it meanwhile: is ours still news?

    def _worse(self, provider: str, failure: Outages, mine: Outage | None, counted: Sequence[int]) -> Outage | None:
        """The outage that a failure tells of; None where it is none, or nothing new."""
        now, known = datetime.now(UTC), self._down.get(provider)
        told = min(failure.retry_after, LONGEST) if failure.retry_after else None
        if known is None:
            pause = TOLD if told else SHORTEST
            outage = Outage(provider, failure.kind, now, now + _seconds(told or pause), pause)
            return outage if told or _is_outage(counted, failure) else None
        if mine and _is_known(mine, known):
            pause = TOLD if told else min(max(known.pause * 2, SHORTEST), LONGEST)
            return _again(known, now + _seconds(told or pause), pause)._replace(kind=failure.kind)
        # Asked before the last that is known: nothing but a longer pause is new.
        is_longer = told and now + _seconds(told) > known.until
        return _again(known, now + _seconds(told or 0), TOLD) if is_longer else None

    async def _let_in(self, mine: Outage) -> None:
        """One more, at once, unless something was told since."""
        if self._down.get(mine.provider) != mine:
            return
        now = datetime.now(UTC)
        if await self._store.let_in(mine, now):
            self._know(mine._replace(until=now, trying=False))
        else:
            await self.refresh()

    async def _write(self, outage: Outage) -> bool:
        written = await self._store.write(outage)
        if written is None:
            return False
        self._know(written)
        left = (written.until - datetime.now(UTC)).total_seconds()
        log.warning("%s is down (%s): not asked for %.0f s", written.provider, written.kind, left)
        return True

    def _know(self, outage: Outage) -> None:
        self._writes += 1
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


@contextmanager
def _unharmed(provider: str) -> Generator[None]:
    """Best effort: a database error here must not fail the job."""
    try:
        yield
    except Exception:
        log.exception("what a job told of %s is not known to others", provider)


def _is_known(mine: Outage, known: Outage | None) -> bool:
    """Whether nothing was told of the outage since a job was let in."""
    return known is not None and (known.since, known.turn) == (mine.since, mine.turn)


def _again(known: Outage, until: datetime, pause: float) -> Outage:
    return known._replace(until=until, pause=pause, turn=known.turn + 1, trying=False)


def _is_providers(failure: Failure) -> TypeGuard[Outages]:
    """Whether an error tells of the provider, and not of what was asked for."""
    return isinstance(failure, Outages) and not (isinstance(failure, Unavailable) and failure.option)


def _is_outage(members: Sequence[int], failure: Outages) -> bool:
    """Not because of what one member asks for: of several, or where the provider surely took nothing at all."""
    certain = failure.taken is Acceptance.NOT_TAKEN and isinstance(failure, Unavailable | RateLimited)
    return len(members) >= IN_A_ROW and (certain or len(set(members)) > 1)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _refusal(outage: Outage, now: datetime) -> Down | Paused:
    """What a job ends with that is not let through. Nobody knows for how long somebody else tries."""
    seconds = None if outage.trying else max((outage.until - now).total_seconds(), 1.0)
    detail = f"down since {outage.since:%H:%M} UTC"
    if outage.pause == TOLD:
        return Paused(detail, cause=outage.kind, retry_after=seconds)
    return Down(detail, cause=outage.kind, retry_after=seconds, since=outage.since)
