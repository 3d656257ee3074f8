"""One whole still picture, told by its content: which format, which size, and the same picture with our XMP."""

from typing import Protocol

from studio.images import jpeg, png, webp
from studio.images.base import Container, Format, NotAPicture, Parsed, Part, find


class Reader(Protocol):
    """What each of the three modules offers."""

    def parse(self, data: bytes) -> Parsed: ...
    def stamp(self, parts: list[Part], xmp: bytes) -> bytes: ...

    XMP: tuple[bytes, bytes]
    """Which part holds it, and how that part begins."""
    EXIF: tuple[bytes, bytes]


READERS: dict[Format, Reader] = {"png": png, "jpeg": jpeg, "webp": webp}


def format_of(data: bytes) -> Format:
    """As its first bytes tell; NotAPicture for any other."""
    if data.startswith(png.SIGNATURE):
        return "png"
    if data.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "webp"
    raise NotAPicture("the file is neither a PNG nor a JPEG nor a WebP picture")


def _reader(data: bytes) -> Reader:
    return READERS[format_of(data)]


def inspect(data: bytes) -> Container:
    """The format and size of one whole still picture; NotAPicture otherwise. Bytes behind its end are tolerated."""
    return _reader(data).parse(data).container


def stamp(data: bytes, xmp: bytes) -> bytes:
    """The same picture, its compressed data untouched, with `xmp` as its only metadata besides what colours need.

    NotAPicture as in `inspect`; ValueError for an XMP packet that the container cannot hold (JPEG: 65,000 bytes).
    """
    reader = _reader(data)
    return reader.stamp(reader.parse(data).parts, xmp)


def read_xmp(data: bytes) -> bytes | None:
    """The XMP packet that the file carries, where we would have put it."""
    reader = _reader(data)
    return find(reader.parse(data).parts, *reader.XMP)


def read_exif(data: bytes) -> bytes | None:
    """The EXIF block (a TIFF header and what follows) that the file carries."""
    reader = _reader(data)
    return find(reader.parse(data).parts, *reader.EXIF)
