"""Types shared by the parsers of image containers, which read the structure but decode no pixels."""

from collections.abc import Iterable
from itertools import islice
from typing import Literal, NamedTuple

from domain import Defect, Size
from domain.jobs import Presentation

Format = Literal["png", "jpeg", "webp", "gif"]

MAX_PARTS = 8_192
"""Maximum number of chunks or segments of a file: libpng writes 8 KiB in each, and parsing so many takes 25 ms."""
MAX_SCANS = 100
"""Maximum number of scans of a JPEG, each of which passes over all pixels; encoders write about 10."""


class NotAPicture(ValueError):
    """The bytes are not one intact picture; the text says why, for the log, without quoting them."""

    def __init__(self, reason: str, defect: Defect = Defect.DAMAGED) -> None:
        super().__init__(reason)
        self.defect = defect


class NoPixels(NotAPicture):
    """The file has no pixels, so there is nothing to repair."""


class TooManyParts(NotAPicture):
    """The file has more than MAX_PARTS parts; it may be an intact picture."""


class TooLarge(Exception):
    """The picture cannot be reduced to the size limit."""


class TaskResult(NamedTuple):
    """Result of a decoder task; empty data means that the file is used unchanged."""

    data: bytes = b""
    size: tuple[int, int] | None = None
    way: Presentation = "shown"


class Container(NamedTuple):
    """File format, size in pixels as viewers show it, whether it is an animation, and a JPEG's number of scans."""

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
    """A picture's parts in the order of the file, and the small faults found."""

    container: Container
    parts: list[Part]
    flaws: list[NotAPicture]


def collect(parts: Iterable[Part]) -> list[Part]:
    """The parts as a list; TooManyParts."""
    found = list(islice(parts, MAX_PARTS + 1))
    if len(found) > MAX_PARTS:
        raise TooManyParts(f"the file has more than {MAX_PARTS} parts", Defect.TOO_COMPLEX)
    return found


def find(parts: Iterable[Part], kind: bytes, head: bytes = b"") -> bytes | None:
    """The payload after `head` of the first part of that kind whose payload starts with `head`."""
    bodies = (bytes(part.body) for part in parts if part.kind == kind and bytes(part.body[: len(head)]) == head)
    return next((body[len(head) :] for body in bodies), None)


def valid_size(width: int, height: int) -> Size:
    """The size; NotAPicture if a side is 0."""
    if not (width > 0 and height > 0):
        raise NotAPicture(f"{width}x{height} pixels: each side must have some")
    return Size(width, height)
