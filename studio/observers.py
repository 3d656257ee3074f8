"""Who is told how jobs get on."""

from collections.abc import Callable
from dataclasses import dataclass

from domain import Job
from studio.lease import StageObserver, ignore_change


@dataclass(frozen=True)
class Observers:
    on_change: Callable[[Job], None] = ignore_change
    """Called with a job each time that its row has reached an outcome or a resting place."""
    on_stage: StageObserver = ignore_change
    """Called each time that a job has left a state."""
