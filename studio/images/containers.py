"""A picture, told by its content: which format, which size, and the same picture with our XMP."""

from typing import Protocol, get_args

from domain import Defect
from domain.kinds import kind_of
from studio.images import exif, gif, jpeg, png, webp
from studio.images.base import Container, Format, NotAPicture, Parsed, Part, find


class Reader(Protocol):
    """What each of the modules offers."""

    def parse(self, data: bytes) -> Parsed:
        """Generous: trifles are listed, not refused; the size is the stored one."""
        ...

    def stamp(self, parts: list[Part], xmp: bytes) -> bytes: ...

    XMP: tuple[bytes, bytes]
    """Which part holds it, and how that part begins."""
    EXIF: tuple[bytes, bytes]


READERS: dict[Format, Reader] = {"png": png, "jpeg": jpeg, "webp": webp, "gif": gif}
"""What Discord shows."""


def format_of(data: bytes) -> Format:
    """As its first bytes tell; NotAPicture for any other."""
    kind = kind_of(data)
    for known in get_args(Format):
        if kind == known:
            return known
    raise NotAPicture("the file is neither a PNG nor a JPEG nor a WebP picture", Defect.OTHER_FORMAT)


def _reader(data: bytes) -> Reader:
    return READERS[format_of(data)]


def parse(data: bytes) -> Parsed:
    """The picture in pieces, with what is wrong with it; NotAPicture where no viewer would show it."""
    reader = _reader(data)
    parsed = reader.parse(data)
    if parsed.container.format == "webp":
        return parsed  # browsers do not obey EXIF in it (tried with Chromium 155)
    size = exif.shown(parsed.container.size, find(parsed.parts, *reader.EXIF))
    return parsed._replace(container=parsed.container._replace(size=size))


def inspect(data: bytes) -> Container:
    """The format and size of a picture that viewers show; NotAPicture otherwise."""
    return parse(data).container


def stamp(data: bytes, xmp: bytes) -> bytes:
    """The same picture, its compressed data untouched, with `xmp` as its only metadata besides what its look needs.

    NotAPicture as in `inspect`; ValueError for an XMP packet that the container cannot hold (JPEG: 65,000 bytes).
    """
    return stamped(parse(data), xmp)


def stamped(parsed: Parsed, xmp: bytes) -> bytes:
    """As `stamp`, of what has been parsed."""
    return READERS[parsed.container.format].stamp(parsed.parts, xmp)


def read_xmp(data: bytes) -> bytes | None:
    """The XMP packet that the file carries, where we would have put it."""
    reader = _reader(data)
    packet = find(reader.parse(data).parts, *reader.XMP)
    return packet.removesuffix(gif.MAGIC) if packet else packet


def orientation(parsed: Parsed) -> int:
    """How the picture is to be turned, as EXIF counts it."""
    return exif.orientation(find(parsed.parts, *READERS[parsed.container.format].EXIF))
