"""The rules for members' uploads: one intact, still PNG, JPEG or WebP that is cheap to decode; HEIC is not parsed."""

from domain import Defect, ImageTooLarge, TooManyScans
from studio.images import containers
from studio.images.base import MAX_SCANS, NotAPicture, Parsed, valid_size

MAX_UPLOAD_SIDE = 16_383
"""The smallest limit of the three formats: WebP's 14 bits (RFC 6386, section 9.1)."""
MAX_PIXELS = 67_108_864
"""8192x8192: telephones take photos of 12 to 64 megapixels."""
MAX_KEPT_PIXELS = 16_777_216
"""Larger images are made smaller; as RGBA, so many take 64 MiB."""


def parse_upload(data: bytes, option: str) -> Parsed:
    """Parse the file of an option, tolerating bytes behind its end.

    NotAPicture also for small faults that viewers tolerate; ImageTooLarge; TooManyScans.
    """
    parsed = containers.parse(data)
    found, flaws = parsed.container, parsed.flaws
    if found.format == "gif":
        raise NotAPicture("the file is a GIF", Defect.OTHER_FORMAT)
    if found.moving:
        raise NotAPicture(f"the {'PNG' if found.format == 'png' else 'WebP'} is animated", Defect.ANIMATED)
    if flaws:
        raise flaws.pop(0)  # taken out, or its traceback would keep the file in memory
    if found.scans > MAX_SCANS:
        raise TooManyScans(f"{found.scans} scans", option=option, scans=found.scans, limit=MAX_SCANS)
    check_size(*found.size, option)
    return parsed


def check_size(width: int, height: int, option: str) -> None:
    """NotAPicture or ImageTooLarge for a size that no upload may have."""
    size = valid_size(width, height)
    if max(size) > MAX_UPLOAD_SIDE:
        raise ImageTooLarge(f"{size} pixels", option=option, size=size, longest_side=MAX_UPLOAD_SIDE)
    if width * height > MAX_PIXELS:
        raise ImageTooLarge(f"{size} pixels", option=option, size=size, most_pixels=MAX_PIXELS)
