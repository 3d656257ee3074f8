"""GIF by its blocks (CompuServe's GIF89a specification; XMP in it is Adobe's XMP part 3, 1.1.2)."""

import struct
from collections.abc import Iterator

from domain import Defect, Size
from studio.images.base import Container, NoPixels, NotAPicture, Parsed, Part, TooManyParts, collect, valid_size

IMAGE, TRAILER, EXTENSION = b",", b";", b"!"
HEAD, CONTROL, APPLICATION = b"GIF", b"\xf9", b"\xff"
"""Names of parts: header with global colours; graphic control extension; application extension."""
LOOP_EXTENSIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0")
XMP_MAGIC_TRAILER = b"\x01" + bytes(range(0xFF, -1, -1)) + b"\0"
"""After an XMP packet: leads a reader of sub-blocks to the end, from whatever offset it arrives."""
MAX_GIF_SIDE = 16_383
"""Browsers refuse larger ones, long before the format's 65,535."""
MAX_SUB_BLOCKS = 200_000
"""Full ones make 48 MiB."""
XMP: tuple[bytes, bytes] = APPLICATION, b"XMP DataXMP"
EXIF: tuple[bytes, bytes] = b"no EXIF", b""


def parse(data: bytes) -> Parsed:
    flaws = list[NotAPicture]()
    parts = collect(_blocks(data, flaws))
    frames = [part for part in parts if part.kind == IMAGE]
    if not frames:
        raise NoPixels("the GIF holds no picture")
    return Parsed(Container("gif", _size(data, frames[0]), moving=len(frames) > 1), parts, flaws)


def _size(data: bytes, first: Part) -> Size:
    size = valid_size(*struct.unpack_from("<HH", data, 6))
    left, top, width, height = struct.unpack_from("<HHHH", first.whole, 1)
    if left + width > size.width or top + height > size.height or max(size) > MAX_GIF_SIDE:
        raise NotAPicture("the GIF's first frame does not lie in its picture")
    return size


def _blocks(data: bytes, flaws: list[NotAPicture]) -> Iterator[Part]:
    """The header and all blocks up to the trailer; after a frame, the rest may be missing."""
    view, has_pixels, allowed = memoryview(data), False, iter(range(MAX_SUB_BLOCKS))
    try:
        at = 13 + _colours(data[10])
        yield Part(HEAD, view[:at], view[:at])
        while (start := data[at : at + 1]) != TRAILER:
            kind, body, end = _block(data, at, start, allowed)
            yield Part(kind, view[at:end], view[body:end])
            has_pixels |= kind == IMAGE
            at = end
    except IndexError:
        if not has_pixels:
            raise NotAPicture("the GIF is cut off", Defect.CUT_OFF) from None
        flaws.append(NotAPicture("the GIF is cut off", Defect.CUT_OFF))


def _block(data: bytes, at: int, start: bytes, allowed: Iterator[int]) -> tuple[bytes, int, int]:
    """A block's kind, the offset of its payload, and its end; IndexError if the file ends before that."""
    if start == IMAGE:
        body = at + 10 + _colours(data[at + 9])
        return IMAGE, body, _sub_blocks_end(data, body + 1, allowed)
    if start == EXTENSION:
        kind = data[at + 1 : at + 2]
        return kind, at + 3 if kind == APPLICATION else at + 2, _sub_blocks_end(data, at + 2, allowed)
    if not start:
        raise IndexError
    raise NotAPicture("the GIF has an unknown block")


def _colours(packed: int) -> int:
    """Length in bytes of the colour table that follows."""
    return 3 << (packed & 7) + 1 if packed & 0x80 else 0


def _sub_blocks_end(data: bytes, at: int, allowed: Iterator[int]) -> int:
    """The offset after the sub-blocks. allowed: yields once for each sub-block that may still be read."""
    for _ in allowed:
        if not (length := data[at]):
            return at + 1
        at += 1 + length
    raise TooManyParts(f"the GIF has more than {MAX_SUB_BLOCKS} parts", Defect.TOO_COMPLEX)


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same frames without foreign metadata, after our XMP."""
    head, *rest = parts
    ours = EXTENSION + APPLICATION + b"\x0b" + XMP[1] + xmp + XMP_MAGIC_TRAILER
    kept = [part.whole for part in rest if part.kind in (IMAGE, CONTROL) or _loops(part)]
    return b"".join([b"GIF89a", head.whole[6:], ours, *kept, TRAILER])


def _loops(part: Part) -> bool:
    """Whether the part says how often the animation repeats."""
    return part.kind == APPLICATION and bytes(part.body[:11]) in LOOP_EXTENSIONS
