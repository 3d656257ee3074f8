"""What discord.py's requests tell on their way: how often one is tried, and what time it is on Discord."""

import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any

import aiohttp

from views.acknowledging import TRIES

log = logging.getLogger("easel")

RESOLUTION = timedelta(seconds=1)
"""Of a Date header."""
CALLBACK = "/callback"
"""How the path ends that answers an interaction."""
TOLERATED = timedelta(minutes=1)


class DiscordClock:
    """Discord's time, whatever this machine's clock says.

    Each answer's Date lies between the request and the answer, so it gives a range for the difference; the ranges
    of all answers together narrow it down. One that contradicts them means that a clock has been set.
    """

    def __init__(self) -> None:
        self._least, self._most = timedelta.min, timedelta.max
        self._warned = False

    @property
    def ahead(self) -> timedelta:
        """How far this machine is before Discord; 0 where it may be none, and until Discord has answered."""
        if self._least <= timedelta() <= self._most:
            return timedelta()
        return -(self._least + self._most) / 2

    def now(self) -> datetime:
        return datetime.now(UTC) - self.ahead

    def learn(self, told: datetime, received: datetime, took: timedelta) -> None:
        """told: an answer's Date. received: by this machine's clock. took: from the request to the answer."""
        least, most = told - received, told + RESOLUTION - (received - took)
        if least > self._most or most < self._least:
            self._least, self._most = least, most
        else:
            self._least, self._most = max(least, self._least), min(most, self._most)
        if not self._warned and (trouble := clock_trouble(self.ahead)):
            self._warned = True
            log.warning("%s", trouble)


def clock_trouble(ahead: timedelta) -> str | None:
    """A sentence for the host, where this machine's clock is a minute off or more."""
    if abs(ahead) < TOLERATED:
        return None
    side = "ahead of" if ahead > timedelta() else "behind"
    return f"This machine's clock is {abs(ahead).total_seconds():.0f} s {side} Discord's: let NTP set it."


def watch(trace: aiohttp.TraceConfig, clock: DiscordClock) -> aiohttp.TraceConfig:
    """Have a trace of discord.py's HTTP client count tries and read the time, too."""

    async def started(_: Any, context: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
        context.started, context.sent = time.monotonic(), False
        context.tries = TRIES.get() if request.url.path.endswith(CALLBACK) else None
        if context.tries:
            context.tries.begin()

    async def ended(_: Any, context: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
        if context.tries:
            context.tries.answered(request.response.status)
        if date := _date(request.response.headers.get("Date", "")):
            clock.learn(date, datetime.now(UTC), timedelta(seconds=time.monotonic() - context.started))

    async def sent(_: Any, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.sent = True

    async def broke(_: Any, context: SimpleNamespace, __: aiohttp.TraceRequestExceptionParams) -> None:
        if context.tries and context.sent:
            context.tries.lost()

    trace.on_request_start.append(started)
    trace.on_request_headers_sent.append(sent)
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(broke)
    return trace


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC)
