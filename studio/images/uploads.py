"""Members' uploads: checked, decoded and re-encoded, so that nothing but pixels is passed on."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from domain import BadUpload, Defect, FileTooLarge, NoRoom, Room, Size, WrongFileType
from studio.images import containers, upload_rules
from studio.images.base import NotAPicture
from studio.images.decoder_pool import DECODERS, DecodingFailed, NoProcess, TooSlow

log = logging.getLogger(__name__)

MAX_UPLOAD = 20 * 2**20
"""Bytes."""
MEDIA_TYPES = ("image/png", "image/jpeg", "image/webp", "application/octet-stream", None)
"""Media types that Discord may announce; the last two say nothing of the content."""
DECODE_SECONDS = 10.0


def check_announced(length: int, kind: str | None, size: Size | None, option: str) -> None:
    """What can be told of a file that is not fetched yet: its bytes, its media type, and its size. NotPossible."""
    _check_length(length, option)
    if kind not in MEDIA_TYPES:
        raise WrongFileType(option=option, file_type=str(kind))
    if size:
        with _refusing(option):
            upload_rules.check_size(*size, option)


async def read_upload(data: bytes, option: str = "image") -> bytes:
    """A member's image as PNG: RGB, or RGBA where something shows through; upright, in sRGB, without any metadata.

    BadUpload, FileTooLarge or ImageTooLarge (of the given option).
    """
    with _refusing(option):
        _check_start(data, option)
        return (await DECODERS.run("upload", data, DECODE_SECONDS)).data


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    Where the file has any transparency, that alone counts, and transparent = repaint. What `read_upload` raises (option
    `mask`), also when there is nothing to repaint; OtherProportions than the image's.
    """
    with _refusing("mask"):
        _check_start(data, "mask")
        return (await DECODERS.run("mask", data, DECODE_SECONDS, size=size)).data


def _check_start(data: bytes, option: str) -> None:
    """Cheap checks before a process is given the file."""
    _check_length(len(data), option)
    containers.format_of(data)


def _check_length(length: int, option: str) -> None:
    if length > MAX_UPLOAD:
        raise FileTooLarge(option=option, length=length, limit=MAX_UPLOAD)


@contextmanager
def _refusing(option: str) -> Generator[None]:
    """Turn a file's failure into the domain error that its member is told."""
    try:
        yield
    except NotAPicture as reason:
        raise BadUpload(str(reason), option=option, defect=reason.defect) from None
    except NoProcess as error:
        log.warning("an upload is not read: %s", error)
        raise NoRoom(room=Room.TURNS) from None
    except TooSlow:
        raise BadUpload(option=option, defect=Defect.TOO_SLOW) from None
    except DecodingFailed as error:
        log.warning("an upload is not read: %s", error)
        raise BadUpload(option=option, defect=Defect.UNREADABLE) from None
