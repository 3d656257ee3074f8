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
    ├── CannotUpscale     a model that makes no picture larger
    ├── BadUpload         a file that is not taken
    ├── WrongFileType     a file that is announced as something else than a picture
    ├── FileTooLarge      a file of too many bytes
    ├── ImageTooLarge     an image of too many pixels
    ├── OtherProportions  a mask that does not fit its image
    ├── UploadGone        the file of an earlier request, which is no longer kept
    ├── Suspended         a member whose words a provider has refused lately
    ├── QueueFull         no more requests of one member, or of one server
    └── NoRoom            no room for a member's file, or for the picture
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from domain.errors import NotPossible
from domain.models import Size, SizeRange, Span


@dataclass(kw_only=True)
class NoPrompt(NotPossible):
    kind: Literal["NoPrompt"] = "NoPrompt"


@dataclass(kw_only=True)
class NeedsImage(NotPossible):
    option: str
    kind: Literal["NeedsImage"] = "NeedsImage"


@dataclass(kw_only=True)
class OptionNotTaken(NotPossible):
    option: str
    model: str
    """Its title."""
    kind: Literal["OptionNotTaken"] = "OptionNotTaken"


@dataclass(kw_only=True)
class OutOfRange(NotPossible):
    option: str
    asked: float
    model: str
    """Its title."""
    takes: Span
    kind: Literal["OutOfRange"] = "OutOfRange"


@dataclass(kw_only=True)
class NotOffered(NotPossible):
    option: str
    asked: str
    offered: tuple[str, ...]
    """Titles, as they are shown."""
    model: str | None = None
    """The title of the model that offers these; None where they are models or providers."""
    kind: Literal["NotOffered"] = "NotOffered"


@dataclass(kw_only=True)
class UnknownSize(NotPossible):
    asked: str
    kind: Literal["UnknownSize"] = "UnknownSize"


@dataclass(kw_only=True)
class SizeNotTaken(NotPossible):
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


@dataclass(kw_only=True)
class CannotDrawFrom(NotPossible):
    source: Source
    model: str
    """Its title."""
    sources: tuple[Source, ...]
    """What it does draw from."""
    kind: Literal["CannotDrawFrom"] = "CannotDrawFrom"


@dataclass(kw_only=True)
class TooManyImages(NotPossible):
    given: int
    limit: int
    kind: Literal["TooManyImages"] = "TooManyImages"


@dataclass(kw_only=True)
class CannotUpscale(NotPossible):
    model: str
    """Its title."""
    kind: Literal["CannotUpscale"] = "CannotUpscale"


class Defect(StrEnum):
    """Why a file is not taken."""

    OTHER_FORMAT = "other format"
    ANIMATED = "animated"
    CUT_OFF = "cut off"
    DAMAGED = "damaged"
    TOO_COMPLEX = "too complex"
    """To decode: it has too many parts, or needs too much memory."""
    TOO_SLOW = "too slow"
    """To decode."""
    UNREADABLE = "unreadable"
    """Whatever the reason: its decoding failed."""
    NOTHING_TO_REPAINT = "nothing to repaint"
    """A mask that is black all over."""

    NOT_HANDED_OVER = "not handed over"
    """Discord did not let us read it."""
    NOT_AS_ANNOUNCED = "not as announced"
    """Discord handed over more than it had told."""
    NO_LINK = "no link"
    """The provider fetches it by Discord's link, which is not kept."""


@dataclass(kw_only=True)
class BadUpload(NotPossible):
    option: str
    """`image` or `mask`."""
    defect: Defect
    kind: Literal["BadUpload"] = "BadUpload"


@dataclass(kw_only=True)
class WrongFileType(NotPossible):
    option: str
    file_type: str
    """The media type that it is announced with."""
    kind: Literal["WrongFileType"] = "WrongFileType"


@dataclass(kw_only=True)
class FileTooLarge(NotPossible):
    option: str
    length: int
    """Bytes."""
    limit: int
    """Bytes that it may have."""
    kind: Literal["FileTooLarge"] = "FileTooLarge"


@dataclass(kw_only=True)
class ImageTooLarge(NotPossible):
    option: str
    size: Size
    longest_side: int | None = None
    """Pixels that each side may have, where one has more."""
    most_pixels: int | None = None
    """Pixels that it may have, where it has more."""
    kind: Literal["ImageTooLarge"] = "ImageTooLarge"


@dataclass(kw_only=True)
class OtherProportions(NotPossible):
    mask: Size
    image: Size
    kind: Literal["OtherProportions"] = "OtherProportions"


@dataclass(kw_only=True)
class UploadGone(NotPossible):
    kind: Literal["UploadGone"] = "UploadGone"


@dataclass(kw_only=True)
class Suspended(NotPossible):
    """After more refused words, the provider might refuse everybody."""

    provider: str
    """Its title."""
    seconds: float
    """How long a member is suspended after a refusal."""
    kind: Literal["Suspended"] = "Suspended"


@dataclass(kw_only=True)
class QueueFull(NotPossible):
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


@dataclass(kw_only=True)
class NoRoom(NotPossible):
    room: Room
    kind: Literal["NoRoom"] = "NoRoom"
