"""Why Easel does not take a member's file.

Tree::

    NotPossible
    ├── BadUpload         a file that is not taken
    ├── WrongFileType     a file that is announced as something else than a picture
    ├── FileTooLarge      a file of too many bytes
    ├── ImageTooLarge     an image of too many pixels
    ├── TooManyScans      a JPEG that takes too long to decode
    ├── OtherProportions  a mask that does not fit its image
    └── UploadGone        the file of an earlier request, which is no longer kept
"""

from enum import StrEnum
from typing import Literal

from domain.errors import NotPossible, outcome
from domain.models import Size


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


@outcome
class BadUpload(NotPossible):
    """The file is not accepted."""

    option: str
    """`image` or `mask`."""
    defect: Defect
    kind: Literal["BadUpload"] = "BadUpload"


@outcome
class WrongFileType(NotPossible):
    """The file is announced as something else than a picture."""

    option: str
    file_type: str
    """The media type that it is announced with."""
    kind: Literal["WrongFileType"] = "WrongFileType"


@outcome
class FileTooLarge(NotPossible):
    """The file has too many bytes."""

    option: str
    length: int
    """Bytes."""
    limit: int
    """Bytes that it may have."""
    kind: Literal["FileTooLarge"] = "FileTooLarge"


@outcome
class ImageTooLarge(NotPossible):
    """The image has too many pixels."""

    option: str
    size: Size
    longest_side: int | None = None
    """Pixels that each side may have, where one has more."""
    most_pixels: int | None = None
    """Pixels that it may have, where it has more."""
    kind: Literal["ImageTooLarge"] = "ImageTooLarge"


@outcome
class TooManyScans(NotPossible):
    """The JPEG takes too long to decode."""

    option: str
    scans: int
    """Passes over all of the JPEG's pixels."""
    limit: int
    kind: Literal["TooManyScans"] = "TooManyScans"


@outcome
class OtherProportions(NotPossible):
    """The mask has other proportions than its image."""

    mask: Size
    image: Size
    kind: Literal["OtherProportions"] = "OtherProportions"


@outcome
class UploadGone(NotPossible):
    """The file of an earlier request is no longer kept."""

    kind: Literal["UploadGone"] = "UploadGone"
