"""One HTTP call: its time limits, its memory budget, and which attempts are sent again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypedDict

import aiohttp
from tenacity import AsyncRetrying, RetryCallState, retry_base, retry_if_exception, retry_if_result
from tenacity.wait import wait_exponential_jitter
from yarl import URL

from domain import Acceptance, BadResponse, Timeout, Unavailable
from providers.http.addresses import ADDRESS_REFUSED, LINK_REFUSED
from providers.http.answers import MAX_POLL_PAUSE, Answer
from providers.http.bodies import MIN_COUNTED_BYTES, FormPart, is_stream, multipart, read_body, stream_events
from providers.http.budget import MemoryBudget
from providers.http.events import Event
from providers.http.failures import ORIGIN_UNREACHABLE_STATUSES

MAX_ANSWER_BYTES = 96 * 1024 * 1024
"""Cap for a response that may hold several pictures in base64."""
MAX_BYTES_IN_MEMORY = 32 * 1024 * 1024
"""Responses in memory at once, each of which takes up to four times its size while it is parsed."""
CONNECT_SECONDS = 10.0
"""Time limit of opening a connection."""
MAX_PAUSE_IN_CALL = 30.0
"""A longer Retry-After ends the call: the job queue, or a fallback provider, handles it."""
CALL_ERRORS = (aiohttp.ClientError, TimeoutError, ConnectionError)
"""What an attempt without a complete response raises."""
RETRYABLE_POST_STATUSES = (429, 503, *ORIGIN_UNREACHABLE_STATUSES)
"""Statuses after which a POST is sent again: the call was not accepted."""
RETRYABLE_STATUSES = (408, 425, 500, 502, 504, 520, 522, 524, *RETRYABLE_POST_STATUSES)
"""Statuses after which an idempotent call is sent again."""

_exponential_backoff = wait_exponential_jitter(initial=1, max=20)


def acceptance_of(answer: Answer) -> Acceptance:
    """Whether a response's status says that the call was not accepted."""
    return Acceptance.NOT_TAKEN if answer.status in RETRYABLE_POST_STATUSES else Acceptance.UNKNOWN


class CallOptions(TypedDict, total=False):
    """Optional arguments of a call, as in `Call`."""

    headers: Mapping[str, str] | None
    json: Any
    form: Sequence[FormPart]
    tries: int
    seconds: float | None
    cap: int | None
    on_event: Callable[[Event], Awaitable[bool]] | None
    acceptance: Callable[[Answer], Acceptance]


class Call(NamedTuple):
    """A request with its limits."""

    method: str
    url: URL
    headers: Mapping[str, str] | None = None
    json: Any = None
    form: Sequence[FormPart] = ()
    """Sent as multipart, instead of `json`."""
    tries: int = 3
    seconds: float | None = None
    """Time limit of one attempt; None: the transport's default."""
    cap: int | None = None
    """Maximum bytes of the response; None: enough for pictures."""
    on_event: Callable[[Event], Awaitable[bool]] | None = None
    """Called with each server-sent event until it returns True; the response's body is empty then."""
    acceptance: Callable[[Answer], Acceptance] = acceptance_of
    """Judges whether a response says that the call was accepted."""
    max_pause: float = MAX_PAUSE_IN_CALL
    """Longest Retry-After, in seconds, after which it is sent again."""

    def body(self) -> dict[str, Any]:
        """Built for each attempt: a form can be read only once."""
        if self.form:
            return {"data": multipart(self.form)}
        return {} if self.json is None else {"json": self.json}


