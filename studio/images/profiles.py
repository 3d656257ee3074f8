"""Colour profiles that are cheap to apply: their cost is bounded by their size (ICC.1:2022, 7.2 and 7.3)."""

import struct
from collections.abc import Iterator

MAX_PROFILE_BYTES = 2**20
"""Bytes. Profiles of screens and cameras have 500 to 10,000, those of printing presses some 600,000."""
MAX_TAGS = 100
SPACES = (b"RGB ", b"GRAY", b"CMYK")
CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
MULTI_STEP = b"mpet"
"""Tag type of a chain of any number of elements, all of which are computed for each pixel."""


def is_plain(profile: bytes) -> bool:
    """Whether the profile is of a common kind and cheap to apply."""
    try:
        known = profile[12:16] in CLASSES and profile[16:20] in SPACES and len(profile) <= MAX_PROFILE_BYTES
        return known and MULTI_STEP not in set(_tag_types(profile))
    except struct.error:
        return False


def _tag_types(profile: bytes) -> Iterator[bytes]:
    """The type of each tag; struct.error if the tag table is cut off or too long."""
    (count,) = struct.unpack_from(">I", profile, 128)
    if count > MAX_TAGS:
        raise struct.error("too many tags")
    for number in range(count):
        (at,) = struct.unpack_from(">I", profile, 132 + 12 * number + 4)
        yield struct.unpack_from("4s", profile, at)[0]
