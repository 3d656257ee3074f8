"""A circuit breaker for each provider, shared by all processes.

It opens after several failures in a row, or after one response that names a pause. If the provider responds with an
error of its own, the model may be to blame, such as a broken checkpoint: that counts once all of the provider's models,
or three of them, have failed with no picture in between.

When the back-off is over, one job is the probe (half-open). The others wait until the probe is accepted, and then probe
one by one. A probe that fails extends the outage with a longer back-off; one that returns a picture ends it.
"""

import asyncio
import logging
import random
from collections.abc import Mapping, Sequence
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
from storage.outages import OUTAGES_TOPIC, Outage, OutageStore
from storage.store import Store
from studio.best_effort import best_effort

log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
"""Threshold, for failures and for models that failed."""
MIN_BACK_OFF, MAX_BACK_OFF = 30.0, 600.0
"""Back-off in seconds; it doubles with each failed probe."""
SET_BY_PROVIDER = 0.0
"""An outage's `pause` if the provider has named its length."""
PROBE_SECONDS = 120.0
"""Timeout after which another job may probe."""
NOT_RECORDED = "how a job of %s ended is not recorded in its circuit breaker"


class _Failed(NamedTuple):
    member: int
    model: str | None = None
    """None if the model is certainly not to blame."""
    models: int | None = None
    """How many models the provider has, if that is known."""


class Breakers:
    """The circuit breakers, cached in memory; other processes' writes arrive by notification or with `refresh`."""

    def __init__(self, store: Store) -> None:
        self._store: OutageStore = store.outages
        self._outages: Mapping[str, Outage] = {}
        self._writes = 0
        self._failures: dict[str, list[_Failed]] = {}
        """Failures in a row, by provider."""
        self._probes: dict[str, Outage] = {}
        """This process's probes, by job id: the outage as it was when each began."""
        self._refreshing: set[asyncio.Task[None]] = set()
        store.notifications.subscribe(OUTAGES_TOPIC, lambda _: self._refresh_in_background())

    def outage(self, provider: str) -> Outage | None:
        """The provider's outage, also when its back-off is over."""
        return self._outages.get(provider)

    def is_open(self, provider: str) -> bool:
        """Whether the provider is down, and its back-off not over."""
        outage = self._outages.get(provider)
        return outage is not None and datetime.now(UTC) < outage.until

    async def enter(self, job: Job) -> Down | Paused | None:
        """None if a job may ask its provider, perhaps as a probe; else why not, and for how many seconds."""
        outage = self._outages.get(job.provider)
        if outage is None:
            return None
        if datetime.now(UTC) >= outage.until:
            if await self._begin_probe(job, outage):
                return None
            await self.refresh()
        known = self._outages.get(job.provider)
        return _refusal(known, datetime.now(UTC)) if known else None

    async def _begin_probe(self, job: Job, outage: Outage) -> bool:
        # The random microseconds distinguish this process's mark from another's.
        pause = timedelta(seconds=PROBE_SECONDS, microseconds=-random.randrange(1_000_000))  # noqa: S311 - no secret
        probe = outage._replace(until=datetime.now(UTC) + pause, probing=True)
        begun = await self._store.begin_probe(outage, probe.until)
        if begun:
            log.info("%s: one job probes whether it is back", job.provider)
            self._probes[job.id] = probe
            self._remember(probe)
        return begun

    async def accepted(self, job_id: str) -> None:
        """The provider has accepted the job, so the next probe may begin; only a picture ends the outage."""
        if probe := self._probes.get(job_id):
            with best_effort(NOT_RECORDED, probe.provider):
                await self._allow_next_probe(probe)

    async def record(self, job: Job, failure: Failure | None, *, models: int | None = None) -> None:
        """Record the outcome of a job that asked its provider. models: how many the provider has, if known."""
        probe = self._probes.pop(job.id, None)
        with best_effort(NOT_RECORDED, job.provider):
            if failure is None or isinstance(failure, ContentRejected | BadResponse):
                await self._record_success(job.provider, probe)
            elif _is_providers_fault(failure) and (members := self._count_failure(job, failure, models)) is not None:
                await self._record_failure(job.provider, failure, probe, members)
            elif probe:
                await self._allow_next_probe(probe)

    async def leave(self, job: Job) -> None:
        """Called when a job ends in any way: a probe without a recorded outcome lets the next one start."""
        if probe := self._probes.pop(job.id, None):
            with best_effort(NOT_RECORDED, job.provider):
                await self._allow_next_probe(probe)

    async def refresh(self) -> None:
        """Read all outages from the database."""
        writes, read = self._writes, await self._store.all()
        while writes != self._writes:  # a write during the query makes its result stale
            writes, read = self._writes, await self._store.all()
        known = {outage.provider: outage for outage in read}
        for provider in self._outages.keys() - known.keys():
            self._failures.pop(provider, None)
        self._outages = known

    def _count_failure(self, job: Job, failure: Outages, models: int | None) -> Sequence[int] | None:
        """Count a failure; the members of all failures in a row, or None if this one is not the provider's fault."""
        failures = self._failures.setdefault(job.provider, [])
        failures.append(_Failed(job.user_id, job.model, models) if failure.blames_model else _Failed(job.user_id))
        blamed = {each.model for each in failures if each.model is not None}
        every = len(blamed) >= min([FAILURES_IN_A_ROW, *(each.models for each in failures if each.models is not None)])
        counted = [each.member for each in failures if every or each.model is None]
        return counted if every or not failure.blames_model else None

    async def _record_success(self, provider: str, probe: Outage | None) -> None:
        """End the outage if the job was its probe and the outage has not been extended since."""
        self._failures.pop(provider, None)
        if not (probe and _is_current(probe, self._outages.get(provider))):
            return
        if not await self._store.end(probe):
            await self.refresh()
            return
        self._writes += 1
        self._outages = {name: outage for name, outage in self._outages.items() if name != provider}
        log.warning("%s is back", provider)

    async def _record_failure(
        self, provider: str, failure: Outages, probe: Outage | None, members: Sequence[int]
    ) -> None:
        while (outage := self._outage_after(provider, failure, probe, members)) and not await self._write(outage):
            await self.refresh()  # another process has written meanwhile: retry on its outage

    def _outage_after(
        self, provider: str, failure: Outages, probe: Outage | None, members: Sequence[int]
    ) -> Outage | None:
        """The outage that a failure opens or extends; None if it does neither."""
        now, known = datetime.now(UTC), self._outages.get(provider)
        requested = min(failure.retry_after, MAX_BACK_OFF) if failure.retry_after else None
        if known is None:
            pause = SET_BY_PROVIDER if requested else MIN_BACK_OFF
            outage = Outage(provider, failure.kind, now, now + _seconds(requested or pause), pause)
            return outage if requested or _is_outage(members, failure) else None
        if probe and _is_current(probe, known):
            pause = SET_BY_PROVIDER if requested else min(max(known.pause * 2, MIN_BACK_OFF), MAX_BACK_OFF)
            return _extended(known, now + _seconds(requested or pause), pause)._replace(kind=failure.kind)
        # The job was sent before the outage began or was extended: only a longer pause matters.
        is_longer = requested and now + _seconds(requested) > known.until
        return _extended(known, now + _seconds(requested or 0), SET_BY_PROVIDER) if is_longer else None

    async def _allow_next_probe(self, probe: Outage) -> None:
        """End this probe at once, unless the outage has changed since it began."""
        if self._outages.get(probe.provider) != probe:
            return
        now = datetime.now(UTC)
        if await self._store.allow_probe(probe, now):
            self._remember(probe._replace(until=now, probing=False))
        else:
            await self.refresh()

    async def _write(self, outage: Outage) -> bool:
        written = await self._store.write(outage)
        if written is None:
            return False
        self._remember(written)
        left = (written.until - datetime.now(UTC)).total_seconds()
        log.warning("%s is down (%s): not asked for %.0f s", written.provider, written.kind, left)
        return True

    def _remember(self, outage: Outage) -> None:
        self._writes += 1
        self._outages = {**self._outages, outage.provider: outage}

    def _refresh_in_background(self) -> None:
        task = asyncio.ensure_future(self._try_to_refresh())
        self._refreshing.add(task)
        task.add_done_callback(self._refreshing.discard)

    async def _try_to_refresh(self) -> None:
        with best_effort("the outages could not be read: the next heartbeat reads them"):
            await self.refresh()


