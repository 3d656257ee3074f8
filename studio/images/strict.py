"""The rules for members' uploads: one intact, still PNG, JPEG or WebP that is cheap to decode."""

from domain import Defect, ImageTooLarge, TooManyScans
from studio.images import containers
from studio.images.base import MAX_SCANS, Container, NotAPicture, valid_size

MAX_SIDE = 16_383
"""The smallest limit of the three formats: WebP's 14 bits (RFC 6386, section 9.1)."""
MAX_PIXELS = 16_777_216
"""64 MiB once decoded as RGBA."""


def inspect(data: bytes, option: str) -> Container:
    """The format and size of an option's file. Bytes behind its end are tolerated.

    NotAPicture for whatever a viewer may still forgive; ImageTooLarge; TooManyScans.
    """
    found, _, flaws = containers.parse(data)
    if found.format == "gif":
        raise NotAPicture("the file is a GIF", Defect.OTHER_FORMAT)
    if found.moving:
        raise NotAPicture(f"the {'PNG' if found.format == 'png' else 'WebP'} is animated", Defect.ANIMATED)
    if flaws:
        raise NotAPicture(flaws[0])
    if found.scans > MAX_SCANS:
        raise TooManyScans(f"{found.scans} scans", option=option, scans=found.scans, limit=MAX_SCANS)
    check_size(*found.size, option)
    return found


def check_size(width: int, height: int, option: str) -> None:
    """NotAPicture or ImageTooLarge for what no member's file may have."""
    size = valid_size(width, height)
    if max(size) > MAX_SIDE:
        raise ImageTooLarge(f"{size} pixels", option=option, size=size, longest_side=MAX_SIDE)
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(f"{size} pixels", option=option, size=size, most_pixels=MAX_PIXELS)
