"""A request, and the job that it becomes."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Literal, Self, TypedDict, Unpack, cast

from domain.errors import OutageKind
from domain.frozen import Frozen
from domain.models import Size
from domain.numbers import Seconds, Seed
from domain.outcomes import Failure, Note
from domain.states import State

Way = Literal["unread", "shown", "converted", "mended", "file"]
"""How a picture is handed over: not known yet, for nobody has looked at it; the very file; a PNG of it, for Discord
does not show its kind; a PNG of what could be read of a damaged one; or the very file as something to download, for it
cannot be shown."""


class Upload(Frozen):
    """A file that a member attached: where Discord keeps it, and under which key the spool does."""

    url: str | None
    size: Size | None = None
    """As Discord tells it; the file itself is checked when it is read."""
    key: str | None = None


class ImageRequest(Frozen):
    """What a member asks for. None means: the server's or the model's default."""

    prompt: str
    negative_prompt: str | None = None
    provider: str | None = None
    model: str | None = None
    size: Size | None = None
    image: Upload | None = None
    mask: Upload | None = None
    strength: float | None = None
    count: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    quality: str | None = None
    style: str | None = None
    transparent: bool | None = None
    """True: on no background."""
    refiner: bool | None = None
    safety_checker: bool | None = None
    private: bool | None = None
    upscale: bool = False
    """Only make the image larger."""


class Sources(Frozen):
    """The images behind a request: checked, stripped bytes, and Discord's own link to the original."""

    image: bytes | None = None
    """PNG, RGB or RGBA."""
    mask: bytes | None = None
    """PNG, 8-bit greyscale, white = repaint, of the image's size."""
    image_url: str | None = None


class Picture(Frozen):
    """A picture as a provider hands it over: its bytes, or a link where they could not be fetched."""

    data: bytes = b""
    link: str | None = None
    seed: Seed = None
    seconds: Seconds = None
    """How long the provider says that it took."""


class Drawn(Frozen):
    """A picture in the spool, as the job's row knows it."""

    call: int
    """Which of the job's calls made it, from 0."""
    item: int = 0
    """Which of the call's pictures it is, from 0."""
    key: str | None = None
    link: str | None = None
    size: Size | None = None
    """As a viewer shows it."""
    kind: str | None = None
    """What the provider sent: one of domain.kinds."""
    way: Way = "shown"
    seed: Seed = None
    seconds: Seconds = None


class Place(TypedDict, total=False):
    """Fields of `Origin`: all but whose it is by its id, and who may see it."""

    application_id: int
    guild_id: int | None
    channel_id: int | None
    user_id: int
    token: str | None
    token_expires: datetime
    upload_limit: int
    message_id: int | None


class Origin(Frozen):
    """Where a job came from, and so where its pictures go."""

    id: str
    """The id of the interaction that caused it."""
    application_id: int
    guild_id: int | None
    channel_id: int | None
    """None where it was not told: then only the interaction's token leads there."""
    user_id: int
    token: str | None
    """The interaction's; a secret, dropped when the job ends."""
    token_expires: datetime
    upload_limit: int
    """Bytes that one attachment may have."""
    message_id: int | None = None
    private: bool = False

    def place(self) -> Place:
        """Where the pictures go, for a job that is asked for from here."""
        return cast("Place", {name: getattr(self, name) for name in Place.__annotations__})


class Refusal(StrEnum):
    """Why a place does not take pictures."""

    EXPLICIT = "explicit"
    BLOCKED = "blocked"
    """By a filter of words or links."""
    NO_RIGHT = "no right"
    TOO_LARGE = "too large"
    TOO_LARGE_ANYWHERE = "too large anywhere"
    """No message takes so much."""
    TOO_MANY = "too many"
    """For one message."""
    CLOSED = "closed"
    """A thread that is archived or locked."""
    INVALID = "invalid"
    """The file, or the message around it."""
    GONE = "gone"
    """The message or its channel: somebody has deleted it."""
    EXPIRED = "expired"
    """The interaction's token is dead, and nothing else leads there."""
    OTHER = "other"


class Refused(Frozen):
    """What became of the last try to deliver a parked job."""

    kind: Refusal
    code: int | None = None
    """The place's own number for it."""
    times: int = 1
    """How many tries in a row have ended so."""
    rest: bool = False
    """Others of its pictures have been shown."""


class Tried(Frozen):
    """A provider that was asked before the one that drew."""

    provider: str
    kind: OutageKind
    """Why it did not draw."""
    asked: bool = True
    """False: it was known to be down, and left alone."""


class Planned(TypedDict, total=False):
    """The fields of `Plan`."""

    request: ImageRequest
    provider: str
    model: str
    model_title: str
    cost: str | None
    calls: int
    upscales: bool
    notes: tuple[Note, ...]


class Plan(Frozen):
    """Who draws a request, and how. A chain of providers makes a new plan for the next."""

    request: ImageRequest
    """As the provider gets it."""
    provider: str
    model: str
    model_title: str
    cost: str | None = None
    calls: int = 1
    """How many calls to the API it takes."""
    upscales: bool = False
    """Whether its pictures can be made larger by whoever drew them."""
    notes: tuple[Note, ...] = ()
    """What the receipt has to say beyond the facts."""

    def plan(self) -> Planned:
        """The plan alone, for a job that follows it."""
        return cast("Planned", {name: getattr(self, name) for name in Planned.__annotations__})


class JobChanges(Place, Planned, total=False):
    """Some fields of a job, to be changed."""

    private: bool
    asked: ImageRequest | None
    tried: tuple[Tried, ...]
    state: State
    calls_done: int
    remote: dict[str, Any] | None
    drawn: tuple[Drawn, ...]
    failure: Failure | None
    parked: bool
    refused: Refused | None
    parent: str | None
    seconds: float | None
    created: datetime
    started: datetime | None


class Job(Origin, Plan):
    """A checked request, bound to a provider and a model."""

    asked: ImageRequest | None = None
    """As the member made it, where a chain of providers may have to plan it anew."""
    tried: tuple[Tried, ...] = ()
    state: State = State.QUEUED
    calls_done: int = 0
    remote: dict[str, Any] | None = None
    """What the provider asked to remember of the call under way."""
    drawn: tuple[Drawn, ...] = ()
    failure: Failure | None = None
    parked: bool = False
    """Drawn, but Discord would not take it: waits for its owner to ask."""
    refused: Refused | None = None
    """Why; None also where an earlier version has parked it."""
    cancelled: bool = False
    """Somebody wants it no more; its holder ends it when it hears of that."""
    parent: str | None = None
    """The job that this one comes from: it asks for the same again, or for a larger copy."""
    seconds: float | None = None
    """From the first call to the last picture."""
    created: datetime = datetime.min.replace(tzinfo=UTC)
    started: datetime | None = None

    def having(self, **changes: Unpack[JobChanges]) -> Self:
        """A changed copy."""
        return self.model_copy(update=changes)


class SettingsChanges(TypedDict, total=False):
    """Some of the settings."""

    provider: str | None
    model: str | None
    size: Size | None
    private: bool
    safety_checker: bool
    refiner: bool
    chain: tuple[str, ...]


class Settings(Frozen):
    """What the admins of a server have chosen; None means: the bot's default."""

    provider: str | None = None
    model: str | None = None
    size: Size | None = None
    private: bool = False
    safety_checker: bool = True
    refiner: bool = False
    chain: tuple[str, ...] = ()
    """Who takes over when a provider cannot, in this order."""

    def having(self, **changes: Unpack[SettingsChanges]) -> "Settings":
        """A changed copy."""
        return self.model_copy(update=changes)
