"""EXIF orientation, the only part of EXIF that changes how a picture looks (Exif 2.32, 4.6.4 A; TIFF 6.0)."""

import struct
from collections.abc import Iterator

from domain import Size

ORIENTATION = 0x0112
UPRIGHT = 1
SHORT = 3
"""TIFF type of the entry: two bytes."""
MAX_ENTRIES = 200


def orientation(block: bytes | None) -> int:
    """The orientation, 1 (upright) to 8, in a block that starts with a TIFF header; 1 if it is damaged or missing."""
    try:
        found = next((value for tag, kind, value in _entries(block or b"") if (tag, kind) == (ORIENTATION, SHORT)), 1)
    except struct.error:
        return UPRIGHT
    return found if 1 <= found <= 8 else UPRIGHT


def _entries(block: bytes) -> Iterator[tuple[int, int, int]]:
    """Tag, type and first 16-bit value of each entry of the first directory."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None:
        return
    (at,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, at)
    for number in range(min(count, MAX_ENTRIES)):
        yield struct.unpack_from(order + "HH4xH", block, at + 2 + 12 * number)


def orientation_block(block: bytes | None) -> bytes | None:
    """An EXIF block with only the orientation; None for an upright picture."""
    turn = orientation(block)
    if turn == UPRIGHT:
        return None
    return b"MM\0*" + struct.pack(">IHHHIHHI", 8, 1, ORIENTATION, SHORT, 1, turn, 0, 0)


def upright_size(size: Size, block: bytes | None) -> Size:
    """The size as viewers show it: orientations 5 to 8 swap width and height."""
    return Size(size.height, size.width) if orientation(block) >= 5 else size
