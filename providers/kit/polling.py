"""Polls a remote job until it has ended."""

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
"""Seconds in which a 404 is retried: the job may not have reached every server."""
MIN_FAILED_POLLS = 3
"""Consecutive failed polls, at least, before a job is given up."""


class PollIntervals(NamedTuple):
    """Seconds between polls, with exponential back-off."""

    first: float = 1.5
    longest: float = 5.0
    growth: float = 1.3
    silence_limit: float = 120.0
    """Seconds without an answer after which the job is given up; what is remembered of it stays."""


class JobEnded(Exception):
    """Raised by `ask` for an error that is the outcome of the job, not a failed poll."""

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
    """Poll until `is_done`, retrying failed polls; the job's deadline cancels it.

    Raises Timeout where the provider no longer knows the job.
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
        waited, begun = min(pause, pauses.longest), clock()  # a requested Retry-After does not count as silence
        elapsed += waited
        pause = min(pause * pauses.growth, pauses.longest)
        answer = await _ask_or_none(ask)
        if answer is None:
            failed, silent_seconds = failed + 1, silent_seconds + waited + clock() - begun
            if failed >= MIN_FAILED_POLLS and silent_seconds > pauses.silence_limit:
                raise Unavailable("too many polls failed")
            await progress.report()  # clears the last report, which is outdated
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
    """One poll; None where it failed."""
    try:
        return await ask()
    except (Unavailable, Timeout) as error:
        log.info("a poll failed and is repeated: %s", error)
        return None


def _is_transient(answer: Answer) -> bool:
    return isinstance(answer.error(), (Unavailable, Timeout, RateLimited))
