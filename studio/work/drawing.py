"""Draws a queued job, and decides what follows a failure: another provider, a pause, or the end."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import NoReturn, TypeGuard

from domain import (
    Acceptance,
    Down,
    Failure,
    Job,
    NotAsked,
    OutageError,
    Paused,
    ProviderError,
    RateLimited,
    State,
    Unavailable,
)
from domain.jobs import JobChanges
from providers.http.calls import MAX_PAUSE_IN_CALL
from providers.kit.base import Provider
from studio.best_effort import best_effort
from studio.display import Delivery, Report
from studio.intake.pending import resume
from studio.lease import HeldJob
from studio.timing import DRAW_TIME, Timing
from studio.work.fallback_search import FallbackSearch
from studio.work.job_queue import TryLater
from studio.work.payment import acceptance, is_new, may_be_asked_again
from studio.work.provider_calls import ProviderCalls

log = logging.getLogger(__name__)

MAX_POSTPONE_SECONDS = 180.0


class Drawer:
    """Draws held jobs."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        calls: ProviderCalls,
        fallback: FallbackSearch,
        delivery: Delivery,
        timing: Timing = Timing(),  # noqa: B008 - it is frozen
    ) -> None:
        self._providers = providers
        self._calls = calls
        self._fallback = fallback
        self._delivery = delivery
        self._timing = timing

    def cancel(self, job_id: str) -> None:
        """Cancel a job that is being drawn in this process; no effect on others."""
        self._calls.cancel(job_id)

    async def draw(self, held: HeldJob) -> None:
        """Draw, and write the outcome into the row, or hand the job on to the next provider of the fallback chain.

        TryLater if the provider has asked for a pause and there is no fallback; TemporarilyUndeliverable.
        """
        if held.job.state is State.PROMISED and not await resume(held, self._delivery):
            return
        job, was_new = held.job, is_new(held.job)
        failure = await self._calls.make(held)
        if failure is None:
            await self._finish(held, None)
            return
        taken = acceptance(held.job, failure, self._providers.get(job.provider), was_new=was_new)
        if moved := await self._next_provider(held.job, failure, taken):
            log.warning("job %s: %s handed on, %s: %s", job.id, job.provider, failure.kind, failure)
            await self._calls.cancel_remote(held.job)
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

    async def _finish(self, held: HeldJob, failure: Failure | None) -> None:
        now = datetime.now(UTC)
        seconds = (now - (held.job.started or now)).total_seconds()
        # `remote` stays: Retry fetches its result without paying again.
        await held.update(state=State.DRAWN, failure=failure, seconds=seconds, release=True)

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
