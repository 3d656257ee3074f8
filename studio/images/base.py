"""What the readers of the containers share. They walk the structure, never decode a pixel, and forgive trifles."""

from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

from domain import Defect, Size
from domain.jobs import Way

Format = Literal["png", "jpeg", "webp", "gif"]

MAX_PARTS = 8_192
"""libpng writes 8 KiB in each; going through so many takes 25 ms, in which nothing else is done."""
MAX_SCANS = 100
"""Scans of a JPEG: each goes over all of its pixels again. Encoders make 10 or so."""


class NotAPicture(ValueError):
    """The bytes are not one sound picture; the text says why, for the log, and quotes none of them."""

    def __init__(self, reason: str, defect: Defect = Defect.DAMAGED) -> None:
        super().__init__(reason)
        self.defect = defect


class Hollow(NotAPicture):
    """The frame of a picture around nothing: there is nothing to mend either."""


class TooMany(NotAPicture):
    """It may be one, in more pieces than are gone through."""


class TooLarge(Exception):
    """A sound picture of which no file within the limit can be made."""


class Made(NamedTuple):
    """What came of a file. Empty data: the file itself will do."""

    data: bytes = b""
    size: tuple[int, int] | None = None
    way: Way = "shown"


class Container(NamedTuple):
    """A picture's file format, and its size in pixels as a viewer shows it."""

    format: Format
    size: Size
    moving: bool = False
    scans: int = 1


class Part(NamedTuple):
    """One PNG chunk, JPEG segment, WebP chunk or GIF block: its name, all of its bytes, and its payload alone."""

    kind: bytes
    whole: memoryview
    body: memoryview


class Parsed(NamedTuple):
    """A picture, in pieces, in the file's order, and the trifles that are wrong with it."""

    container: Container
    parts: list[Part]
    flaws: list[str]


def gather(parts: Iterable[Part]) -> list[Part]:
    """The parts as a list; TooMany where that is no list to go through."""
    found = list(islice(parts, MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise TooMany(f"the file has more than {MAX_PARTS} parts", Defect.TOO_COMPLEX)
    return found


def find(parts: Iterable[Part], kind: bytes, head: bytes = b"") -> bytes | None:
    """What follows `head` in the first part of that kind that begins with it."""
    bodies = (bytes(part.body) for part in parts if part.kind == kind and bytes(part.body[: len(head)]) == head)
    return next((body[len(head) :] for body in bodies), None)


def some_size(width: int, height: int) -> Size:
    """The size, if it is one."""
    if not (width > 0 and height > 0):
        raise NotAPicture(f"{width}x{height} pixels: each side must have some")
    return Size(width, height)
