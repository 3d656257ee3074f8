"""How far a job is."""

from enum import StrEnum


class State(StrEnum):
    """promised -> queued -> sending -> waiting -> drawn -> one of the rest."""

    PROMISED = "promised"
    """The row is there, and its member is being told to wait."""
    QUEUED = "queued"
    SENDING = "sending"
    """The provider may or may not have accepted the job."""
    WAITING = "waiting"
    """The provider has accepted it, and we know how to ask for the result."""
    DRAWN = "drawn"
    """The outcome, good or bad, is known but not yet told."""
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


UNFINISHED = (State.PROMISED, State.QUEUED, State.SENDING, State.WAITING, State.DRAWN)
