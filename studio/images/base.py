"""Shared by the parsers of the file formats, which read the structure, decode no pixel, and tolerate small faults."""

from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

from domain import Defect, Size
from domain.jobs import Way

Format = Literal["png", "jpeg", "webp", "gif"]

MAX_PARTS = 8_192
"""libpng writes 8 KiB in each. Parsing so many blocks the event loop for 25 ms."""
MAX_SCANS = 100
"""Scans of a JPEG: decoding each goes over all pixels again. Encoders make about 10."""


class NotAPicture(ValueError):
    """The bytes are not one sound picture; the text says why, for the log, and quotes none of them."""

    def __init__(self, reason: str, defect: Defect = Defect.DAMAGED) -> None:
        super().__init__(reason)
        self.defect = defect


class NoPixels(NotAPicture):
    """The file has a header and no pixels, so there is nothing to repair."""


class TooManyParts(NotAPicture):
    """The file has more parts than are parsed; it may be a picture."""


class TooLarge(Exception):
    """A picture that cannot be made small enough for the limit."""


class TaskResult(NamedTuple):
    """Result of a task; empty data means that the file can be used as it is."""

    data: bytes = b""
    size: tuple[int, int] | None = None
    way: Way = "shown"


class Container(NamedTuple):
    """File format, and size in pixels as a viewer shows it."""

    format: Format
    size: Size
    moving: bool = False
    scans: int = 1


class Part(NamedTuple):
    """One PNG chunk, JPEG segment, WebP chunk or GIF block: its name, all of its bytes, and its payload."""

    kind: bytes
    whole: memoryview
    body: memoryview


class Parsed(NamedTuple):
    """A picture's parts in the file's order, and the small faults that were found."""

    container: Container
    parts: list[Part]
    flaws: list[str]


def collect(parts: Iterable[Part]) -> list[Part]:
    """The parts as a list; TooManyParts."""
    found = list(islice(parts, MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise TooManyParts(f"the file has more than {MAX_PARTS} parts", Defect.TOO_COMPLEX)
    return found


def find(parts: Iterable[Part], kind: bytes, head: bytes = b"") -> bytes | None:
    """The payload behind `head` of the first part of that kind that begins with `head`."""
    bodies = (bytes(part.body) for part in parts if part.kind == kind and bytes(part.body[: len(head)]) == head)
    return next((body[len(head) :] for body in bodies), None)


def valid_size(width: int, height: int) -> Size:
    """The size; NotAPicture where a side is 0."""
    if not (width > 0 and height > 0):
        raise NotAPicture(f"{width}x{height} pixels: each side must have some")
    return Size(width, height)
