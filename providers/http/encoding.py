"""Pictures as text: in base64, and as data URLs."""

import asyncio
from typing import overload

import pybase64

from domain import BadResponse
from domain.kinds import kind_of

MAX_PICTURE = 32 * 1024 * 1024
LONGEST_AT_ONCE = 1024 * 1024
"""Characters of base64 that are decoded where others wait for their turn."""
OTHER_ALPHABET, BLANKS = bytes.maketrans(b"-_", b"+/"), b" \t\r\n\v\f"


@overload
def in_base64(data: bytes) -> str: ...
@overload
def in_base64(data: bytes | None) -> str | None: ...
def in_base64(data: bytes | None) -> str | None:
    """By pybase64, which takes a fraction of the standard library's time."""
    return None if data is None else pybase64.b64encode(data).decode()


def data_url(png: bytes | None) -> str | None:
    return f"data:image/png;base64,{in_base64(png)}" if png else None


async def decoded(text: str) -> bytes:
    """As `decode_picture`, which takes a thread where there is much to decode."""
    return decode_picture(text) if len(text) <= LONGEST_AT_ONCE else await asyncio.to_thread(decode_picture, text)


def decode_picture(text: str) -> bytes:
    """The image in base64: with or without a data: prefix, white space and padding, either alphabet; BadResponse."""
    if len(text) > MAX_PICTURE * 3 // 2:
        raise BadResponse("base64 larger than the cap")
    text = text.strip()
    if text[:5].lower() == "data:":
        text = text.partition(",")[2]
    try:
        data = pybase64.b64decode(text, validate=True)
    except ValueError:
        data = _unusual_base64(text)
    if kind_of(data) is None:
        raise BadResponse("base64 that holds no image")
    return data


def _unusual_base64(text: str) -> bytes:
    """In pieces: what replaces signs in all of it at once lets nobody else have a turn."""
    try:
        data, size = text.encode("ascii"), LONGEST_AT_ONCE
        pieces = (data[at : at + size].translate(OTHER_ALPHABET, BLANKS) for at in range(0, len(data), size))
        plain = b"".join(pieces).rstrip(b"=")
        return pybase64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise BadResponse("broken base64") from None
