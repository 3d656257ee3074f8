"""What discord.py's requests tell on their way: how often one is tried, and what time it is on Discord."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp

from views.acknowledging import TRIES

log = logging.getLogger("easel")

RESOLUTION = timedelta(seconds=1)
"""Of a Date header."""
CALLBACK = "/callback"
"""How the path ends that answers an interaction."""
TOLERATED = timedelta(minutes=1)
FARTHEST = timedelta(days=366)
"""A Date that is farther off is none: no certificate would be valid by such a clock."""


class Span(NamedTuple):
    """Between what two a difference lies."""

    least: timedelta
    most: timedelta

    def shared(self, other: "Span | None") -> "Span | None":
        """What lies in both, if anything does."""
        if other is None or other.least > self.most or other.most < self.least:
            return None
        return Span(max(self.least, other.least), min(self.most, other.most))


class DiscordClock:
    """Discord's time, whatever this machine's clock says.

    Each answer's Date lies between the request and the answer, so it gives a span for the difference; those that agree
    narrow it down. Two in a row that agree with each other alone mean that a clock has been set; one tells nothing.
    """

    def __init__(self) -> None:
        self._known: Span | None = None
        self._doubted: Span | None = None
        """By the last answer, if it agreed with none before it."""
        self._warned = False

    @property
    def ahead(self) -> timedelta:
        """How far this machine is before Discord; 0 where it may be none, and until two answers agree."""
        if self._known is None or self._known.least <= timedelta() <= self._known.most:
            return timedelta()
        return -(self._known.least + self._known.most) / 2

    def now(self) -> datetime:
        return datetime.now(UTC) - self.ahead

    def learn(self, told: datetime, received: datetime, took: timedelta) -> None:
        """told: an answer's Date. received: by this machine's clock. took: from the request to the answer."""
        least = told - received
        if abs(least) > FARTHEST:
            return
        span = Span(least, least + RESOLUTION + took)
        agreed = span.shared(self._known) or span.shared(self._doubted)
        self._doubted = None if agreed else span
        self._known = agreed or self._known
        self._warn()

    def _warn(self) -> None:
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
        if date := _date(request.response.headers):
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


def _date(headers: Mapping[str, str]) -> datetime | None:
    """When this was answered; None where that is not told, or where it comes out of a cache."""
    try:
        moment = None if "Age" in headers else parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
