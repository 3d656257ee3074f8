"""Asking for a job's outcome until there is one."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from domain import EaselError, ProviderError, RateLimited, Timeout, Unavailable
from providers.http.answers import MAX_POLL_PAUSE, Answer
from providers.http.transport import Transport
from providers.kit.base import Progress

log = logging.getLogger(__name__)

NOT_FOUND_GRACE_SECONDS = 6.0
"""A 404 in the first seconds may be a job that has not reached every server yet."""
MIN_FAILED_POLLS = 3
"""At least this many polls have to fail before a provider counts as silent."""


class PollIntervals(NamedTuple):
    """Seconds before the first poll, and before the slowest; each is longer than the one before."""

    first: float = 1.5
    longest: float = 5.0
    growth: float = 1.3
    silence_limit: float = 120.0
    """How long polls may go unanswered before the job is given up; what is remembered of it stays."""


class JobEnded(Exception):
    """Raised by `ask` where an answer ends the whole job: its error alone might count as a poll that failed."""

    def __init__(self, error: EaselError) -> None:
        super().__init__(error)
        self.error = error


async def poll(
    transport: Transport,
    progress: Progress,
    ask: Callable[[], Awaitable[Answer]],
    is_done: Callable[[Answer], Awaitable[bool]],
    pauses: PollIntervals = PollIntervals(),  # noqa: B008 - it is frozen
) -> None:
    """Until `is_done`; the job's own time limit ends it from outside. Timeout where the job is no longer known.

    The job has been accepted, so a poll that fails is made again.
    """
    with ProviderError.after_acceptance():
        try:
            await _poll(transport, progress, ask, is_done, pauses)
        except JobEnded as ended:
            raise ended.error from None


async def _poll(
    transport: Transport,
    progress: Progress,
    ask: Callable[[], Awaitable[Answer]],
    is_done: Callable[[Answer], Awaitable[bool]],
    pauses: PollIntervals,
) -> None:
    pause, elapsed, failed, silent_seconds = pauses.first, 0.0, 0, 0.0
    clock = asyncio.get_running_loop().time
    while True:
        await transport.sleep(pause * random.uniform(0.9, 1.1))  # noqa: S311 - spreads the polls, guards nothing
        waited, begun = min(pause, pauses.longest), clock()  # a pause that was asked for is no silence
        elapsed += waited
        pause = min(pause * pauses.growth, pauses.longest)
        answer = await _ask_or_none(ask)
        if answer is None:
            failed, silent_seconds = failed + 1, silent_seconds + waited + clock() - begun
            if failed >= MIN_FAILED_POLLS and silent_seconds > pauses.silence_limit:
                raise Unavailable("silent")
            await progress.report()  # what the provider told before is not shown any longer
            continue
        failed, silent_seconds = 0, 0.0
        if _is_transient(answer) or (answer.status == 404 and elapsed < NOT_FOUND_GRACE_SECONDS):
            pause = max(pause, min(answer.retry_after() or 0, MAX_POLL_PAUSE))
            continue
        if answer.status in (404, 410):
            await progress.forget()
            raise Timeout(f"{answer.status}: the provider no longer knows the job")
        if await is_done(answer.raise_for_status()):
            return


async def _ask_or_none(ask: Callable[[], Awaitable[Answer]]) -> Answer | None:
    """One poll; None where nothing came of it."""
    try:
        return await ask()
    except (Unavailable, Timeout) as error:
        log.info("a poll failed, asking again: %s", error)
        return None


def _is_transient(answer: Answer) -> bool:
    return isinstance(answer.error(), (Unavailable, Timeout, RateLimited))
