"""From a queued job to its pictures in the spool."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from domain import (
    Cancelled,
    EaselError,
    Failure,
    Interrupted,
    Job,
    RateLimited,
    Sources,
    State,
    Timeout,
    Unavailable,
)
from domain.jobs import JobChanges
from providers.http.calls import LONGEST_PAUSE_IN_CALL
from providers.kit.base import Provider
from storage.spool import Spool
from studio.display import Delivery, Report
from studio.intake.files import read_sources
from studio.intake.planning import call_request
from studio.lease import Held, Lost
from studio.work.breakers import Breakers
from studio.work.lanes import TryLater
from studio.work.looking import look
from studio.work.progress import JobProgress
from studio.work.rush import Rush
from studio.work.succession import Chain

log = logging.getLogger(__name__)

DRAW_TIME = timedelta(minutes=10)
"""A job's time limit, well inside the 15 minutes that an interaction's token lives."""
CALL_OFF_SECONDS = 5.0
LONGEST_PAUSE = 180.0
TOKEN_REST = timedelta(seconds=30)
SECOND_CHANCE = timedelta(minutes=2)
"""The least time that a job picked up after a restart still has."""


class Drawer:
    """Runs the calls of a held job, from wherever an earlier run has left it."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        spool: Spool,
        delivery: Delivery,
        rush: Rush,
        breakers: Breakers,
        chain: Chain,
        draw_time: timedelta = DRAW_TIME,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """now: Discord's time, by which tokens die."""
        self._providers = providers
        self._breakers = breakers
        self._chain = chain
        self._spool = spool
        self._delivery = delivery
        self._rush = rush
        self._draw_time = draw_time
        self._now = now
        self._deadlines: dict[str, asyncio.Timeout] = {}
        self._unwanted: set[str] = set()

    def cancel(self, job_id: str) -> None:
        """End a job that is being drawn here, now; nothing where it is not."""
        if (deadline := self._deadlines.get(job_id)) and not (deadline.expired() or job_id in self._unwanted):
            self._unwanted.add(job_id)
            deadline.reschedule(asyncio.get_running_loop().time())

    async def draw(self, held: Held) -> None:
        """Draw to an outcome, good or bad, and write it into the row; or hand the job on to the next provider.

        queue.TryLater where the provider has asked for a pause, and nobody takes over.
        """
        job = held.job
        shut = await self._breakers.admit(job) if _is_new(job) and job.provider in self._providers else None
        failure = shut or await self._attempt(held)
        if failure and (moved := await self._next(held.job, failure)):
            log.warning("job %s: %s handed on, %s: %s", job.id, job.provider, failure.kind, failure.detail)
            await self._call_off(held.job)
            await held.update(**moved, release=True)
        elif shut and _may_wait(shut) and self._has_time(job, shut):
            await self._delivery.show(job, Report(eta=shut.retry_after, paused=True))
            raise TryLater(shut.kind)
        elif failure and _asks_for_patience(held.job, failure) and self._has_time(held.job, failure):
            await self._delivery.show(held.job, Report(eta=failure.retry_after, paused=True))
            await held.update(state=State.QUEUED, started=None, release=True)
            raise TryLater(failure.kind)
        else:
            await self._conclude(held, failure)

    async def _next(self, job: Job, failure: Failure) -> JobChanges | None:
        """As `Chain.next`; nobody, too, where looking for somebody fails: what happened is told all the same."""
        try:
            return await self._chain.next(job, failure)
        except Exception:
            log.exception("job %s: nobody could be found to take over", job.id)
            return None

    async def _attempt(self, held: Held) -> Failure | None:
        """Make the calls that are left, while their progress is shown; what ended them, which the breaker learns."""
        is_new = _is_new(held.job)
        held.note(started=held.job.started or datetime.now(UTC))
        self._delivery.report(held.job, Report())
        try:
            failure = await self._failure_of_run(held, is_new)
            await self._learn(held.job, failure)
            return failure
        finally:
            await self._breakers.leave(held.job)

    async def _failure_of_run(self, held: Held, is_new: bool) -> Failure | None:
        try:
            await self._run(held)
        except Lost:
            raise
        except EaselError as error:
            return await self._ended_by(error, held, is_new)
        except Exception:
            log.exception("job %s: an error in Easel itself", held.job.id)
            return await self._ended_by(EaselError("unexpected"), held, is_new)
        finally:
            await self._delivery.settle(held.job)
        return None

    async def _ended_by(self, error: EaselError, held: Held, is_new: bool) -> Failure:
        """What an earlier run has asked for may have been taken then, whatever is answered now."""
        if isinstance(error, Cancelled | Timeout):
            await self._give_up(held, error)
        failure = error.failure if is_new else error.failure.model_copy(update={"unaccepted": False})
        return failure.model_copy(update={"unsure": self._may_be_paid(held.job, failure)})

    async def _learn(self, job: Job, failure: Failure | None) -> None:
        if provider := self._providers.get(job.provider):
            models = len(await provider.models()) if failure and failure.answered else None
            await self._breakers.learn(job, failure, models=models)

    def _may_be_paid(self, job: Job, failure: Failure) -> bool:
        """The call was cut in the middle, or answered by an error that may mean anything."""
        provider = self._providers.get(job.provider)
        cut = job.state is State.SENDING and failure.kind in (Unavailable.__name__, Timeout.__name__)
        return cut and not failure.unaccepted and provider is not None and provider.paid

    async def _conclude(self, held: Held, failure: Failure | None) -> None:
        now = datetime.now(UTC)
        seconds = (now - (held.job.started or now)).total_seconds()
        # What is still remembered may yet come: trying again asks for it, and pays nothing.
        await held.update(state=State.DRAWN, failure=failure, seconds=seconds, release=True)

    async def _give_up(self, held: Held, error: EaselError) -> None:
        """Nobody waits any more. What is late and paid for may yet come, and Retry asks for it."""
        provider = self._providers.get(held.job.provider)
        if isinstance(error, Cancelled) or (provider and not provider.paid):
            await self._call_off(held.job)
            held.note(remote=None)

    async def _call_off(self, job: Job) -> None:
        """Tell the provider that nobody waits any more; whatever comes of that, the job is cancelled."""
        provider = self._providers.get(job.provider)
        if provider is None or job.remote is None:
            return
        try:
            async with asyncio.timeout(CALL_OFF_SECONDS):
                await provider.cancel(job.remote)
        except (EaselError, TimeoutError) as error:
            log.warning("job %s: the provider could not be told of its end, %s", job.id, type(error).__name__)

    async def _run(self, held: Held) -> None:
        if held.job.cancelled:
            raise Cancelled
        provider = self._providers.get(held.job.provider)
        if provider is None:
            raise Unavailable("switched off by the host", unaccepted=_is_new(held.job))
        unknown = held.job.state is State.SENDING or (held.job.state is State.WAITING and not held.job.remote)
        if unknown and provider.paid:
            raise Interrupted("stopped while the provider may have accepted the job")
        sources = await read_sources(self._spool, held.job)
        conduct = self._chain.conduct
        async with self._in_time(held.job), conduct.turn(held.job) as accepted:
            if held.job.remote is None and not held.job.drawn:
                await conduct.check(held.job)
            while held.job.calls_done < held.job.calls:
                await self._call(provider, held, sources, accepted)

    @asynccontextmanager
    async def _in_time(self, job: Job) -> AsyncGenerator[None]:
        """Ends in Timeout, or in Cancelled when somebody wants the job no more."""
        self._deadlines[job.id] = asyncio.timeout(self._time_left(job))
        try:
            async with self._deadlines[job.id]:
                yield
        except TimeoutError:
            if job.id in self._unwanted:
                raise Cancelled from None
            raise Timeout("no picture within the job's time limit") from None
        finally:
            self._unwanted.discard(job.id)
            del self._deadlines[job.id]

    async def _call(self, provider: Provider, held: Held, sources: Sources, accepted: Callable[[], None]) -> None:
        """One call, or the rest of one that an earlier run began."""
        job = held.job
        await held.update(state=State.WAITING if job.remote else State.SENDING)
        deadline = self._deadlines[job.id]
        progress = JobProgress(held, self._spool, self._delivery, self._breakers, accepted, deadline)
        # In a task of its own: with it ends its claim on the bytes of answers in memory.
        await asyncio.create_task(provider.generate(call_request(job), sources, progress))
        held.note(remote=None, calls_done=job.calls_done + 1)
        if held.job.calls_done < job.calls:  # or the next start would take the next call for one that is under way
            await held.update(state=State.QUEUED)
        await self._rush.over()
        await look(held, self._spool)

    def _time_left(self, job: Job) -> float:
        now = datetime.now(UTC)
        left = self._draw_time - (now - (job.started or now))
        if job.tried or job.private:  # late already, and what nobody else may see is told by the token alone
            left = min(left, job.token_expires - self._now() - TOKEN_REST)
        return max(left, min(SECOND_CHANCE, self._draw_time)).total_seconds()

    def _has_time(self, job: Job, failure: Failure) -> bool:
        """A provider that says when it is ready again is believed, while the member's token lives."""
        return (failure.retry_after or 0) <= LONGEST_PAUSE and self._now() - job.created < DRAW_TIME


def _is_new(job: Job) -> bool:
    """Nobody has been asked for it, and somebody wants it."""
    return job.state is State.QUEUED and job.remote is None and not (job.drawn or job.cancelled)


def _asks_for_patience(job: Job, failure: Failure) -> bool:
    """A job that the provider did not take, because it wants a longer pause than a call waits."""
    untouched = failure.unaccepted and job.remote is None and not job.drawn
    busy = failure.kind in (RateLimited.__name__, Unavailable.__name__) and failure.field is None
    return untouched and busy and (failure.retry_after or 0) > LONGEST_PAUSE_IN_CALL


def _may_wait(shut: Failure) -> bool:
    """Not for a provider that is simply down: nobody knows for how long."""
    return shut.kind == RateLimited.__name__ or shut.field == "pause"
