"""Files that members send: checked, decoded, and painted anew, so that nothing but pixels is passed on."""

import logging
from collections.abc import Generator
from contextlib import contextmanager
from math import ceil

from domain import InvalidRequest, QueueFull, Size
from studio.images import containers, strict
from studio.images.base import NotAPicture, WrongMask
from studio.images.workshop import WORKSHOP, Died, NoProcess, TooSlow

log = logging.getLogger(__name__)

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
PLAINER = "a plainer file, so save it anew as a PNG"


def check_announced(length: int, kind: str | None, size: Size | None, field: str) -> None:
    """What can be told of a file that is not fetched yet: its bytes, its media type, and its size. InvalidRequest."""
    with _refusing(field):
        _check_length(length)
        if kind not in KINDS:
            raise NotAPicture(f"Its type is {kind}.")
        if size:
            strict.checked_size(*size)


async def read_upload(data: bytes, field: str = "image") -> bytes:
    """A member's image as PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata.

    InvalidRequest (of the given field) when it is too large, animated, damaged, or of another format.
    """
    with _refusing(field):
        _check_start(data)
        return (await WORKSHOP.do("upload", data, SECONDS)).data


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    Where the file has any transparency, that alone counts, and transparent = repaint. InvalidRequest (field "mask")
    for what `read_upload` refuses, for other proportions than the image's, and when there is nothing to repaint.
    """
    with _refusing("mask"):
        _check_start(data)
        return (await WORKSHOP.do("mask", data, SECONDS, size=size)).data


def _check_start(data: bytes) -> None:
    """What can be told without going through the file, which may be made to take long."""
    _check_length(len(data))
    containers.format_of(data)


def _check_length(length: int) -> None:
    if length > MAX_UPLOAD:
        raise NotAPicture(f"The file has {ceil(length / 2**20 * 10) / 10} MiB.")


@contextmanager
def _refusing(field: str) -> Generator[None]:
    """What is no picture that we take is told to the member as such."""
    try:
        yield
    except NotAPicture as reason:
        takes = MASK_TAKES if isinstance(reason, WrongMask) else TAKES
        raise InvalidRequest(str(reason), field=field, takes=takes) from None
    except NoProcess as error:
        log.warning("an upload is not read: %s", error)
        raise QueueFull(field="uploads") from None
    except TooSlow:
        raise InvalidRequest("it takes too long to read", field=field, takes=PLAINER) from None
    except Died as error:
        log.warning("an upload is not read: %s", error)
        raise InvalidRequest("it could not be read", field=field, takes=PLAINER) from None
