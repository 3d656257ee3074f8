"""Picture containers, recognised by content: format, size, and the same picture with an XMP packet of ours."""

from typing import Protocol, get_args

from domain import Defect
from domain.kinds import kind_of
from studio.images import gif, jpeg, metadata, png, webp
from studio.images.base import Container, Format, NotAPicture, Parsed, Part, find


class Reader(Protocol):
    """The interface of each format's module."""

    def parse(self, data: bytes) -> Parsed:
        """The parts; small faults are listed, not refused, and the size is that before EXIF orientation."""
        ...

    def stamp(self, parts: list[Part], xmp: bytes) -> bytes: ...

    XMP: tuple[bytes, bytes]
    """The kind of the part that holds XMP, and the prefix of its payload."""
    EXIF: tuple[bytes, bytes]


READERS: dict[Format, Reader] = {"png": png, "jpeg": jpeg, "webp": webp, "gif": gif}
"""The formats that Discord shows."""


def format_of(data: bytes) -> Format:
    """The format, by its first bytes; NotAPicture for any other."""
    kind = kind_of(data)
    for known in get_args(Format):
        if kind == known:
            return known
    raise NotAPicture("the file is neither a PNG nor a JPEG nor a WebP picture", Defect.OTHER_FORMAT)


def parse(data: bytes) -> Parsed:
    """The picture's parts and its small faults; NotAPicture if no viewer would show it."""
    reader = READERS[format_of(data)]
    parsed = reader.parse(data)
    if parsed.container.format == "webp":
        return parsed  # browsers ignore its EXIF orientation (tried with Chromium 155)
    size = metadata.upright_size(parsed.container.size, find(parsed.parts, *reader.EXIF))
    return parsed._replace(container=parsed.container._replace(size=size))


def inspect(data: bytes) -> Container:
    """The format and size of a picture that viewers show; NotAPicture otherwise."""
    return parse(data).container


def stamp(data: bytes, xmp: bytes) -> bytes:
    """The same picture, its compressed data unchanged, with `xmp` as its only metadata except what affects its look.

    NotAPicture as in `inspect`; ValueError for an XMP packet that the container cannot hold (JPEG: 65,000 bytes).
    """
    return stamped(parse(data), xmp)


def stamped(parsed: Parsed, xmp: bytes) -> bytes:
    """As `stamp`, for a parsed picture."""
    return READERS[parsed.container.format].stamp(parsed.parts, xmp)


def read_xmp(parsed: Parsed) -> bytes | None:
    """The file's XMP packet; None if it has none at the place where `stamp` writes it."""
    packet = find(parsed.parts, *READERS[parsed.container.format].XMP)
    return packet.removesuffix(gif.XMP_MAGIC_TRAILER) if packet else packet


def orientation(parsed: Parsed) -> int:
    """The EXIF orientation, 1 to 8."""
    return metadata.orientation(find(parsed.parts, *READERS[parsed.container.format].EXIF))
