"""How far a job is."""

from enum import StrEnum


class State(StrEnum):
    """promised -> queued -> sending -> waiting -> drawn -> one of the rest."""

    PROMISED = "promised"
    """The row is written, and its interaction is being acknowledged."""
    QUEUED = "queued"
    SENDING = "sending"
    """The provider may or may not have accepted the job."""
    WAITING = "waiting"
    """The provider has accepted the job, and how to fetch its result is stored."""
    DRAWN = "drawn"
    """The outcome, pictures or a failure, is known but not delivered."""
    DELIVERED = "delivered"
    FAILED = "failed"
    REFUSED = "refused"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


UNFINISHED = (State.PROMISED, State.QUEUED, State.SENDING, State.WAITING, State.DRAWN)
