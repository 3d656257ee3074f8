"""What can go wrong, and how a job ends.

Tree::

    EaselError
    ├── AuthError        the provider refuses the host's key
    ├── QuotaError       the host's account is out of credit
    ├── RateLimited      too many requests; retry_after in seconds
    ├── InvalidRequest   an option that the model does not take; field and what it takes
    ├── ContentRejected  a content filter said no
    ├── Unavailable      the provider is down or says that it failed
    ├── Timeout          no picture within the time limit
    ├── BadResponse      an answer that is no picture
    ├── Interrupted      the bot stopped while it was unknown whether the provider had accepted the job
    ├── Cancelled        the member or an admin wanted it no more
    └── QueueFull        no room for more; field says of what, takes how many there may be
"""

from collections.abc import Generator
from contextlib import contextmanager
from enum import StrEnum
from typing import ClassVar

from domain.frozen import Frozen
from domain.numbers import Number


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


class Failure(Frozen):
    """An error as a row keeps it."""

    kind: str
    detail: str = ""
    """For the log; what of it a member may read is decided where errors are worded."""
    field: str | None = None
    takes: str | None = None
    subject: str | None = None
    """The title of the model, or of the provider, that does not take it."""
    retry_after: Number = None
    reference: str | None = None
    """The provider's own id of what went wrong."""
    unaccepted: bool = False
    """The provider surely did not take the job: another one may, and nothing is paid twice."""
    unsure: bool = False
    """It may have taken the job, and be paid, though nothing can be asked for."""
    answered: bool = False
    """The provider is there, and says itself that it failed, for which the model may be to blame: with another of its
    models it may yet draw."""


NOT_ASKED = ("outage", "pause")
"""Fields of failures where the provider was not asked at all: it is down, or has said when to come again."""


class EaselError(Exception):
    """Anything that ends a request and is worded for the member. The tree is at the top of this file."""

    state: ClassVar[State] = State.FAILED
    """The state of a job that ends with this error."""

    def __init__(
        self,
        detail: str = "",
        *,
        field: str | None = None,
        takes: str | None = None,
        subject: str | None = None,
        retry_after: float | None = None,
        reference: str | None = None,
        unaccepted: bool = False,
        unsure: bool = False,
        answered: bool = False,
    ) -> None:
        super().__init__(detail)
        self.failure = Failure(
            kind=type(self).__name__,
            detail=detail,
            field=field,
            takes=takes,
            subject=subject,
            retry_after=retry_after,
            reference=reference,
            unaccepted=unaccepted,
            unsure=unsure,
            answered=answered,
        )

    @staticmethod
    @contextmanager
    def after_acceptance() -> Generator[None]:
        """Whatever fails inside concerns a job that has been taken, and may be paid for."""
        try:
            yield
        except EaselError as error:
            error.failure = error.failure.model_copy(update={"unaccepted": False})
            raise

    @staticmethod
    def revive(failure: Failure) -> "EaselError":
        """The error that a row has kept."""
        kinds = {kind.__name__: kind for kind in EaselError.__subclasses__()}
        return kinds.get(failure.kind, EaselError)(**failure.model_dump(exclude={"kind"}))


class AuthError(EaselError): ...


class QuotaError(EaselError): ...


class RateLimited(EaselError): ...


class InvalidRequest(EaselError):
    state = State.REFUSED


class ContentRejected(EaselError):
    state = State.REFUSED


class Unavailable(EaselError): ...


class Timeout(EaselError): ...


class BadResponse(EaselError): ...


class Interrupted(EaselError):
    state = State.INTERRUPTED


class Cancelled(EaselError):
    state = State.CANCELLED


class QueueFull(EaselError):
    state = State.REFUSED
