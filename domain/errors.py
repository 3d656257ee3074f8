"""What can go wrong, and how a job ends. What is raised and what a job's row keeps are the same types.

Tree::

    EaselError
    ├── ProviderError        what a provider has answered, or has not
    │   ├── OutageError      it cannot draw just now
    │   │   ├── AuthError    it refuses the host's key
    │   │   ├── QuotaError   the host's account is out of credit
    │   │   ├── RateLimited  too many requests
    │   │   ├── Unavailable  it is down, or says that it failed
    │   │   └── Timeout      no picture within the time limit
    │   ├── InvalidRequest   it does not accept the request, or one option of it
    │   ├── ContentRejected  its content filter said no
    │   └── BadResponse      an answer that is no picture
    ├── NotAsked             the provider was left alone
    │   ├── Down             it has failed lately
    │   └── Paused           it has asked for a pause
    ├── NotPossible          Easel itself refuses the request: the tree goes on in domain/refusals.py
    ├── SwitchedOff          the host has switched the provider off
    ├── Interrupted          the bot stopped while it was unknown whether the provider had accepted the job
    ├── Cancelled            the member or an admin wanted it no more
    ├── PicturesGone         what was drawn can no longer be read
    └── Unexpected           an error in Easel itself
"""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform

from domain.numbers import Number
from domain.states import State

Outcome = TypeVar("Outcome")


class Acceptance(StrEnum):
    """Whether a provider has accepted a call, and so may want to be paid for it.

    `studio.work.payment` has the rule that depends on it: nothing is paid for twice.
    """

    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"
    TAKEN = "taken"


@dataclass_transform(kw_only_default=True, field_specifiers=(field,))
def outcome(kind: type[Outcome]) -> type[Outcome]:
    """A dataclass; comparing and showing are written once, in EaselError, for generated they would slow the start."""
    return dataclass(kw_only=True, eq=False, repr=False)(kind)


@outcome
class EaselError(Exception):
    """Anything that ends a request; `views.wording` makes sentences of it."""

    state: ClassVar[State] = State.FAILED
    """The state of a job that ends with this error."""

    detail: str = field(default="", kw_only=False)
    """For the log alone."""

    def __str__(self) -> str:
        return self.detail

    def __repr__(self) -> str:
        told = ", ".join(f"{name}={value!r}" for name, value in self._fields().items() if name != "kind")
        return f"{type(self).__name__}({told})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, EaselError) and type(self) is type(other) and self._fields() == other._fields()

    def __hash__(self) -> int:
        return hash(type(self))

    def _fields(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}


@outcome
class ProviderError(EaselError):
    """An answer of a provider that is no picture, or no answer."""

    said: str = ""
    """The provider's own words, which a member may read: on one line, without links."""
    reference: str | None = None
    """The provider's own id of what went wrong."""
    taken: Acceptance = Acceptance.UNKNOWN

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.detail, self.said)))

    @staticmethod
    @contextmanager
    def after_acceptance() -> Generator[None]:
        """Whatever fails inside concerns a job that has been accepted, and may be paid for."""
        try:
            yield
        except ProviderError as error:
            error.taken = Acceptance.TAKEN
            raise


@outcome
class OutageError(ProviderError):
    """The provider cannot draw just now."""

    retry_after: Number = None
    """Seconds until it may be asked again, where it says so."""
    blames_model: bool = False
    """It may be this model alone that does not work, or is closed to this key: another one may yet draw."""


@outcome
class AuthError(OutageError):
    """The provider does not accept the host's key."""

    kind: Literal["AuthError"] = "AuthError"


@outcome
class QuotaError(OutageError):
    """The host's account at the provider is out of credit."""

    kind: Literal["QuotaError"] = "QuotaError"


@outcome
class RateLimited(OutageError):
    """The provider gets too many requests."""

    kind: Literal["RateLimited"] = "RateLimited"


