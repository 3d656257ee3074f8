"""What is worth sending again, and after which pause."""

from collections.abc import Callable, Sequence

import aiohttp
from tenacity import RetryCallState, retry_base, retry_if_exception, retry_if_result
from tenacity.wait import wait_exponential_jitter

from domain import Unavailable
from providers.http.answers import LONGEST_WAIT, Answer
from providers.http.failures import NEVER_ARRIVED
from providers.http.guard import REFUSAL

NOT_ACCEPTED = (429, 503, *NEVER_ARRIVED)
RETRIED = (408, 425, 500, 502, 504, 520, 522, 524, *NOT_ACCEPTED)

_backoff = wait_exponential_jitter(initial=1, max=20)


def not_sent(error: BaseException) -> bool:
    connecting = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError)
    return isinstance(error, connecting) and REFUSAL not in str(error)


def _is_worth_repeating(answer: Answer, statuses: Sequence[int]) -> bool:
    """OpenAI, and who speaks like it, may say that a second try is in vain (its official client's source)."""
    return answer.status in statuses and answer.headers.get("x-should-retry") != "false"


def not_taken(answer: Answer) -> bool:
    """Whether such an answer proves that a call was not taken."""
    return answer.status in NOT_ACCEPTED


def surely_not_taken(proof: Callable[[Answer], bool]) -> retry_base:
    """Where a POST may be sent again."""
    return retry_if_exception(not_sent) | retry_if_result(
        lambda answer: _is_worth_repeating(answer, NOT_ACCEPTED) and proof(answer)
    )


class Doubt:
    """Whether a call may have been taken, by what became of its tries so far."""

    def __init__(self, proof: Callable[[Answer], bool]) -> None:
        self._proof = proof
        self.untaken = True

    def after(self, answer: Answer) -> Answer:
        """The answer to a try, which knows whether its call may have been taken whatever it says itself."""
        before, self.untaken = self.untaken, self.untaken and self._proof(answer)
        return answer.having(maybe_taken=not before or (not_taken(answer) and not self.untaken))

    def after_break(self, error: BaseException) -> None:
        """A try that was answered by nothing whole."""
        self.untaken = self.untaken and not_sent(error)


safe_to_repeat = retry_if_exception(
    lambda error: (
        isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError)) and REFUSAL not in str(error)
    )
) | retry_if_result(lambda answer: _is_worth_repeating(answer, RETRIED))


def told(state: RetryCallState) -> float | None:
    """For how many seconds the server asks, if it does."""
    return state.outcome.result().retry_after() if state.outcome and not state.outcome.failed else None


def pause_before(state: RetryCallState) -> float:
    seconds = told(state)
    return _backoff(state) if seconds is None else min(seconds, LONGEST_WAIT)


def last_outcome(state: RetryCallState) -> Answer:
    if state.outcome is None:
        raise Unavailable("no try was made")
    return state.outcome.result()
