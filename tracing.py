"""Trace hooks for discord.py's HTTP client: they record acknowledgement attempts, and measure the clock offset."""

import logging
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp

from views.interactions import ATTEMPTS

log = logging.getLogger("easel")

DATE_RESOLUTION = timedelta(seconds=1)
CALLBACK_PATH = "/callback"
"""End of the path that acknowledges an interaction."""
TOLERATED_OFFSET = timedelta(minutes=1)
"""Clock difference below which the host is not warned."""
LARGEST_OFFSET = timedelta(days=366)
"""A larger offset is ignored: with such a clock no certificate would be valid."""


class Interval(NamedTuple):
    """Bounds of a clock difference."""

    least: timedelta
    most: timedelta

    def intersection(self, other: "Interval | None") -> "Interval | None":
        """The intersection, if it is not empty."""
        if other is None or other.least > self.most or other.most < self.least:
            return None
        return Interval(max(self.least, other.least), min(self.most, other.most))


class DiscordClock:
    """Discord's time, from the Date headers of its answers.

    Each Date bounds the offset of the clocks, as it was written between request and answer. Overlapping bounds are
    intersected. Bounds that contradict the known ones replace them once the next answer confirms them.
    """

    def __init__(self) -> None:
        self._known: Interval | None = None
        self._contradicting: Interval | None = None
        """Bounds from the last answer, if they contradict the known ones."""
        self._warned = False

    @property
    def offset(self) -> timedelta:
        """How far this machine's clock is ahead of Discord's; 0 if it may be right, and until two answers agree."""
        if self._known is None or self._known.least <= timedelta() <= self._known.most:
            return timedelta()
        return -(self._known.least + self._known.most) / 2

    def now(self) -> datetime:
        return datetime.now(UTC) - self.offset

    def observe(self, date: datetime, received: datetime, took: timedelta) -> None:
        """date: an answer's Date. received: when, by this machine's clock. took: from request to answer."""
        least = date - received
        if abs(least) > LARGEST_OFFSET:
            return
        interval = Interval(least, least + DATE_RESOLUTION + took)
        agreed = interval.intersection(self._known) or interval.intersection(self._contradicting)
        self._contradicting = None if agreed else interval
        self._known = agreed or self._known
        self._warn()

    def _warn(self) -> None:
        if not self._warned and (warning := clock_warning(self.offset)):
            self._warned = True
            log.warning("%s", warning)


def clock_warning(offset: timedelta) -> str | None:
    """A sentence for the host if this machine's clock is a minute off or more."""
    if abs(offset) < TOLERATED_OFFSET:
        return None
    side = "ahead of" if offset > timedelta() else "behind"
    return f"This machine's clock is {abs(offset).total_seconds():.0f} s {side} Discord's: let NTP set it."


def add_hooks(trace: aiohttp.TraceConfig, clock: DiscordClock) -> aiohttp.TraceConfig:
    """Add the hooks to a trace of discord.py's HTTP client."""

    async def started(_: Any, context: SimpleNamespace, request: aiohttp.TraceRequestStartParams) -> None:
        context.started, context.sent = time.monotonic(), False
        context.attempts = ATTEMPTS.get() if request.url.path.endswith(CALLBACK_PATH) else None
        if context.attempts:
            context.attempts.begin()

    async def ended(_: Any, context: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
        if context.attempts:
            context.attempts.record_status(request.response.status)
        if date := _date(request.response.headers):
            clock.observe(date, datetime.now(UTC), timedelta(seconds=time.monotonic() - context.started))

    async def sent(_: Any, context: SimpleNamespace, __: aiohttp.TraceRequestHeadersSentParams) -> None:
        context.sent = True

    async def broke(_: Any, context: SimpleNamespace, __: aiohttp.TraceRequestExceptionParams) -> None:
        if context.attempts and context.sent:
            context.attempts.record_lost()

    trace.on_request_start.append(started)
    trace.on_request_headers_sent.append(sent)
    trace.on_request_end.append(ended)
    trace.on_request_exception.append(broke)
    return trace


def _date(headers: Mapping[str, str]) -> datetime | None:
    """The Date header; None if it is missing, unreadable, or from a cache."""
    try:
        moment = None if "Age" in headers else parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, OverflowError):
        return None
    return moment.replace(tzinfo=moment.tzinfo or UTC) if moment else None
