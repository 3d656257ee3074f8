"""Has a job's provider draw: makes the job's calls, or resumes those of an earlier process."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta

from domain import (
    Cancelled,
    EaselError,
    Failure,
    Job,
    OutageError,
    State,
    SwitchedOff,
    Timeout,
    Unexpected,
)
from domain.outcomes import failure_of
from providers.kit.base import Provider
from providers.kit.inputs import within_bytes
from storage.spool import Spool
from studio.display import Delivery, Report
from studio.intake.admission import Suspensions
from studio.intake.files import read_sources
from studio.intake.pending import Acknowledgements
from studio.intake.planning import call_request
from studio.lease import HeldJob, LeaseLost
from studio.timing import Timing
from studio.work.breakers import Breakers
from studio.work.inspection import inspect_unread
from studio.work.payment import check_resumable, is_new
from studio.work.progress import JobProgress

log = logging.getLogger(__name__)

REMOTE_CANCEL_SECONDS = 5.0
REPLY_MARGIN = timedelta(seconds=30)
MIN_RESUMED_TIME = timedelta(minutes=2)
"""Minimum time left for a job that is resumed after a restart."""


class ProviderCalls:
    """Makes the calls of a held job; its pictures end up in the spool."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        spool: Spool,
        delivery: Delivery,
        acknowledgements: Acknowledgements,
        breakers: Breakers,
        suspensions: Suspensions,
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
    ) -> None:
        self._providers = providers
        self._spool = spool
        self._delivery = delivery
        self._acknowledgements = acknowledgements
        self._breakers = breakers
        self._suspensions = suspensions
        self._timing = timing
        self._deadlines: dict[str, asyncio.Timeout] = {}
        self._cancelled: set[str] = set()

    def cancel(self, job_id: str) -> None:
        """Cancel a job that is being drawn in this process; no effect on others."""
        if (deadline := self._deadlines.get(job_id)) and not (deadline.expired() or job_id in self._cancelled):
            self._cancelled.add(job_id)
            deadline.reschedule(asyncio.get_running_loop().time())

    async def make(self, held: HeldJob) -> Failure | None:
        """Make the calls, if the provider's circuit breaker allows it, and record their outcome there; the failure."""
        job = held.job
        if is_new(job) and job.provider in self._providers and (refusal := await self._breakers.enter(job)):
            return refusal
        async with AsyncExitStack() as ends:
            ends.push_async_callback(self._breakers.leave, job)
            held.set(started=job.started or datetime.now(UTC))
            self._delivery.report(held.job, Report())
            failure: Failure | None = None
            try:
                await self._run(held)
            except LeaseLost:
                raise
            except EaselError as error:
                await self._end_remote(held, error)
                failure = failure_of(error)
            except Exception:  # an edge: after a bug, too, the job ends and its member is told
                log.exception("job %s: an error in Easel itself", job.id)
                failure = Unexpected()
            finally:
                await self._delivery.stop_reports(held.job)
            await self._record(held.job, failure)
            return failure

    async def _run(self, held: HeldJob) -> None:
        """Make the calls that are left; the first one may resume one of an earlier process."""
        provider = self._provider_of(held.job)
        check_resumable(held.job, provider)
        sources = await within_bytes(await read_sources(self._spool, held.job), provider.max_image_bytes)
        async with (
            self._within_deadline(held.job) as deadline,
            self._suspensions.guard_request(held.job) as accepted,
        ):
            if held.job.remote is None and not held.job.drawn:
                await self._suspensions.check(held.job)
            while (job := held.job).calls_done < job.calls:
                await held.update(state=State.WAITING if job.remote else State.SENDING)
                progress = JobProgress(held, self._spool, self._delivery, self._breakers, accepted, deadline)
                # In its own task, whose end releases its share of the memory budget for responses.
                await asyncio.create_task(provider.generate(call_request(job), sources, progress))
                await self._end_call(held)

    def _provider_of(self, job: Job) -> Provider:
        """Cancelled; SwitchedOff."""
        if job.cancelled:
            raise Cancelled
        if (provider := self._providers.get(job.provider)) is None:
            raise SwitchedOff
        return provider

    async def _end_call(self, held: HeldJob) -> None:
        held.set(remote=None, calls_done=held.job.calls_done + 1)
        if held.job.calls_done < held.job.calls:  # or a restart would consider the next call as sent
            await held.update(state=State.QUEUED)
        await self._acknowledgements.give_way()
        await inspect_unread(held, self._spool)

    @asynccontextmanager
    async def _within_deadline(self, job: Job) -> AsyncGenerator[asyncio.Timeout]:
        """Raise Timeout at the job's deadline, and Cancelled if the job is cancelled."""
        self._deadlines[job.id] = deadline = asyncio.timeout(self._time_left(job))
        try:
            async with deadline:
                yield deadline
        except TimeoutError:
            if job.id in self._cancelled:
                raise Cancelled from None
            raise Timeout("no picture within the job's time limit") from None
        finally:
            self._cancelled.discard(job.id)
            del self._deadlines[job.id]

    def _time_left(self, job: Job) -> float:
        now = datetime.now(UTC)
        left = self._timing.draw_time - (now - (job.started or now))
        if job.tried or job.private:  # a fallback is late already; a private reply must meet its deadline
            left = min(left, job.reply_deadline - self._timing.now() - REPLY_MARGIN)
        return max(left, min(MIN_RESUMED_TIME, self._timing.draw_time)).total_seconds()

    async def _record(self, job: Job, failure: Failure | None) -> None:
        if provider := self._providers.get(job.provider):
            blames_model = isinstance(failure, OutageError) and failure.blames_model
            models = len(await provider.models()) if blames_model else None
            await self._breakers.record(job, failure, models=models)

    async def _end_remote(self, held: HeldJob, error: EaselError) -> None:
        """After a cancellation or timeout, cancel the remote job; a paid one that timed out stays, for Retry."""
        if not isinstance(error, Cancelled | Timeout):
            return
        provider = self._providers.get(held.job.provider)
        if isinstance(error, Cancelled) or (provider and not provider.is_paid):
            await self.cancel_remote(held.job)
            held.set(remote=None)

    async def cancel_remote(self, job: Job) -> None:
        """Cancel the remote job, best effort."""
        provider = self._providers.get(job.provider)
        if provider is None or job.remote is None:
            return
        try:
            async with asyncio.timeout(REMOTE_CANCEL_SECONDS):
                await provider.cancel(job.remote)
        except (EaselError, TimeoutError) as error:
            log.warning("job %s: the remote job could not be cancelled, %s", job.id, type(error).__name__)
