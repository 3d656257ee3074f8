"""One HTTP call with retries, time limits and a memory budget."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypedDict

import aiohttp
from tenacity import AsyncRetrying
from yarl import URL

from domain import Acceptance, BadResponse, Timeout, Unavailable
from providers.http.answers import Answer
from providers.http.bodies import MIN_COUNTED_BYTES, Part, is_stream, multipart, read_body, stream_events
from providers.http.budget import MemoryBudget
from providers.http.events import Event
from providers.http.guard import ADDRESS_REFUSED
from providers.http.retries import (
    Attempts,
    acceptance_after,
    acceptance_of,
    backoff_seconds,
    last_outcome,
    requested_pause,
    retry_idempotent,
    retry_if_not_taken,
)

MAX_ANSWER_BYTES = 96 * 1024 * 1024
MAX_BYTES_IN_MEMORY = 32 * 1024 * 1024
"""Responses in memory at once, each of which takes up to four times its size while it is parsed."""
CONNECT_SECONDS = 10.0
MAX_PAUSE_IN_CALL = 30.0
"""A longer Retry-After ends the call: the job queue, or a fallback provider, handles it."""
CONNECTION_ERRORS = (aiohttp.ClientError, TimeoutError, ConnectionError)


class CallOptions(TypedDict, total=False):
    """Optional arguments of a call, as in `Call`."""

    headers: Mapping[str, str] | None
    json: Any
    form: Sequence[Part]
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
    form: Sequence[Part] = ()
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

    def __init__(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """sleep: waits between attempts."""
        self._budget = MemoryBudget(MAX_BYTES_IN_MEMORY)
        self._one_at_a_time = asyncio.Lock()
        self._sleep = sleep

    async def send(self, call: Call, session: aiohttp.ClientSession, fresh_session: aiohttp.ClientSession) -> Answer:
        """The response, whatever its status; raises Unavailable, Timeout or BadResponse.

        fresh_session: for the attempts after a broken connection.
        """
        attempts, sessions = Attempts(call.acceptance), [session]

        async def attempt() -> Answer:
            try:
                return attempts.after_answer(await self._attempt(call, sessions[-1]))
            except CONNECTION_ERRORS as error:
                attempts.after_error(error)
                sessions.append(fresh_session)  # other pooled connections may be dead, too
                raise

        retrying = AsyncRetrying(
            stop=lambda state: state.attempt_number >= call.tries or (requested_pause(state) or 0) > call.max_pause,
            wait=backoff_seconds,
            retry=retry_if_not_taken(call.acceptance) if call.method == "POST" else retry_idempotent,
            retry_error_callback=last_outcome,
            sleep=self._sleep,
        )
        try:
            return await retrying(attempt)
        except CONNECTION_ERRORS as error:
            raise error_for_exception(error, attempts.taken) from None
        except UnicodeError:
            raise BadResponse("a link whose host is no name") from None

    async def _attempt(self, call: Call, session: aiohttp.ClientSession) -> Answer:
        # aiohttp's own total loses a cancellation that comes in the same turn of the loop (measured on 3.14.5).
        limit = aiohttp.ClientTimeout(total=None, connect=CONNECT_SECONDS)
        cap, options = (
            call.cap or MAX_ANSWER_BYTES,
            {"timeout": limit, "allow_redirects": False, "headers": call.headers},
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
    if isinstance(error, TimeoutError) and acceptance_after(error) is not Acceptance.NOT_TAKEN:
        return Timeout("no full answer within the time limit")
    if ADDRESS_REFUSED in str(error):
        return BadResponse("the result's link leads to an address that is not allowed")
    if isinstance(error, (aiohttp.InvalidURL, aiohttp.NonHttpUrlClientError)):
        return BadResponse("the result is no web link")
    return Unavailable(type(error).__name__, taken=taken)
