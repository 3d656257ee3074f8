"""WebP by its RIFF chunks (RFC 9649, section 2; the frame header of VP8 is RFC 6386, section 9.1)."""

import struct
from collections.abc import Iterator

from domain import Size
from studio.images.base import Container, NotAPicture, Parsed, Part, checked_size, find, gather

LOSSY, LOSSLESS, EXTENDED = b"VP8 ", b"VP8L", b"VP8X"
PROFILE, ALPHA = b"ICCP", b"ALPH"
XMP: tuple[bytes, bytes] = b"XMP ", b""
EXIF: tuple[bytes, bytes] = b"EXIF", b""
HAS_PROFILE, HAS_ALPHA, HAS_XMP, IS_ANIMATED = 0x20, 0x10, 0x04, 0x02
"""Flags in the first byte of VP8X (section 2.7.1)."""


def parse(data: bytes) -> Parsed:
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise NotAPicture("the WebP is cut off")
    parts = gather(_chunks(memoryview(data)[:end]))
    kinds = [part.kind for part in parts]
    if b"ANIM" in kinds or b"ANMF" in kinds or _flags(parts) & IS_ANIMATED:
        raise NotAPicture("the WebP is animated")
    if kinds.count(LOSSY) + kinds.count(LOSSLESS) != 1 or EXTENDED in kinds[1:]:
        raise NotAPicture("the WebP does not hold one picture")
    if kinds[0] not in {LOSSY, LOSSLESS, EXTENDED}:
        raise NotAPicture("the WebP begins with neither a header nor a picture")
    return Parsed(Container("webp", _size(parts)), parts)


def _chunks(view: memoryview) -> Iterator[Part]:
    at = 12
    while at < len(view):
        if at + 8 > len(view):
            raise NotAPicture("the WebP is cut off")
        kind, length = struct.unpack_from("<4sI", view, at)
        end = at + 8 + length
        if end > len(view):
            raise NotAPicture("the WebP is cut off")
        yield Part(kind, view[at:end], view[at + 8 : end])
        at = end + (length & 1)


def _flags(parts: list[Part]) -> int:
    """The first byte of VP8X, where the file begins with one."""
    if not parts or parts[0].kind != EXTENDED:
        return 0
    if len(parts[0].body) < 10:
        raise NotAPicture("the WebP's header has the wrong length")
    return parts[0].body[0]


def _size(parts: list[Part]) -> Size:
    """The picture's size, which the header's must agree with (section 2.7.1)."""
    read, picture = next((READERS[part.kind], part.body) for part in parts if part.kind in READERS)
    size = read(picture)
    if parts[0].kind == EXTENDED and _canvas(parts[0].body) != size:
        raise NotAPicture("the WebP's header and picture differ in size")
    return size


def _canvas(body: memoryview) -> Size:
    width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
    return checked_size(width + 1, height + 1)


def _lossy_size(body: memoryview) -> Size:
    """From a VP8 key frame: a 3-byte tag, the start code 9D 01 2A, then 14 bits for each side."""
    if len(body) < 10 or bytes(body[3:6]) != b"\x9d\x01\x2a" or body[0] & 1:
        raise NotAPicture("the WebP's picture does not begin with a key frame")
    if 10 + (int.from_bytes(body[:3], "little") >> 5) > len(body):
        raise NotAPicture("the WebP's picture is cut off")
    width, height = struct.unpack_from("<HH", body, 6)
    return checked_size(width & 0x3FFF, height & 0x3FFF)


def _lossless_size(body: memoryview) -> Size:
    """From VP8L (section 3.4): 2F, then 14 bits for each side less 1, the alpha hint, and 3 bits of version 0."""
    if len(body) < 6 or body[0] != 0x2F or body[4] >> 5:
        raise NotAPicture("the WebP's picture makes no sense")
    bits = int.from_bytes(body[1:5], "little")
    return checked_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


READERS = {LOSSY: _lossy_size, LOSSLESS: _lossless_size}


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same picture in the extended format, without foreign metadata, and with our XMP at the end."""
    picture = next(part for part in parts if part.kind in READERS)
    claimed = _flags(parts)
    # What the header does not announce, decoders ignore, and it must not come to life here.
    profile = find(parts, PROFILE) if claimed & HAS_PROFILE else None
    alpha = find(parts, ALPHA) if parts[0].kind == EXTENDED and picture.kind == LOSSY else None
    flags = HAS_XMP | (claimed & HAS_ALPHA) | (HAS_PROFILE if profile is not None else 0)
    # VP8L has its own hint, at the same bit of its fifth byte.
    if alpha is not None or (picture.kind == LOSSLESS and picture.body[4] & HAS_ALPHA):
        flags |= HAS_ALPHA
    chunks = [(EXTENDED, _header(flags, _size(parts))), (PROFILE, profile), (ALPHA, alpha)]
    chunks += [(picture.kind, picture.body), (XMP[0], xmp)]
    return chunk(b"RIFF", b"WEBP" + b"".join(chunk(kind, body) for kind, body in chunks if body is not None))


def _header(flags: int, size: Size) -> bytes:
    return struct.pack("<I", flags) + b"".join((side - 1).to_bytes(3, "little") for side in size)


def chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, b"\0" * (len(body) & 1)])
