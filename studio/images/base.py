"""What the readers of the three containers share. They walk the structure and never decode a pixel."""

from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

from domain import Size

Format = Literal["png", "jpeg", "webp"]

MAX_SIDE = 16_383
"""WebP's 14 bits are the tightest of the three (RFC 6386, section 9.1)."""
MAX_PIXELS = 16_777_216
"""64 MiB once decoded as RGBA."""
MAX_PARTS = 32_768
"""A 32 MiB PNG in chunks of 1 KiB; without a cap, a file of empty chunks costs fifty times its size in memory."""


class NotAPicture(ValueError):
    """The bytes are not one whole still PNG, JPEG or WebP; the text says why and quotes none of them."""


class Container(NamedTuple):
    """A picture's file format, and its size in pixels as the header has it (before any EXIF rotation)."""

    format: Format
    size: Size


class Part(NamedTuple):
    """One PNG chunk, JPEG segment or WebP chunk: its name, all of its bytes, and its payload alone."""

    kind: bytes
    whole: memoryview
    body: memoryview


class Parsed(NamedTuple):
    """A whole picture, in pieces, in the file's order."""

    container: Container
    parts: list[Part]


def gather(parts: Iterable[Part]) -> list[Part]:
    """The parts as a list; NotAPicture when there are too many."""
    found = list(islice(parts, MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise NotAPicture(f"the file has more than {MAX_PARTS} parts")
    return found


def find(parts: Iterable[Part], kind: bytes, head: bytes = b"") -> bytes | None:
    """What follows `head` in the first part of that kind that begins with it."""
    bodies = (bytes(part.body) for part in parts if part.kind == kind and bytes(part.body[: len(head)]) == head)
    return next((body[len(head) :] for body in bodies), None)


def checked_size(width: int, height: int) -> Size:
    """The size, if it is one that we are willing to decode."""
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise NotAPicture(f"{width}x{height} pixels: each side must have 1 to {MAX_SIDE}")
    if width * height > MAX_PIXELS:
        raise NotAPicture(f"{width}x{height} pixels: at most {MAX_PIXELS} are taken")
    return Size(width, height)
