"""What Easel itself refuses, before anything is spent.

Tree::

    NotPossible
    ├── NoPrompt          the prompt shows nothing
    ├── NeedsImage        an option that only works with an image
    ├── OptionNotTaken    an option that the model does not take at all
    ├── OutOfRange        a number that it does not take
    ├── NotOffered        a name that is not among those on offer
    ├── UnknownSize       text that is no size
    ├── SizeNotTaken      a size that the model does not draw at
    ├── CannotDrawFrom    a model that does not draw from words alone, or from an image, or from a mask
    ├── TooManyImages     more images than the model draws from at once
    ├── Suspended         a member whose words a provider has refused lately
    ├── QueueFull         no more requests of one member, or of one server
    ├── NoRoom            no room for a member's file, or for the picture
    └── a file of a member: see domain/upload_refusals.py
"""

from enum import StrEnum
from typing import Literal

from domain.errors import NotPossible, outcome
from domain.models import Size, SizeRange, Span
from domain.upload_refusals import (
    BadUpload,
    FileTooLarge,
    ImageTooLarge,
    OtherProportions,
    TooManyScans,
    UploadGone,
    WrongFileType,
)


@outcome
class NoPrompt(NotPossible):
    """The prompt has no visible character."""

    kind: Literal["NoPrompt"] = "NoPrompt"


@outcome
class NeedsImage(NotPossible):
    """The option works with an image only."""

    option: str
    kind: Literal["NeedsImage"] = "NeedsImage"


@outcome
class OptionNotTaken(NotPossible):
    """The model does not take the option."""

    option: str
    model: str
    """Its title."""
    kind: Literal["OptionNotTaken"] = "OptionNotTaken"


@outcome
class OutOfRange(NotPossible):
    """The model does not take this number."""

    option: str
    asked: float
    model: str | None = None
    """Its title; None: a limit of the server."""
    takes: Span
    kind: Literal["OutOfRange"] = "OutOfRange"


@outcome
class NotOffered(NotPossible):
    """The name is not among those on offer."""

    option: str
    asked: str
    offered: tuple[str, ...]
    """Titles, as they are shown."""
    model: str | None = None
    """The title of the model that offers these; None where they are models or providers."""
    kind: Literal["NotOffered"] = "NotOffered"


@outcome
class UnknownSize(NotPossible):
    """The text is no size."""

    asked: str
    kind: Literal["UnknownSize"] = "UnknownSize"


@outcome
class SizeNotTaken(NotPossible):
    """The model does not draw at this size."""

    asked: Size
    model: str
    """Its title."""
    sizes: tuple[Size, ...] = ()
    """None of them: it draws at the size of the image alone."""
    size_range: SizeRange | None = None
    kind: Literal["SizeNotTaken"] = "SizeNotTaken"


class Source(StrEnum):
    """What a model draws from."""

    WORDS = "words"
    IMAGE = "image"
    MASK = "mask"
    """An image and a mask."""


@outcome
class CannotDrawFrom(NotPossible):
    """The model does not draw from these sources."""

    source: Source
    model: str
    """Its title."""
    sources: tuple[Source, ...]
    """What it does draw from."""
    kind: Literal["CannotDrawFrom"] = "CannotDrawFrom"


@outcome
class TooManyImages(NotPossible):
    """The model draws from fewer images."""

    given: int
    limit: int
    kind: Literal["TooManyImages"] = "TooManyImages"


@outcome
class Suspended(NotPossible):
    """After more refused words, the provider might refuse everybody."""

    provider: str
    """Its title."""
    seconds: float
    """How long a member is suspended after a refusal."""
    kind: Literal["Suspended"] = "Suspended"


@outcome
class QueueFull(NotPossible):
    """The member, or the server, has too many unfinished requests."""

    whose: Literal["member", "server"]
    limit: int
    """Unfinished requests that there may be."""
    kind: Literal["QueueFull"] = "QueueFull"


class Room(StrEnum):
    """Where something finds no room."""

    TURNS = "turns"
    """So many images are coming in that this one did not get its turn."""
    MEMBERS_SHARE = "member's share"
    """Of the room for images that wait to be drawn."""
    QUOTA = "quota"
    """All the room for images that wait to be drawn."""
    DISK = "disk"


@outcome
class NoRoom(NotPossible):
    """There is no room for a file or a picture."""

    room: Room
    kind: Literal["NoRoom"] = "NoRoom"


RefusedRequest = (
    NoPrompt
    | NeedsImage
    | OptionNotTaken
    | OutOfRange
    | NotOffered
    | UnknownSize
    | SizeNotTaken
    | CannotDrawFrom
    | TooManyImages
    | BadUpload
    | WrongFileType
    | FileTooLarge
    | ImageTooLarge
    | TooManyScans
    | OtherProportions
    | UploadGone
    | Suspended
    | QueueFull
    | NoRoom
)
