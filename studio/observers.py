"""Callbacks about the progress of jobs, such as for metrics."""

from collections.abc import Callable
from dataclasses import dataclass

from domain import Job
from studio.lease import StageObserver, ignore_change


@dataclass(frozen=True)
class Observers:
    on_change: Callable[[Job], None] = ignore_change
    """Called with a job when it is finished or parked."""
    on_stage: StageObserver = ignore_change
    """Called when a job has left a state."""
