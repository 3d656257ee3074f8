"""Draws a queued job: its pictures end up in the spool."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import NoReturn, TypeGuard

from domain import (
    Acceptance,
    Cancelled,
    Down,
    EaselError,
    Failure,
    Job,
    NotAsked,
    OutageError,
    Paused,
    ProviderError,
    RateLimited,
    Sources,
    State,
    SwitchedOff,
    Timeout,
    Unavailable,
    Unexpected,
)
from domain.jobs import JobChanges
from domain.outcomes import failure_of
from providers.http.calls import MAX_PAUSE_IN_CALL
from providers.kit.base import Provider
from storage.spool import Spool
from studio.best_effort import best_effort
from studio.display import Delivery, Report
from studio.intake.files import read_sources
from studio.intake.pending import Acknowledgements, resume
from studio.intake.planning import call_request
from studio.lease import HeldJob, LeaseLost
from studio.timing import DRAW_TIME, Timing
from studio.work.breakers import Breakers
from studio.work.fallback_search import FallbackSearch
from studio.work.inspection import inspect_unread
from studio.work.job_queue import TryLater
from studio.work.payment import acceptance, check_resumable, is_new, may_be_asked_again
from studio.work.progress import JobProgress

log = logging.getLogger(__name__)

REMOTE_CANCEL_SECONDS = 5.0
MAX_POSTPONE_SECONDS = 180.0
REPLY_MARGIN = timedelta(seconds=30)
MIN_RESUMED_TIME = timedelta(minutes=2)
"""Minimum time left for a job that is resumed after a restart."""


class Drawer:
    """Runs the calls of a held job, resuming where an earlier process stopped."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        spool: Spool,
        delivery: Delivery,
        acknowledgements: Acknowledgements,
        breakers: Breakers,
        fallback: FallbackSearch,
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
    ) -> None:
        self._providers = providers
        self._breakers = breakers
        self._fallback = fallback
        self._spool = spool
        self._delivery = delivery
        self._acknowledgements = acknowledgements
        self._timing = timing
        self._deadlines: dict[str, asyncio.Timeout] = {}
        self._cancelled: set[str] = set()

    def cancel(self, job_id: str) -> None:
        """Cancel a job that is being drawn in this process; no effect on others."""
        if (deadline := self._deadlines.get(job_id)) and not (deadline.expired() or job_id in self._cancelled):
            self._cancelled.add(job_id)
            deadline.reschedule(asyncio.get_running_loop().time())

    async def draw(self, held: HeldJob) -> None:
        """Draw, and write the outcome into the row, or hand the job on to the next provider of the fallback chain.

        TryLater if the provider has asked for a pause and there is no fallback; TemporarilyUndeliverable.
        """
        if held.job.state is State.PROMISED and not await resume(held, self._delivery):
            return
        job = held.job
        was_new = is_new(job)
        refusal = await self._breakers.enter(job) if was_new and job.provider in self._providers else None
        failure = refusal or await self._attempt(held)
        if failure is None:
            await self._finish(held, None)
            return
        taken = acceptance(held.job, failure, self._providers.get(job.provider), was_new=was_new)
        if moved := await self._next_provider(held.job, failure, taken):
            log.warning("job %s: %s handed on, %s: %s", job.id, job.provider, failure.kind, failure)
            await self._cancel_remote(held.job)
            await held.update(**moved, release=True)
        elif _asks_to_wait(failure, held.job, taken) and self._has_time(held.job, failure):
            await self._postpone(held, failure)
        else:
            await self._finish(held, replace(failure, taken=taken) if isinstance(failure, ProviderError) else failure)

    async def _postpone(self, held: HeldJob, failure: OutageError | NotAsked) -> NoReturn:
        """Show the pause, and raise TryLater."""
        await self._delivery.show(held.job, Report(eta=failure.retry_after, paused=True))
        if held.job.state is not State.QUEUED:
            await held.update(state=State.QUEUED, started=None, release=True)
        raise TryLater(str(failure))

    async def _next_provider(self, job: Job, failure: Failure, taken: Acceptance) -> JobChanges | None:
        """As `FallbackSearch.next`, best effort; None if the search fails."""
        with best_effort("job %s: the search for a fallback provider failed", job.id):
            return await self._fallback.next(job, failure, taken)
        return None

    async def _attempt(self, held: HeldJob) -> Failure | None:
        """Run the remaining calls, and record the outcome in the circuit breaker; the failure, if any."""
        held.set(started=held.job.started or datetime.now(UTC))
        self._delivery.report(held.job, Report())
        try:
            failure = await self._run_to_failure(held)
            await self._record(held.job, failure)
            return failure
        finally:
            await self._breakers.leave(held.job)

    async def _run_to_failure(self, held: HeldJob) -> Failure | None:
        try:
            await self._run(held)
        except LeaseLost:
            raise
        except EaselError as error:
            await self._end_remote(held, error)
            return failure_of(error)
        except Exception:  # an edge: after a bug, too, the job ends and its member is told
            log.exception("job %s: an error in Easel itself", held.job.id)
            return Unexpected()
        finally:
            await self._delivery.stop_reports(held.job)
        return None

    async def _record(self, job: Job, failure: Failure | None) -> None:
        if provider := self._providers.get(job.provider):
            blames_model = isinstance(failure, OutageError) and failure.blames_model
            models = len(await provider.models()) if blames_model else None
            await self._breakers.record(job, failure, models=models)

    async def _finish(self, held: HeldJob, failure: Failure | None) -> None:
        now = datetime.now(UTC)
        seconds = (now - (held.job.started or now)).total_seconds()
        # `remote` stays: Retry fetches its result without paying again.
        await held.update(state=State.DRAWN, failure=failure, seconds=seconds, release=True)

    async def _end_remote(self, held: HeldJob, error: EaselError) -> None:
        """After a cancellation or timeout, cancel the remote job; a paid one that timed out stays, for Retry."""
        if not isinstance(error, Cancelled | Timeout):
            return
        provider = self._providers.get(held.job.provider)
        if isinstance(error, Cancelled) or (provider and not provider.is_paid):
            await self._cancel_remote(held.job)
            held.set(remote=None)

    async def _cancel_remote(self, job: Job) -> None:
        """Cancel the remote job, best effort."""
        provider = self._providers.get(job.provider)
        if provider is None or job.remote is None:
            return
        try:
            async with asyncio.timeout(REMOTE_CANCEL_SECONDS):
                await provider.cancel(job.remote)
        except (EaselError, TimeoutError) as error:
            log.warning("job %s: the remote job could not be cancelled, %s", job.id, type(error).__name__)

    async def _run(self, held: HeldJob) -> None:
        if held.job.cancelled:
            raise Cancelled
        provider = self._providers.get(held.job.provider)
        if provider is None:
            raise SwitchedOff
        check_resumable(held.job, provider)
        sources = await read_sources(self._spool, held.job)
        suspensions = self._fallback.suspensions
        async with self._within_deadline(held.job), suspensions.guard_request(held.job) as accepted:
            if held.job.remote is None and not held.job.drawn:
                await suspensions.check(held.job)
            while held.job.calls_done < held.job.calls:
                await self._call(provider, held, sources, accepted)

    @asynccontextmanager
    async def _within_deadline(self, job: Job) -> AsyncGenerator[None]:
        """Raise Timeout at the job's deadline, and Cancelled if the job is cancelled."""
        self._deadlines[job.id] = asyncio.timeout(self._time_left(job))
        try:
            async with self._deadlines[job.id]:
                yield
        except TimeoutError:
            if job.id in self._cancelled:
                raise Cancelled from None
            raise Timeout("no picture within the job's time limit") from None
        finally:
            self._cancelled.discard(job.id)
            del self._deadlines[job.id]

    async def _call(self, provider: Provider, held: HeldJob, sources: Sources, accepted: Callable[[], None]) -> None:
        """Make one call, or resume one of an earlier process."""
        job = held.job
        await held.update(state=State.WAITING if job.remote else State.SENDING)
        deadline = self._deadlines[job.id]
        progress = JobProgress(held, self._spool, self._delivery, self._breakers, accepted, deadline)
        # In its own task, whose end releases its share of the memory budget for responses.
        await asyncio.create_task(provider.generate(call_request(job), sources, progress))
        held.set(remote=None, calls_done=job.calls_done + 1)
        if held.job.calls_done < job.calls:  # or a restart would consider the next call as sent
            await held.update(state=State.QUEUED)
        await self._acknowledgements.give_way()
        await inspect_unread(held, self._spool)

    def _time_left(self, job: Job) -> float:
        now = datetime.now(UTC)
        left = self._timing.draw_time - (now - (job.started or now))
        if job.tried or job.private:  # a fallback is late already; a private reply must meet its deadline
            left = min(left, job.reply_deadline - self._timing.now() - REPLY_MARGIN)
        return max(left, min(MIN_RESUMED_TIME, self._timing.draw_time)).total_seconds()

    def _has_time(self, job: Job, failure: OutageError | NotAsked) -> bool:
        """Whether the job can wait out the provider's pause."""
        return (failure.retry_after or 0) <= MAX_POSTPONE_SECONDS and self._timing.now() - job.created < DRAW_TIME


def _asks_to_wait(
    failure: Failure, job: Job, taken: Acceptance
) -> TypeGuard[RateLimited | Unavailable | Down | Paused]:
    """Whether the provider names a pause that is longer than a call waits, and has not accepted the job.

    An outage without a named pause does not count.
    """
    match failure:
        case Paused():
            return True
        case Down():
            return failure.cause == "RateLimited"
        case RateLimited() | Unavailable(option=None):
            is_long = (failure.retry_after or 0) > MAX_PAUSE_IN_CALL
            is_refused = failure.taken is Acceptance.NOT_TAKEN and may_be_asked_again(job, taken)
            return is_long and is_refused and job.remote is None
        case _:
            return False