def _is_current(probe: Outage, known: Outage | None) -> bool:
    """Whether the outage is the one that was probed, in the same generation."""
    return known is not None and (known.since, known.generation) == (probe.since, probe.generation)


def _extended(known: Outage, until: datetime, pause: float) -> Outage:
    return known._replace(until=until, pause=pause, generation=known.generation + 1, probing=False)


def _is_providers_fault(failure: Failure) -> TypeGuard[Outages]:
    """Whether the provider is to blame, and not the request."""
    return isinstance(failure, Outages) and not (isinstance(failure, Unavailable) and failure.option)


def _is_outage(members: Sequence[int], failure: Outages) -> bool:
    """Whether there are enough failures, of several members, or certainly unrelated to the member's request."""
    certain = failure.taken is Acceptance.NOT_TAKEN and isinstance(failure, Unavailable | RateLimited)
    return len(members) >= FAILURES_IN_A_ROW and (certain or len(set(members)) > 1)


def _seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


def _refusal(outage: Outage, now: datetime) -> Down | Paused:
    """Why a job may not ask its provider; without a retry time while another job probes, for that is unknown."""
    seconds = None if outage.probing else max((outage.until - now).total_seconds(), 1.0)
    detail = f"down since {outage.since:%H:%M} UTC"
    if outage.pause == SET_BY_PROVIDER:
        return Paused(detail, cause=outage.kind, retry_after=seconds)
    return Down(detail, cause=outage.kind, retry_after=seconds, since=outage.since)
