"""Retry rules: which attempts are sent again, and the back-off between them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import aiohttp
from tenacity import RetryCallState, retry_base, retry_if_exception, retry_if_result
from tenacity.wait import wait_exponential_jitter

from domain import Acceptance, Unavailable
from providers.http.answers import MAX_POLL_PAUSE, Answer
from providers.http.failures import ORIGIN_UNREACHABLE_STATUSES
from providers.http.guard import ADDRESS_REFUSED

NOT_ACCEPTED_STATUSES = (429, 503, *ORIGIN_UNREACHABLE_STATUSES)
"""Statuses that say that the call was not accepted."""
RETRYABLE_STATUSES = (408, 425, 500, 502, 504, 520, 522, 524, *NOT_ACCEPTED_STATUSES)

_exponential_backoff = wait_exponential_jitter(initial=1, max=20)


def acceptance_after(error: BaseException) -> Acceptance:
    """Whether an attempt that failed may have been accepted: without a connection, nothing was sent."""
    connecting = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    never_sent = isinstance(error, connecting) and ADDRESS_REFUSED not in str(error)
    return Acceptance.NOT_TAKEN if never_sent else Acceptance.UNKNOWN


def acceptance_of(answer: Answer) -> Acceptance:
    """Whether a response's status says that the call was not accepted."""
    return Acceptance.NOT_TAKEN if answer.status in NOT_ACCEPTED_STATUSES else Acceptance.UNKNOWN


def _is_retryable(answer: Answer, statuses: Sequence[int]) -> bool:
    """OpenAI-compatible servers may forbid a retry by a header (OpenAI's official client honours it)."""
    return answer.status in statuses and answer.headers.get("x-should-retry") != "false"


def retry_if_not_taken(judge: Callable[[Answer], Acceptance]) -> retry_base:
    """Retry rule for POST: only where it was surely not accepted."""
    return retry_if_exception(lambda error: acceptance_after(error) is Acceptance.NOT_TAKEN) | retry_if_result(
        lambda answer: _is_retryable(answer, NOT_ACCEPTED_STATUSES) and judge(answer) is Acceptance.NOT_TAKEN
    )


class Attempts:
    """Whether any attempt of one call may have been accepted."""

    def __init__(self, judge: Callable[[Answer], Acceptance]) -> None:
        self._judge = judge
        self.taken = Acceptance.NOT_TAKEN

    def after_answer(self, answer: Answer) -> Answer:
        """The response, with `taken` set where an earlier attempt may have been accepted."""
        before = self.taken
        self._record(self._judge(answer))
        is_implied_by_status = before is Acceptance.NOT_TAKEN and self.taken is acceptance_of(answer)
        return answer if is_implied_by_status else replace(answer, taken=self.taken)

    def after_error(self, error: BaseException) -> None:
        """Record an attempt that ended without a complete response."""
        self._record(acceptance_after(error))

    def _record(self, taken: Acceptance) -> None:
        if taken is not Acceptance.NOT_TAKEN:
            self.taken = taken


retry_idempotent = retry_if_exception(
    lambda error: (
        isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError))
        and ADDRESS_REFUSED not in str(error)
    )
) | retry_if_result(lambda answer: _is_retryable(answer, RETRYABLE_STATUSES))


def requested_pause(state: RetryCallState) -> float | None:
    """Seconds of the last response's Retry-After, if any."""
    return state.outcome.result().retry_after() if state.outcome and not state.outcome.failed else None


def backoff_seconds(state: RetryCallState) -> float:
    seconds = requested_pause(state)
    return _exponential_backoff(state) if seconds is None else min(seconds, MAX_POLL_PAUSE)


def last_outcome(state: RetryCallState) -> Answer:
    if state.outcome is None:
        raise Unavailable("no try was made")
    return state.outcome.result()