class Sender:
    """Sends calls with retries, under one memory budget."""

    def __init__(self, sleep: Callable[[float], Awaitable[None]], route: Callable[[URL], Mapping[str, Any]]) -> None:
        """sleep: waits between attempts. route: aiohttp's arguments for the way to a URL."""
        self._route = route
        self._budget = MemoryBudget(MAX_BYTES_IN_MEMORY)
        self._one_at_a_time = asyncio.Lock()
        self._sleep = sleep

    async def send(self, call: Call, session: aiohttp.ClientSession, fresh_session: aiohttp.ClientSession) -> Answer:
        """The response, whatever its status; raises Unavailable, Timeout or BadResponse.

        fresh_session: for the attempts after a broken connection.
        """
        acceptance, sessions = _CallAcceptance(call.acceptance), [session]

        async def attempt() -> Answer:
            try:
                return acceptance.after_answer(await self._attempt(call, sessions[-1]))
            except CALL_ERRORS as error:
                acceptance.after_error(error)
                sessions.append(fresh_session)  # other pooled connections may be dead, too
                raise

        retrying = AsyncRetrying(
            stop=lambda state: state.attempt_number >= call.tries or (_requested_pause(state) or 0) > call.max_pause,
            wait=_backoff_seconds,
            retry=_retry_if_not_taken(call.acceptance) if call.method == "POST" else _retry_idempotent,
            retry_error_callback=_last_outcome,
            sleep=self._sleep,
        )
        try:
            return await retrying(attempt)
        except CALL_ERRORS as error:
            raise error_for_exception(error, acceptance.taken) from None
        except UnicodeError:
            raise BadResponse("a link with an invalid host name") from None

    async def _attempt(self, call: Call, session: aiohttp.ClientSession) -> Answer:
        # aiohttp's own total loses a cancellation that comes in the same turn of the loop (measured on 3.14.5).
        limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
        cap, options = (
            call.cap or MAX_ANSWER_BYTES,
            {"timeout": limit, "allow_redirects": False, "headers": call.headers, **self._route(call.url)},
        )
        async with (
            asyncio.timeout(call.seconds) as deadline,
            session.request(call.method, call.url, **options, **call.body()) as response,
        ):
            reserve = partial(self._reserve, deadline)
            if call.on_event and is_stream(response):
                unread = await stream_events(response, cap, reserve, call.on_event)
                return Answer(response.status, response.headers, unread)
            content = await read_body(response, cap, reserve)
        if len(content) > MIN_COUNTED_BYTES:
            async with self._one_at_a_time:  # parsing it takes some milliseconds: one per iteration of the event loop
                await asyncio.sleep(0)
        return Answer(response.status, response.headers, content)

    async def _reserve(self, deadline: asyncio.Timeout, amount: int) -> None:
        """Reserve bytes with the deadline suspended: waiting for memory must not time a paid call out."""
        loop = asyncio.get_running_loop()
        left = (deadline.when() or loop.time()) - loop.time()
        deadline.reschedule(None)
        try:
            await self._budget.reserve(amount)
        finally:
            deadline.reschedule(loop.time() + left)


def error_for_exception(error: BaseException, taken: Acceptance) -> Timeout | BadResponse | Unavailable:
    """The Easel error for a connection error, without its text: that may hold a URL with secrets."""
    if isinstance(error, TimeoutError) and _acceptance_after(error) is not Acceptance.NOT_TAKEN:
        return Timeout("no full answer within the time limit")
    if ADDRESS_REFUSED in str(error):
        return BadResponse(LINK_REFUSED)
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return BadResponse("the result is no web link")
    return Unavailable(_connection_failure(error) or type(error).__name__, taken=taken)


def _connection_failure(error: BaseException) -> str | None:
    """What the host may have to mend, in words."""
    match error:
        case aiohttp.ClientProxyConnectionError():
            return "the proxy cannot be reached"
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses the connection ({error.status})"
        case aiohttp.ClientConnectorCertificateError():
            return "its certificate is not trusted; CA_FILE can name more that are"
        case _:
            return None


class _CallAcceptance:
    """Whether any attempt of one call may have been accepted by the provider."""

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
        self._record(_acceptance_after(error))

    def _record(self, taken: Acceptance) -> None:
        if taken is not Acceptance.NOT_TAKEN:
            self.taken = taken


def _acceptance_after(error: BaseException) -> Acceptance:
    """Whether an attempt that failed may have been accepted: without a connection, nothing was sent."""
    connecting = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
    never_sent = isinstance(error, connecting) and ADDRESS_REFUSED not in str(error)
    return Acceptance.NOT_TAKEN if never_sent else Acceptance.UNKNOWN


def _is_retryable(answer: Answer, statuses: Sequence[int]) -> bool:
    """OpenAI-compatible servers may forbid a retry by a header (OpenAI's official client honours it)."""
    return answer.status in statuses and answer.headers.get("x-should-retry") != "false"


def _retry_if_not_taken(judge: Callable[[Answer], Acceptance]) -> retry_base:
    """Retry rule for POST: only where it was surely not accepted."""
    return retry_if_exception(lambda error: _acceptance_after(error) is Acceptance.NOT_TAKEN) | retry_if_result(
        lambda answer: _is_retryable(answer, RETRYABLE_POST_STATUSES) and judge(answer) is Acceptance.NOT_TAKEN
    )


_retry_idempotent = retry_if_exception(
    lambda error: (
        isinstance(error, (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError))
        and ADDRESS_REFUSED not in str(error)
    )
) | retry_if_result(lambda answer: _is_retryable(answer, RETRYABLE_STATUSES))


def _requested_pause(state: RetryCallState) -> float | None:
    """Seconds of the last response's Retry-After, if any."""
    return state.outcome.result().retry_after() if state.outcome and not state.outcome.failed else None


def _backoff_seconds(state: RetryCallState) -> float:
    """Retry-After, if any, else exponential back-off."""
    seconds = _requested_pause(state)
    return _exponential_backoff(state) if seconds is None else min(seconds, MAX_POLL_PAUSE)


def _last_outcome(state: RetryCallState) -> Answer:
    """The last attempt's response, or its exception."""
    if state.outcome is None:
        raise Unavailable("no attempt was made")
    return state.outcome.result()
