"""Who is told how jobs get on."""

from collections.abc import Callable
from dataclasses import dataclass

from domain import Job
from studio.lease import Stage, unwatched


@dataclass(frozen=True)
class Watch:
    on_change: Callable[[Job], None] = unwatched
    """Called with a job each time that its row has reached an outcome or a resting place."""
    on_stage: Stage = unwatched
    """Called each time that a job has left a state."""
