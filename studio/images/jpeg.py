"""JPEG by its marker segments (ITU-T T.81, annex B; JFIF is T.871; XMP in APP1 is Adobe's XMP part 3, 1.1.3)."""

import re
import struct
from collections.abc import Iterator

from domain import Defect, Size
from studio.images import metadata
from studio.images.base import Container, NoPixels, NotAPicture, Parsed, Part, collect, find, valid_size

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
SEARCH_BYTES = 2**20
"""Bytes per regular expression search, which holds the GIL."""
XMP: tuple[bytes, bytes] = APP1, b"http://ns.adobe.com/xap/1.0/\0"
EXIF: tuple[bytes, bytes] = APP1, b"Exif\0\0"
MAX_XMP = 65_000
"""A segment holds 65,533 bytes, the name of the namespace among them."""


def parse(data: bytes) -> Parsed:
    flaws = list[NotAPicture]()
    parts = collect(_segments(data, flaws))
    kinds = [part.kind for part in parts]
    if SOS not in kinds:
        raise NoPixels("the JPEG holds no picture")
    before = parts[: kinds.index(SOS)]
    frames = [part for part in before if part.kind in FRAMES]
    if len(frames) != 1 or sum(kind in FRAMES for kind in kinds) != 1 or DQT not in kinds[: len(before)]:
        raise NotAPicture("the JPEG's header makes no sense")
    if DHT not in kinds[: len(before)]:
        raise NoPixels("the JPEG has no tables to decode its data with")
    return Parsed(Container("jpeg", _size(frames[0].body), scans=kinds.count(SOS)), parts, flaws)


def _segments(data: bytes, flaws: list[NotAPicture]) -> Iterator[Part]:
    """All segments between SOI and EOI; a scan's data belongs to its SOS.

    After a scan, the rest may be missing: decoders show what there is.
    """
    view, at, has_pixels = memoryview(data), 2, False
    while (code := _marker(data, at, has_pixels, flaws)) is not None:
        kind, body = data[code : code + 1], code + 3
        if kind == EOI:
            return
        if kind not in SEGMENTS:
            raise NotAPicture("the JPEG has a segment that browsers do not know")
        length = int.from_bytes(data[code + 1 : body], "big")
        at = code + 1 + length
        if length < 2 or at > len(data):
            if not has_pixels:
                raise NotAPicture("the JPEG is cut off", Defect.CUT_OFF)
            flaws.append(NotAPicture("the JPEG is cut off", Defect.CUT_OFF))
            return
        payload = view[body:at]
        if kind == SOS:
            at, has_pixels = _scan_end(data, at, payload), True
        yield Part(kind, view[code - 1 : at], payload)


def _marker(data: bytes, at: int, has_pixels: bool, flaws: list[NotAPicture]) -> int | None:
    """The offset of the marker's code, after any number of FF; None if the file ends after a scan."""
    found = FILL.match(data, at)
    if found and found.end() < len(data):
        return found.end()
    if found is None and at < len(data) - 1:
        raise NotAPicture("the JPEG is damaged")
    if not has_pixels:
        raise NotAPicture("the JPEG is cut off", Defect.CUT_OFF)
    flaws.append(NotAPicture("the JPEG is cut off", Defect.CUT_OFF))
    return None


def _scan_end(data: bytes, at: int, header: memoryview) -> int:
    """The end of the entropy-coded data that starts at `at`, which may be the end of the file."""
    if not header or not 1 <= header[0] <= 4 or len(header) != 4 + 2 * header[0]:
        raise NotAPicture("a scan in the JPEG makes no sense")
    pieces = (SCAN_END.search(data, start, start + SEARCH_BYTES + 1) for start in range(at, len(data), SEARCH_BYTES))
    found = next(filter(None, pieces), None)
    end = found.start() if found else len(data.rstrip(b"\xff"))
    if end <= at:
        raise NotAPicture("a scan in the JPEG is empty")
    return end


def _size(body: memoryview) -> Size:
    """The size in a frame header (B.2.2): 8 bits, and grey, colour or CMYK."""
    if len(body) < 6:
        raise NotAPicture("the JPEG's header has the wrong length")
    depth, height, width, channels = struct.unpack_from(">BHHB", body)
    if depth != 8 or channels not in {1, 3, 4} or len(body) != 6 + 3 * channels:
        raise NotAPicture("the JPEG's header makes no sense")
    return valid_size(width, height)


def stamp(parts: list[Part], xmp: bytes) -> bytes:
    """The same picture with our XMP in place of foreign metadata; ValueError if `xmp` exceeds 65,000 bytes."""
    if len(xmp) > MAX_XMP:
        raise ValueError(f"an XMP packet of {len(xmp)} bytes does not fit into a JPEG")
    turned = metadata.orientation_block(find(parts, *EXIF))
    ours = [segment(APP1, EXIF[1] + turned)] if turned else []
    ours.append(segment(APP1, XMP[1] + xmp))
    return b"".join([b"\xff" + SOI, *_jfif(parts), *ours, *_kept(parts), b"\xff" + EOI])


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