@outcome
class InvalidRequest(ProviderError):
    """The provider does not accept the request, or one option of it."""

    state = State.REFUSED
    kind: Literal["InvalidRequest"] = "InvalidRequest"
    option: str | None = None
    """The field of `ImageRequest` that is to blame, if that is known."""


@outcome
class ContentRejected(ProviderError):
    """The provider's content filter refuses the request or the picture."""

    state = State.REFUSED
    kind: Literal["ContentRejected"] = "ContentRejected"
    counts_against_member: bool = False
    """The provider shuts everybody out for a while when this happens again."""


class Cause(StrEnum):
    """Why a provider cannot draw, where it is Easel that knows, and not the provider that says so."""

    LOADING = "loading"
    """Its model is being loaded."""
    NO_WORKER = "no worker"
    """No volunteer serves this model at this size."""
    WORKERS_FAILED = "workers failed"
    OUT_OF_MEMORY = "out of memory"
    NO_CHECKPOINT = "no checkpoint"
    NO_API = "no API"
    """The server of the host's own runs without its API."""
    RESTARTED = "restarted"
    """The server was started anew while it drew, again and again."""
    STOPPED = "stopped"
    """Somebody else has stopped the job at the provider."""
    STREAM_ENDED = "stream ended"
    """Before its picture."""
    API_GONE = "API gone"
    """This version of the API is no more."""
    LINK_FAILS = "link fails"
    """The picture's link does not work."""
    NO_REASON = "no reason"
    """The server tells none."""


@outcome
class Unavailable(OutageError):
    """The provider is down, or reports that it failed."""

    kind: Literal["Unavailable"] = "Unavailable"
    option: str | None = None
    """The field of `ImageRequest` with which it cannot draw: with another value it may."""
    cause: Cause | None = None

    def __str__(self) -> str:
        return ": ".join(filter(None, (self.detail, self.cause, self.said)))


@outcome
class Timeout(OutageError):
    """No picture within the time limit."""

    kind: Literal["Timeout"] = "Timeout"


class Flaw(StrEnum):
    """What is wrong with an answer, where that makes a difference to whoever asked."""

    TOO_LONG = "too long"
    WITHHELD = "withheld"
    """The download of a picture is refused: a member's browser may have more luck with its link."""


@outcome
class BadResponse(ProviderError):
    """An answer without a picture, or one that cannot be read."""

    kind: Literal["BadResponse"] = "BadResponse"
    flaw: Flaw | None = None


Outages = AuthError | QuotaError | RateLimited | Unavailable | Timeout
OutageKind = Literal["AuthError", "QuotaError", "RateLimited", "Unavailable", "Timeout"]


@outcome
class NotAsked(EaselError):
    """A provider that is known to draw nothing just now."""

    cause: OutageKind
    """The kind of the error that has closed it."""
    retry_after: Number = None
    """Seconds; None while one job tries whether it is back."""


@outcome
class Down(NotAsked):
    """The provider's circuit breaker is open."""

    since: datetime
    kind: Literal["Down"] = "Down"


@outcome
class Paused(NotAsked):
    """The provider has asked for a pause."""

    kind: Literal["Paused"] = "Paused"


@outcome
class NotPossible(EaselError):
    """Refused by Easel itself, before anything is spent."""

    state = State.REFUSED


@outcome
class SwitchedOff(EaselError):
    """The host has switched the provider off since."""

    kind: Literal["SwitchedOff"] = "SwitchedOff"


@outcome
class Interrupted(EaselError):
    """The bot stopped while the provider may have accepted the job."""

    state = State.INTERRUPTED
    kind: Literal["Interrupted"] = "Interrupted"


@outcome
class Cancelled(EaselError):
    """The member or an admin has cancelled the job."""

    state = State.CANCELLED
    kind: Literal["Cancelled"] = "Cancelled"


@outcome
class PicturesGone(EaselError):
    """What was drawn can no longer be read from the spool."""

    kind: Literal["PicturesGone"] = "PicturesGone"


@outcome
class Unexpected(EaselError):
    """An error in Easel itself."""

    kind: Literal["Unexpected"] = "Unexpected"
