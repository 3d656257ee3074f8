"""WebP by its RIFF chunks (RFC 9649, section 2; the frame header of VP8 is RFC 6386, section 9.1)."""

import struct
from collections.abc import Iterator

from domain import Defect, Size
from studio.images import metadata
from studio.images.base import Container, NoPixels, NotAPicture, Parsed, Part, collect, find, valid_size

LOSSY, LOSSLESS, EXTENDED = b"VP8 ", b"VP8L", b"VP8X"
PROFILE, ALPHA, LOOP, FRAME = b"ICCP", b"ALPH", b"ANIM", b"ANMF"
XMP: tuple[bytes, bytes] = b"XMP ", b""
EXIF: tuple[bytes, bytes] = b"EXIF", b""
HAS_PROFILE, HAS_ALPHA, HAS_EXIF, HAS_XMP, IS_ANIMATED = 0x20, 0x10, 0x08, 0x04, 0x02
"""Flags in the first byte of VP8X (section 2.7.1)."""
PIXELS = frozenset({LOSSY, LOSSLESS, FRAME})


def parse(data: bytes) -> Parsed:
    flaws = list[NotAPicture]()
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        flaws.append(NotAPicture("the WebP is cut off", Defect.CUT_OFF))
    parts = collect(_chunks(memoryview(data)[:end], flaws))
    kinds = [part.kind for part in parts]
    if kinds[:1] not in ([LOSSY], [LOSSLESS], [EXTENDED]):
        raise NoPixels("the WebP begins with neither a header nor a picture")
    if EXTENDED in kinds[1:]:
        raise NotAPicture("the WebP does not hold one picture")
    moving = bool(_flags(parts) & IS_ANIMATED)
    if FRAME in kinds if moving else kinds.count(LOSSY) + kinds.count(LOSSLESS) == 1:
        return Parsed(Container("webp", _canvas(parts[0].body) if moving else _size(parts), moving), parts, flaws)
    raise NotAPicture("the WebP does not hold one picture")


def _chunks(view: memoryview, flaws: list[NotAPicture]) -> Iterator[Part]:
    """All chunks; those after the pixels may be cut off."""
    at, has_pixels = 12, False
    while at < len(view):
        kind, length = struct.unpack_from("<4sI", view, at) if at + 8 <= len(view) else (b"", 0)
        end = at + 8 + length
        if not kind or end > len(view):
            if not has_pixels or kind in PIXELS:
                raise NotAPicture("the WebP is cut off", Defect.CUT_OFF)
            flaws.append(NotAPicture("the WebP is cut off", Defect.CUT_OFF))
            return
        yield Part(kind, view[at:end], view[at + 8 : end])
        has_pixels |= kind in PIXELS
        at = end + (length & 1)


def _flags(parts: list[Part]) -> int:
    """The first byte of VP8X; 0 if the file does not begin with one."""
    if not parts or parts[0].kind != EXTENDED:
        return 0
    if len(parts[0].body) < 10:
        raise NotAPicture("the WebP's header has the wrong length")
    return parts[0].body[0]


def _size(parts: list[Part]) -> Size:
    """The picture's size; NotAPicture if the header's differs (section 2.7.1)."""
    read, picture = next((SIZE_READERS[part.kind], part.body) for part in parts if part.kind in SIZE_READERS)
    size = read(picture)
    if parts[0].kind == EXTENDED and _canvas(parts[0].body) != size:
        raise NotAPicture("the WebP's header and picture differ in size")
    return size


def _canvas(body: memoryview) -> Size:
    width, height = int.from_bytes(body[4:7], "little"), int.from_bytes(body[7:10], "little")
    return valid_size(width + 1, height + 1)


def _lossy_size(body: memoryview) -> Size:
    """From a VP8 key frame: a 3-byte tag, the start code 9D 01 2A, then 14 bits for each side."""
    if len(body) < 10 or bytes(body[3:6]) != b"\x9d\x01\x2a" or body[0] & 1:
        raise NotAPicture("the WebP's picture does not begin with a key frame")
    if 10 + (int.from_bytes(body[:3], "little") >> 5) > len(body):
        raise NotAPicture("the WebP's picture is cut off", Defect.CUT_OFF)
    width, height = struct.unpack_from("<HH", body, 6)
    return valid_size(width & 0x3FFF, height & 0x3FFF)


def _lossless_size(body: memoryview) -> Size:
    """From VP8L (section 3.4): 2F, then 14 bits for each side less 1, the alpha hint, and 3 bits of version 0."""
    if len(body) < 6 or body[0] != 0x2F or body[4] >> 5:
        raise NotAPicture("the WebP's picture makes no sense")
    bits = int.from_bytes(body[1:5], "little")
    return valid_size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)


SIZE_READERS = {LOSSY: _lossy_size, LOSSLESS: _lossless_size}


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same picture in the extended format, without foreign metadata, with our XMP at the end."""
    claimed = _flags(parts)
    # Decoders ignore chunks that the header's flags do not announce; such a chunk must not become active here.
    profile = find(parts, PROFILE) if claimed & HAS_PROFILE else None
    turned = metadata.orientation_block(find(parts, *EXIF))
    if claimed & IS_ANIMATED:
        size, chunks, flags = _canvas(parts[0].body), [(p.kind, p.body) for p in parts if p.kind in (LOOP, FRAME)], 0
    else:
        size, chunks, flags = _still(parts)
    flags |= HAS_XMP | claimed & (HAS_ALPHA | IS_ANIMATED)
    flags |= (HAS_PROFILE if profile is not None else 0) | (HAS_EXIF if turned else 0)
    whole = [(EXTENDED, _header(flags, size)), (PROFILE, profile), *chunks, (EXIF[0], turned), (XMP[0], xmp)]
    return chunk(b"RIFF", b"WEBP" + b"".join(chunk(kind, body) for kind, body in whole if body is not None))


def _still(parts: list[Part]) -> tuple[Size, list[tuple[bytes, bytes | memoryview | None]], int]:
    """The size, the chunks that hold pixels, and the flag for transparency."""
    picture = next(part for part in parts if part.kind in SIZE_READERS)
    alpha = find(parts, ALPHA) if _flags(parts) & HAS_ALPHA and picture.kind == LOSSY else None
    # VP8L has its own hint, at the same bit of its fifth byte.
    clear = alpha is not None or (picture.kind == LOSSLESS and picture.body[4] & HAS_ALPHA)
    return _size(parts), [(ALPHA, alpha), (picture.kind, picture.body)], HAS_ALPHA if clear else 0


def _header(flags: int, size: Size) -> bytes:
    return struct.pack("<I", flags) + b"".join((side - 1).to_bytes(3, "little") for side in size)


def chunk(kind: bytes, body: bytes | memoryview) -> bytes:
    return b"".join([kind, struct.pack("<I", len(body)), body, b"\0" * (len(body) & 1)])
