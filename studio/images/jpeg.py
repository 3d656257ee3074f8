"""JPEG by its marker segments (ITU-T T.81, annex B; JFIF is T.871; XMP in APP1 is Adobe's XMP part 3, 1.1.3)."""

import re
import struct
from collections.abc import Iterator

from domain import Size
from studio.images.base import Container, NotAPicture, Parsed, Part, checked_size, gather

SOI, EOI, SOS, COM = b"\xd8", b"\xd9", b"\xda", b"\xfe"
APP0, APP1, APP2, APP14 = b"\xe0", b"\xe1", b"\xe2", b"\xee"
DHT, DQT, DRI = b"\xc4", b"\xdb", b"\xdd"
APPS = frozenset(bytes([code]) for code in range(0xE0, 0xF0))
FRAMES = frozenset({b"\xc0", b"\xc1", b"\xc2"})
"""Baseline, extended and progressive: the kinds that browsers and Discord show."""
SEGMENTS = FRAMES | APPS | {SOS, COM, DHT, DQT, DRI}
FILL = re.compile(rb"\xff+")
SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")
"""Within entropy-coded data FF is followed by 00, by D0 to D7 (restart), or by more FF (B.1.1.2, B.1.1.5)."""
XMP: tuple[bytes, bytes] = APP1, b"http://ns.adobe.com/xap/1.0/\0"
EXIF: tuple[bytes, bytes] = APP1, b"Exif\0\0"
MAX_XMP = 65_000
"""A segment holds 65,533 bytes, the name of the namespace among them."""


def parse(data: bytes) -> Parsed:
    parts = gather(_segments(data))
    kinds = [part.kind for part in parts]
    if SOS not in kinds:
        raise NotAPicture("the JPEG holds no picture")
    before = parts[: kinds.index(SOS)]
    frames = [part for part in before if part.kind in FRAMES]
    if len(frames) != 1 or sum(kind in FRAMES for kind in kinds) != 1 or DQT not in kinds[: len(before)]:
        raise NotAPicture("the JPEG's header makes no sense")
    return Parsed(Container("jpeg", _size(frames[0].body)), parts)


def _segments(data: bytes) -> Iterator[Part]:
    """Everything between SOI and the EOI that ends the picture; a scan's data belongs to its SOS."""
    view, at = memoryview(data), 2
    while True:
        code = _marker(data, at)
        kind, body = data[code : code + 1], code + 3
        if kind == EOI:
            yield Part(kind, view[code - 1 : code + 1], view[:0])
            return
        if kind not in SEGMENTS:
            raise NotAPicture("the JPEG has a segment that browsers do not know")
        length = int.from_bytes(data[code + 1 : body], "big")
        at = code + 1 + length
        if length < 2 or at > len(data):
            raise NotAPicture("the JPEG is cut off")
        payload = view[body:at]
        if kind == SOS:
            at = _scan_end(data, at, payload)
        yield Part(kind, view[code - 1 : at], payload)


def _marker(data: bytes, at: int) -> int:
    """Where the marker's code is, behind any number of FF."""
    found = FILL.match(data, at)
    if found is None or found.end() >= len(data):
        raise NotAPicture("the JPEG is cut off" if at >= len(data) - 1 else "the JPEG is damaged")
    return found.end()


def _scan_end(data: bytes, at: int, header: memoryview) -> int:
    """Where the entropy-coded data that starts at `at` ends."""
    if not header or not 1 <= header[0] <= 4 or len(header) != 4 + 2 * header[0]:
        raise NotAPicture("a scan in the JPEG makes no sense")
    found = SCAN_END.search(data, at)
    if found is None:
        raise NotAPicture("the JPEG is cut off")
    if found.start() == at:
        raise NotAPicture("a scan in the JPEG is empty")
    return found.start()


def _size(body: memoryview) -> Size:
    """The size in a frame header (B.2.2): 8 bits, and grey, colour or CMYK."""
    if len(body) < 6:
        raise NotAPicture("the JPEG's header has the wrong length")
    depth, height, width, channels = struct.unpack_from(">BHHB", body)
    if depth != 8 or channels not in {1, 3, 4} or len(body) != 6 + 3 * channels:
        raise NotAPicture("the JPEG's header makes no sense")
    return checked_size(width, height)


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same picture without foreign metadata, and with our XMP in front; ValueError over 65,000 bytes of it."""
    if len(xmp) > MAX_XMP:
        raise ValueError(f"an XMP packet of {len(xmp)} bytes does not fit into a JPEG")
    return b"".join([b"\xff" + SOI, *_jfif(parts), segment(APP1, XMP[1] + xmp), *_kept(parts)])


def _jfif(parts: list[Part]) -> list[bytes]:
    """The first JFIF header, without its thumbnail."""
    heads = [bytes(part.body[:12]) for part in parts if part.kind == APP0 and len(part.body) >= 14]
    return [segment(APP0, head + b"\0\0") for head in heads if head.startswith(b"JFIF\0")][:1]


def _kept(parts: list[Part]) -> Iterator[bytes | memoryview]:
    for part in parts:
        head = bytes(part.body[:12])
        if part.kind == APP14 and head.startswith(b"Adobe") and len(head) == 12:
            # Says whether the channels are RGB, YCbCr, CMYK or YCCK (T.872, 6.5.3).
            yield segment(APP14, head)
        if (part.kind == APP2 and head == b"ICC_PROFILE\0") or part.kind not in APPS | {COM}:
            yield part.whole


def segment(kind: bytes, body: bytes) -> bytes:
    return b"\xff" + kind + struct.pack(">H", len(body) + 2) + body
