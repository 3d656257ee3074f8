"""The rules for files that members send: one whole still PNG, JPEG or WebP, of a size that is cheap to decode."""

from domain import Size
from studio.images import containers
from studio.images.base import MAX_SCANS, Container, NotAPicture, some_size

MAX_SIDE = 16_383
"""WebP's 14 bits are the tightest of the three (RFC 6386, section 9.1)."""
MAX_PIXELS = 16_777_216
"""64 MiB once decoded as RGBA."""


def inspect(data: bytes) -> Container:
    """The format and size; NotAPicture for whatever a viewer may still forgive. Bytes behind its end are tolerated."""
    found, _, flaws = containers.parse(data)
    if found.format == "gif":
        raise NotAPicture("the file is neither a PNG nor a JPEG nor a WebP picture")
    if found.moving:
        raise NotAPicture(f"the {'PNG' if found.format == 'png' else 'WebP'} is animated")
    if flaws:
        raise NotAPicture(flaws[0])
    if found.scans > MAX_SCANS:
        raise NotAPicture(f"the JPEG has {found.scans} scans: at most {MAX_SCANS} are taken")
    checked_size(*found.size)
    return found


def checked_size(width: int, height: int) -> Size:
    """The size, if it is one that a member's file may have."""
    size = some_size(width, height)
    if max(size) > MAX_SIDE:
        raise NotAPicture(f"{size} pixels: each side must have 1 to {MAX_SIDE}")
    if width * height > MAX_PIXELS:
        raise NotAPicture(f"{size} pixels are more than {MAX_PIXELS / 1e6:.1f} megapixels")
    return size
