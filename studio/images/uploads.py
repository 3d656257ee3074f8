"""Members' uploads: checked, decoded and re-encoded, so that only pixels reach providers."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

from domain import BadUpload, Defect, FileTooLarge, NoRoom, Room, Size, WrongFileType
from domain.kinds import kind_of
from studio.images import containers, upload_rules
from studio.images.base import NotAPicture
from studio.images.decoder_pool import DECODERS, DecodingFailed, NoProcess, TooSlow

log = logging.getLogger(__name__)

MAX_UPLOAD = 20 * 2**20
"""Bytes."""
MEDIA_TYPES = (
    *("image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"),
    *("application/octet-stream", None),
)
"""Media types that Discord may announce; the last two do not describe the content."""
DECODE_SECONDS = 10.0


def check_announced(length: int, kind: str | None, size: Size | None, option: str) -> None:
    """Check what Discord announces of a file before it is fetched: length, media type, and size. NotPossible."""
    _check_length(length, option)
    if kind not in MEDIA_TYPES:
        raise WrongFileType(option=option, file_type=str(kind))
    if size:
        with _refusing(option):
            upload_rules.check_size(*size, option)


async def read_upload(data: bytes, option: str = "image") -> bytes:
    """A member's image as PNG: RGB, or RGBA if not opaque; upright, in sRGB, without metadata.

    BadUpload, FileTooLarge or ImageTooLarge (of the given option).
    """
    with _refusing(option):
        _check_start(data, option)
        return (await DECODERS.run("upload", data, DECODE_SECONDS, option=option)).data


async def read_mask(data: bytes, size: Size) -> bytes:
    """A member's mask as PNG: 8-bit greyscale, white = repaint, of the image's `size`.

    If the file has any transparency, only that counts: transparent = repaint. Raises as `read_upload` (option `mask`),
    also if there is nothing to repaint; OtherProportions if its proportions differ from the image's.
    """
    with _refusing("mask"):
        _check_start(data, "mask")
        return (await DECODERS.run("mask", data, DECODE_SECONDS, size=size)).data


def _check_start(data: bytes, option: str) -> None:
    """Cheap checks before a process is given the file."""
    _check_length(len(data), option)
    if kind_of(data) != "heic":
        containers.format_of(data)


def _check_length(length: int, option: str) -> None:
    if length > MAX_UPLOAD:
        raise FileTooLarge(option=option, length=length, limit=MAX_UPLOAD)


@contextmanager
def _refusing(option: str) -> Generator[None]:
    """Translate a file's error into the domain error for its member."""
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
