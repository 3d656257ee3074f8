"""How long a job may take, and the time by which its reply deadline is told."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

DRAW_TIME = timedelta(minutes=10)
"""A job's time limit, well inside the 15 minutes in which Discord lets a reply be edited by its token."""


@dataclass(frozen=True)
class Timing:
    draw_time: timedelta = DRAW_TIME
    """For one job."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    """Where replies go, it may be another time than on this machine."""
