"""PNG by its chunks (PNG specification, third edition: 5.3 chunk layout, 5.6 ordering, 11.2 critical chunks)."""

import struct
from collections.abc import Iterator
from zlib import crc32, decompressobj
from zlib import error as ZlibError  # noqa: N812 - a class, whatever its name

from domain import Defect, Size
from studio.images import metadata
from studio.images.base import Container, NoPixels, NotAPicture, Parsed, Part, collect, find, valid_size

SIGNATURE = b"\x89PNG\r\n\x1a\n"
CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
LENGTHS = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}
LENGTHS_BY_TYPE = {
    b"tRNS": {0: 2, 2: 6},
    b"sBIT": {0: 1, 2: 3, 3: 3, 4: 2, 6: 4},
    b"bKGD": {0: 2, 2: 6, 3: 1, 4: 2, 6: 6},
}
"""By colour type; tRNS of a palette has at most one byte for each of its colours (11.3)."""
COLOUR = frozenset({b"iCCP", *LENGTHS, *LENGTHS_BY_TYPE})
"""Ancillary chunks that change how a picture looks; all others are dropped."""
ANIMATED = {b"acTL": range(8, 9), b"fcTL": range(26, 27), b"fdAT": range(5, 2**31)}
"""Chunks of an animation, with their valid lengths."""
SHOWN = CRITICAL | ANIMATED.keys() | COLOUR
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}
"""Valid bit depths by colour type (table 12)."""
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
FILTERS = bytes(range(5))
LONGEST_SIDE = 2**31 - 1
"""Section 7.1."""
LONGEST_NAME = 79
UNPACK_STEP = 2**20
"""Bytes per call of zlib, into it and out of it."""
XMP: tuple[bytes, bytes] = b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0"
"""Chunk type, and its payload before the text (11.3.3.4): keyword, uncompressed, no language or translation."""
EXIF: tuple[bytes, bytes] = b"eXIf", b""


def parse(data: bytes) -> Parsed:
    flaws = list[NotAPicture]()
    parts = collect(_chunks(data, flaws))
    kinds = [part.kind for part in parts]
    if kinds[:1] != [b"IHDR"] or kinds.count(b"IHDR") > 1:
        raise NotAPicture("the PNG does not begin with its one header")
    size, colour_type = _header(parts[0].body)
    # Bit 5 of a name's first byte marks chunks that a decoder may skip (5.4).
    if any(not kind.isalpha() or not (kind[0] & 0x20 or kind in CRITICAL) for kind in kinds):
        raise NotAPicture("the PNG has a chunk that no decoder knows")
    before = parts[: _data_start(parts)]
    _check_palette(before, colour_type)
    moving = not ANIMATED.keys().isdisjoint(kinds)
    if moving and not (_have_valid_lengths(parts) and _begins_with_the_picture(before, size)):
        moving = False
        flaws.append(NotAPicture("the PNG's frames make no sense"))
        parts = [part for part in parts if part.kind not in ANIMATED]
    return Parsed(Container("png", size, moving=moving), parts, flaws)


def _chunks(data: bytes, flaws: list[NotAPicture]) -> Iterator[Part]:
    """All chunks up to IEND; those after the pixels may be missing, and ancillary ones damaged."""
    view, at, kind, has_pixels = memoryview(data), len(SIGNATURE), b"", False
    while kind != b"IEND":
        length, kind = struct.unpack_from(">I4s", view, at) if at + 12 <= len(view) else (0, b"")
        end = at + 12 + length
        if not kind or end > len(view):
            if not has_pixels or kind in SHOWN:
                raise NotAPicture("the PNG is cut off", Defect.CUT_OFF)
            flaws.append(NotAPicture("the PNG is cut off", Defect.CUT_OFF))
            return
        if crc32(view[at + 4 : end - 4]) == int.from_bytes(view[end - 4 : end], "big"):
            yield Part(kind, view[at:end], view[at + 8 : end - 4])
        elif kind in CRITICAL or kind in ANIMATED:
            raise NotAPicture("a checksum in the PNG is wrong")
        else:
            flaws.append(NotAPicture("a checksum in the PNG is wrong"))
        has_pixels |= kind == b"IDAT"
        at = end


def _header(body: memoryview) -> tuple[Size, int]:
    """The size and the colour type."""
    if len(body) != 13:
        raise NotAPicture("the PNG's header has the wrong length")
    width, height, depth, colour_type, compression, filtering, interlace = struct.unpack(">IIBBBBB", body)
    known = depth in DEPTHS.get(colour_type, ()) and not (compression or filtering or interlace > 1)
    if not known or max(width, height) > LONGEST_SIDE:
        raise NotAPicture("the PNG's header makes no sense")
    return valid_size(width, height), colour_type


