"""A job's time limit, and the clock of its reply deadline."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DRAW_TIME = timedelta(minutes=10)
"""A job's time limit, well inside the 15 minutes in which Discord lets a reply be edited by its token."""


@dataclass(frozen=True)
class Timing:
    draw_time: timedelta = DRAW_TIME
    """Time limit of one job."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Discord's clock, which may differ from this machine's."""
