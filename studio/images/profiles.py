"""Which colour profiles are applied (ICC.1:2022, 7.2 and 7.3): plain ones, whose cost is bounded by their size."""

import struct
from collections.abc import Iterator

LARGEST = 2**20
"""Bytes. Of screens and cameras they have 500 to 10,000, of printing presses some 600,000."""
MOST_TAGS = 100
SPACES = (b"RGB ", b"GRAY", b"CMYK")
CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
PROGRAM = b"mpet"
"""A chain of any number of steps, all of which are taken for each pixel."""


def is_plain(profile: bytes) -> bool:
    """Whether it may be applied."""
    try:
        known = profile[12:16] in CLASSES and profile[16:20] in SPACES and len(profile) <= LARGEST
        return known and PROGRAM not in set(_tag_types(profile))
    except struct.error:
        return False


def _tag_types(profile: bytes) -> Iterator[bytes]:
    """The type of each tag's data; struct.error for a table that is cut off or too long."""
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > MOST_TAGS:
        raise struct.error("too many tags")
    for number in range(count):
        (at,) = struct.unpack_from(">I", profile, 132 + 12 * number + 4)
        yield struct.unpack_from("4s", profile, at)[0]