def _data_start(parts: list[Part]) -> int:
    """The index of the first IDAT; NotAPicture unless they are consecutive (5.6) and not all empty."""
    places = [place for place, part in enumerate(parts) if part.kind == b"IDAT"]
    if not any(len(parts[place].body) for place in places):
        raise NoPixels("the PNG holds no picture")
    if places[-1] - places[0] + 1 != len(places):
        raise NotAPicture("the PNG's data lies in several places")
    return places[0]


def _check_palette(before: list[Part], colour_type: int) -> None:
    """NotAPicture for more than one palette before the data, or for none if the colour type needs one (11.2.2)."""
    palettes = [len(part.body) for part in before if part.kind == b"PLTE"]
    if len(palettes) > 1 or any(not 3 <= length <= 768 or length % 3 for length in palettes):
        raise NotAPicture("the PNG's palette makes no sense")
    if colour_type == 3 and not palettes:
        raise NotAPicture("the PNG has no palette")


def _have_valid_lengths(parts: list[Part]) -> bool:
    """Whether all animation chunks do; browsers and Pillow refuse the picture otherwise (tried with Chromium)."""
    return all(len(part.body) in ANIMATED[part.kind] for part in parts if part.kind in ANIMATED)


def _begins_with_the_picture(before: list[Part], size: Size) -> bool:
    """Whether a frame header before the data has number 0 and full size; browsers refuse the picture otherwise."""
    frame = find(before, b"fcTL")
    return frame is None or frame[:20] == struct.pack(">5I", 0, *size, 0, 0)


def unpacked_length(parts: list[Part]) -> int:
    """Decompressed bytes of a picture that is not interlaced."""
    line, height = _lines(parts)
    return line * height


def _lines(parts: list[Part]) -> tuple[int, int]:
    """Bytes of each scanline, with its filter byte, and the number of scanlines (7.2)."""
    width, height, depth, colour_type = struct.unpack_from(">IIBB", parts[0].body)
    return 1 + (width * depth * CHANNELS[colour_type] + 7) // 8, height


def is_complete(parts: list[Part]) -> bool:
    """Whether the data decompresses to the expected length, and every scanline has a valid filter (9.2).

    That is all that decoding would check, in a third of the time. False also for an interlaced picture.
    """
    if parts[0].body[12]:
        return False
    (line, height), length = _lines(parts), 0
    try:
        for piece in _unpacked(parts):
            odd = piece[-length % line :: line].strip(FILTERS)
            length += len(piece)
            if odd or length > line * height:
                return False
    except ZlibError:
        return False
    return length == line * height


def _unpacked(parts: list[Part]) -> Iterator[bytes]:
    """The decompressed data in pieces; ZlibError if it is damaged or cut off.

    The pieces are large, because after each one zlib hands the GIL to other threads.
    """
    unpacking, data = decompressobj(), memoryview(b"".join(part.body for part in parts if part.kind == b"IDAT"))
    for start in range(0, len(data), UNPACK_STEP):
        packed: bytes | memoryview = data[start : start + UNPACK_STEP]
        while packed and not unpacking.eof:
            yield unpacking.decompress(packed, UNPACK_STEP)
            packed = unpacking.unconsumed_tail
    yield unpacking.flush()
    if not unpacking.eof:
        raise ZlibError


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same picture without foreign metadata, with our XMP right after the header."""
    header, *rest = parts
    turned = metadata.orientation_block(find(parts, *EXIF))
    colour_type, colours = header.body[9], len(find(rest, b"PLTE") or b"") // 3
    shown = [part for part in rest if part.kind in SHOWN and _is_sound(part, colour_type, colours)]
    kept = [part.whole for part in shown if part.kind != b"IEND"]
    ours = [chunk(EXIF[0], turned)] if turned else []
    return b"".join([SIGNATURE, header.whole, *ours, chunk(XMP[0], XMP[1] + xmp), *kept, chunk(b"IEND", b"")])


def _is_sound(part: Part, colour_type: int, colours: int) -> bool:
    """Whether a chunk's length is valid; some decoders refuse a picture with an ancillary chunk of another length."""
    length = len(part.body)
    if part.kind == b"iCCP":
        return _has_a_profile(part.body)
    if part.kind == b"tRNS" and colour_type == 3:
        return 0 < length <= colours
    if part.kind in LENGTHS_BY_TYPE:
        return length == LENGTHS_BY_TYPE[part.kind].get(colour_type)
    return length == LENGTHS.get(part.kind, length)


def _has_a_profile(body: memoryview) -> bool:
    """Whether an iCCP chunk has a name of 1 to 79 bytes, a zero, and compression method 0 (11.3.2.3)."""
    name, _, rest = bytes(body[: LONGEST_NAME + 2]).partition(b"\0")
    return 1 <= len(name) <= LONGEST_NAME and rest[:1] == b"\0"


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", crc32(kind + body))
