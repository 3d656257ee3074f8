"""Files that members send: checked, decoded, and painted anew, so that nothing but pixels is passed on."""

from collections.abc import Generator
from contextlib import contextmanager

from domain import InvalidRequest, Size
from studio.images import strict
from studio.images.base import NotAPicture, WrongMask
from studio.images.workshop import WORKSHOP, Died

MAX_UPLOAD = 20 * 2**20
"""Bytes."""
KINDS = ("image/png", "image/jpeg", "image/webp", "application/octet-stream", None)
"""Media types that a file may be announced with: two of them tell nothing."""
SECONDS = 10.0
TAKES = (
    f"a PNG, JPEG or WebP file of at most {MAX_UPLOAD >> 20} MiB and {strict.MAX_PIXELS / 1e6:.1f} megapixels, "
    "not animated"
)
MASK_TAKES = "a PNG, JPEG or WebP file in the image's proportions, with white or transparency where to repaint"
PLAINER = "a plainer file: this one takes too long to read, so save it anew as a PNG"


def check_announced(length: int, kind: str | None, size: Size | None, field: str) -> None:
    """What can be told of a file that is not fetched yet: its bytes, its media type, and its size. InvalidRequest."""
    with _refusing(field):
        _check_length(length)
        if kind not in KINDS:
            raise NotAPicture(f"Its type is {kind}.")
        if size:
            strict.checked_size(*size)


async def read_upload(data: bytes) -> bytes:
    """A member's image as PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata.

    InvalidRequest (field "image") when it is too large, animated, damaged, or of another format.
    """
    with _refusing("image"):
        _check(data)
        return (await WORKSHOP.do("upload", data, SECONDS)).data


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    Where the file has any transparency, that alone counts, and transparent = repaint. InvalidRequest (field "mask")
    for what `read_upload` refuses, for other proportions than the image's, and when there is nothing to repaint.
    """
    with _refusing("mask"):
        _check(data)
        return (await WORKSHOP.do("mask", data, SECONDS, size=size)).data


def _check(data: bytes) -> None:
    """All that can be told before decoding."""
    _check_length(len(data))
    strict.inspect(data)


def _check_length(length: int) -> None:
    if length > MAX_UPLOAD:
        raise NotAPicture(f"The file has {length} bytes.")


@contextmanager
def _refusing(field: str) -> Generator[None]:
    """What is no picture that we take is told to the member as such."""
    try:
        yield
    except NotAPicture as reason:
        takes = MASK_TAKES if isinstance(reason, WrongMask) else TAKES
        raise InvalidRequest(str(reason), field=field, takes=takes) from None
    except Died:
        raise InvalidRequest("it takes too long to decode", field=field, takes=PLAINER) from None
