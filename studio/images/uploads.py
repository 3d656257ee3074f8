"""Files that members send: checked, decoded, and painted anew, so that nothing but pixels is passed on."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from domain import BadUpload, Defect, FileTooLarge, NoRoom, Room, Size, WrongFileType
from studio.images import containers, strict
from studio.images.base import NotAPicture
from studio.images.workshop import WORKSHOP, Died, NoProcess, TooSlow

log = logging.getLogger(__name__)

MAX_UPLOAD = 20 * 2**20
"""Bytes."""
KINDS = ("image/png", "image/jpeg", "image/webp", "application/octet-stream", None)
"""Media types that a file may be announced with: two of them tell nothing."""
SECONDS = 10.0


def check_announced(length: int, kind: str | None, size: Size | None, option: str) -> None:
    """What can be told of a file that is not fetched yet: its bytes, its media type, and its size. NotPossible."""
    _check_length(length, option)
    if kind not in KINDS:
        raise WrongFileType(option=option, file_type=str(kind))
    if size:
        with _refusing(option):
            strict.check_size(*size, option)


async def read_upload(data: bytes) -> bytes:
    """A member's image as PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata.

    BadUpload, FileTooLarge or ImageTooLarge (option `image`).
    """
    with _refusing("image"):
        _check_start(data, "image")
        return (await WORKSHOP.do("upload", data, SECONDS)).data


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    Where the file has any transparency, that alone counts, and transparent = repaint. What `read_upload` raises (option
    `mask`), also when there is nothing to repaint; OtherProportions than the image's.
    """
    with _refusing("mask"):
        _check_start(data, "mask")
        return (await WORKSHOP.do("mask", data, SECONDS, size=size)).data


def _check_start(data: bytes, option: str) -> None:
    """What can be told without going through the file, which may be made to take long."""
    _check_length(len(data), option)
    containers.format_of(data)


def _check_length(length: int, option: str) -> None:
    if length > MAX_UPLOAD:
        raise FileTooLarge(option=option, length=length, limit=MAX_UPLOAD)


@contextmanager
def _refusing(option: str) -> Generator[None]:
    """What is no picture that we take is told to the member as such."""
    try:
        yield
    except NotAPicture as reason:
        raise BadUpload(str(reason), option=option, defect=reason.defect) from None
    except NoProcess as error:
        log.warning("an upload is not read: %s", error)
        raise NoRoom(room=Room.TURNS) from None
    except TooSlow:
        raise BadUpload(option=option, defect=Defect.TOO_SLOW) from None
    except Died as error:
        log.warning("an upload is not read: %s", error)
        raise BadUpload(option=option, defect=Defect.UNREADABLE) from None
