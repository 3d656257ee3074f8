"""The job that a request becomes, its pictures, and a server's settings."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Self, TypedDict, Unpack, cast

from domain.errors import OutageKind
from domain.frozen import Frozen
from domain.models import Size
from domain.numbers import Seconds, Seed
from domain.outcomes import Credit, Failure, Note
from domain.prices import Cost
from domain.requests import ImageRequest
from domain.states import State

Presentation = Literal["unread", "shown", "converted", "mended", "file"]
"""How a picture is sent: not examined yet; as the provider's own file; as a PNG of a kind that Discord does not show;
as a PNG of what could be decoded of a damaged file; or as the provider's file to download, as it cannot be shown."""


class Picture(Frozen):
    """A picture from a provider: its bytes, or a link if they could not be downloaded."""

    data: bytes = b""
    link: str | None = None
    seed: Seed = None
    seconds: Seconds = None
    """Drawing time, as the provider reports it."""
    note: Note | None = None
    credit: Credit | None = None


class DrawnChanges(TypedDict, total=False):
    """Fields of a drawn picture that may change."""

    key: str | None
    size: Size | None
    kind: str | None
    way: Presentation


class Drawn(Frozen):
    """A picture that a job has received: its key in the spool, or its link."""

    call: int
    """Index of the call to the provider, from 0."""
    item: int = 0
    """Index among the pictures of that call, from 0."""
    key: str | None = None
    link: str | None = None
    size: Size | None = None
    """After its EXIF orientation is applied."""
    kind: str | None = None
    """File format of what the provider sent: a key of domain.kinds.KINDS."""
    way: Presentation = "shown"
    seed: Seed = None
    seconds: Seconds = None
    note: Note | None = None
    credit: Credit | None = None

    def having(self, **changes: Unpack[DrawnChanges]) -> "Drawn":
        """A changed copy."""
        return self.model_copy(update=changes)


class Destination(TypedDict, total=False):
    """The fields of `Origin` without `id` and `private`."""

    application_id: int
    guild_id: int | None
    channel_id: int | None
    user_id: int
    reply_token: str | None
    reply_deadline: datetime
    file_limit: int
    message_id: int | None


class Origin(Frozen):
    """Where a request came from, and so where its pictures are delivered."""

    id: str
    """Id of the interaction behind it: a replayed interaction makes no second job."""
    application_id: int
    guild_id: int | None
    channel_id: int | None
    """None if Discord did not name it: then only the reply token can deliver there."""
    user_id: int
    reply_token: str | None
    """Lets the reply be edited until its deadline; a secret, dropped when the job ends."""
    reply_deadline: datetime
    file_limit: int
    """Maximum bytes of one attachment."""
    message_id: int | None = None
    private: bool = False

    def destination(self) -> Destination:
        """The same destination, for another job."""
        return cast("Destination", {name: getattr(self, name) for name in Destination.__annotations__})


class DeliveryRefusal(StrEnum):
    """Why Discord does not take a delivery."""

    EXPLICIT = "explicit"
    BLOCKED = "blocked"
    """By a filter for words or links."""
    NO_RIGHT = "no right"
    TOO_LARGE = "too large"
    TOO_LARGE_ANYWHERE = "too large anywhere"
    """Larger than any message may be."""
    TOO_MANY = "too many"
    """More than one message takes."""
    CLOSED = "closed"
    """A thread that is archived or locked."""
    INVALID = "invalid"
    """The file, or the message around it."""
    GONE = "gone"
    """The message or its channel has been deleted."""
    EXPIRED = "expired"
    """The reply token has expired, and nothing else can deliver there."""
    OTHER = "other"


class FailedDelivery(Frozen):
    """The last failed delivery of a parked job."""

    kind: DeliveryRefusal
    code: int | None = None
    """Discord's error code."""
    times: int = 1
    """Failed deliveries in a row."""
    rest: bool = False
    """Some of its pictures have been delivered already."""


class Tried(Frozen):
    """A provider that was tried before the current one."""

    provider: str
    kind: OutageKind
    """Kind of the error that led to the next provider."""
    asked: bool = True
    """False: its circuit breaker was open, so no call was made."""


class Planned(TypedDict, total=False):
    """The fields of `Plan`."""

    request: ImageRequest
    provider: str
    model: str
    model_title: str
    cost: Cost | None
    calls: int
    upscales: bool
    notes: tuple[Note, ...]


class Plan(Frozen):
    """Which provider and model draw a request, and how; falling back to another provider makes a new plan."""

    request: ImageRequest
    """Complete: defaults are filled in."""
    provider: str
    model: str
    model_title: str
    cost: Cost | None = None
    calls: int = 1
    """Calls to the provider's API."""
    upscales: bool = False
    """Whether the provider can upscale its pictures."""
    notes: tuple[Note, ...] = ()
    """Remarks for the receipt."""

    def plan(self) -> Planned:
        """The plan's fields, for a job that follows it."""
        return cast("Planned", {name: getattr(self, name) for name in Planned.__annotations__})


class JobChanges(Destination, Planned, total=False):
    """Fields of a job that may change."""

    private: bool
    asked: ImageRequest | None
    tried: tuple[Tried, ...]
    state: State
    calls_done: int
    remote: dict[str, Any] | None
    drawn: tuple[Drawn, ...]
    failure: Failure | None
    parked: bool
    refused: FailedDelivery | None
    parent: str | None
    seconds: float | None
    created: datetime
    started: datetime | None


class Job(Origin, Plan):
    """A checked request, bound to a provider and a model."""

    asked: ImageRequest | None = None
    """The request as the member made it; kept if a fallback may have to plan it anew."""
    tried: tuple[Tried, ...] = ()
    state: State = State.QUEUED
    calls_done: int = 0
    remote: dict[str, Any] | None = None
    """What the provider asked to remember of the current call, such as its remote job's id."""
    drawn: tuple[Drawn, ...] = ()
    failure: Failure | None = None
    parked: bool = False
    """Drawn but not delivered: it waits for its owner's `/recover`."""
    refused: FailedDelivery | None = None
    """Why it is parked; None for jobs that an earlier version has parked."""
    cancelled: bool = False
    """Cancellation is asked for; the process that holds the job ends it."""
    parent: str | None = None
    """Id of the job that this one repeats, retries or upscales."""
    seconds: float | None = None
    """From the first call to the last picture."""
    created: datetime = datetime.min.replace(tzinfo=UTC)
    started: datetime | None = None

    def having(self, **changes: Unpack[JobChanges]) -> Self:
        """A changed copy."""
        return self.model_copy(update=changes)


class Finished(NamedTuple):
    """How many finished requests of a member are stored, and how many of them have pictures that wait."""

    requests: int = 0
    waiting: int = 0


class SettingsChanges(TypedDict, total=False):
    """Settings that may change."""

    provider: str | None
    model: str | None
    size: Size | None
    private: bool
    safety_checker: bool
    refiner: bool
    chain: tuple[str, ...]


class Settings(Frozen):
    """The settings of a server; None: the bot's default."""

    provider: str | None = None
    model: str | None = None
    size: Size | None = None
    private: bool = False
    safety_checker: bool = True
    refiner: bool = False
    chain: tuple[str, ...] = ()
    """Names of the fallback providers, in their order."""

    def having(self, **changes: Unpack[SettingsChanges]) -> "Settings":
        """A changed copy."""
        return self.model_copy(update=changes)
