"""Pictures as text: in base64, and as data URLs."""

import asyncio
import re
from typing import overload

import pybase64

from domain import BadResponse
from domain.kinds import kind_of

MAX_PICTURE_BYTES = 32 * 1024 * 1024
MAX_DECODED_AT_ONCE = 4 * 1024 * 1024
"""Characters of base64 that are decoded on the event loop; more go to a thread."""
URL_SAFE_ALPHABET, BLANKS = bytes.maketrans(b"-_", b"+/"), b" \t\r\n\v\f"
HEAD_LENGTH = 4096
"""Characters of base64 that are decoded to recognise a picture."""
MIN_BASE64_LENGTH = 32
"""Characters of base64: shorter than any picture, and longer than most words and paths of that alphabet."""
PATH_LIKE, MAX_PATH_LENGTH = "/w", 512
"""How JPEG XL begins in base64, but also paths such as `/workspace/`; up to that length a text counts as a path."""
BLANK = re.compile(r"\s+")
DATA_URL = re.compile(r"data:[^,\s]{0,200},", re.IGNORECASE)


@overload
def encode_base64(data: bytes) -> str: ...
@overload
def encode_base64(data: bytes | None) -> str | None: ...
def encode_base64(data: bytes | None) -> str | None:
    """With pybase64, which is several times faster than the standard library."""
    return None if data is None else pybase64.b64encode(data).decode()


def data_url(png: bytes | None) -> str | None:
    """A PNG as a data URL."""
    return f"data:image/png;base64,{encode_base64(png)}" if png else None


def is_inline_picture(text: str) -> bool:
    """Whether a text is a data URL, or base64 with a picture's magic bytes."""
    return DATA_URL.match(text) is not None or _begins_as_picture(text)


def _begins_as_picture(text: str) -> bool:
    head = BLANK.sub("", text[:HEAD_LENGTH]).translate({ord("-"): "+", ord("_"): "/"}).rstrip("=")
    if len(head) < (MAX_PATH_LENGTH if head.startswith(PATH_LIKE) else MIN_BASE64_LENGTH):
        return False
    try:
        return kind_of(pybase64.b64decode(head[: len(head) // 4 * 4], validate=True)) is not None
    except ValueError:
        return False


async def decode_picture_async(text: str) -> bytes:
    """Like `decode_picture`, in a thread for long texts."""
    return decode_picture(text) if len(text) <= MAX_DECODED_AT_ONCE else await asyncio.to_thread(decode_picture, text)


def decode_picture(text: str) -> bytes:
    """Decode a base64 image: any alphabet, data: prefix, white space and padding allowed; raises BadResponse."""
    if len(text) > MAX_PICTURE_BYTES * 3 // 2:
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
    """In pieces, because `translate` on the whole text would block the event loop."""
    try:
        data, size = text.encode("ascii"), MAX_DECODED_AT_ONCE
        pieces = (data[at : at + size].translate(URL_SAFE_ALPHABET, BLANKS) for at in range(0, len(data), size))
        plain = b"".join(pieces).rstrip(b"=")
        return pybase64.b64decode(plain + b"=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise BadResponse("broken base64") from None
