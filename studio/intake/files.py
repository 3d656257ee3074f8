"""Members' files on their way in: read in their turn, checked, stripped, and stored for a day."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from domain import BadUpload, Defect, ImageRequest, Job, Size, Upload
from studio import images
from studio.intake.acknowledgements import Acknowledgements
from studio.intake.upload_store import UploadSlots, UploadStore

READ_SECONDS = 60.0
"""How long a file may take to be read: others wait for their turn."""


class Unreadable(Exception):
    """Wherever the file is, it cannot be had from there."""


@dataclass(frozen=True)
class IncomingFile:
    """A file that a member sends, as it is announced, and how to read it."""

    length: int
    """Bytes."""
    media_type: str | None
    size: Size | None
    url: str | None
    """For a provider that fetches it itself; None where it must not."""
    read: Callable[[], Awaitable[bytes]]
    """Unreadable."""


@dataclass(frozen=True)
class Files:
    """The files that belong to one request."""

    image: IncomingFile | None = None
    mask: IncomingFile | None = None

    @property
    def length(self) -> int:
        """Bytes of all of them."""
        return sum(each.length for each in (self.image, self.mask) if each)

    def announced(self, request: ImageRequest) -> ImageRequest:
        """The request with what is announced of its files; NotPossible where one is no image that we take."""
        return request.model_copy(
            update={"image": _announced(self.image, "image"), "mask": _announced(self.mask, "mask")}
        )


class UploadReader:
    """Reads files in their turn: their members have been acknowledged, and others go first who have not."""

    def __init__(self, store: UploadStore, acknowledgements: Acknowledgements) -> None:
        self._store = store
        self._acknowledgements = acknowledgements
        self._slots = UploadSlots()

    async def read(self, job: Job, request: ImageRequest, files: Files) -> ImageRequest:
        """The request with its files stored; BadUpload where one is no image that we take, NoRoom."""
        if files.image is None:
            return request
        async with self._slots.turn(files.length):
            await self._acknowledgements.give_way()
            image = await _read(files.image, "image")
            mask = await _read(files.mask, "mask") if files.mask else None
            return await self._keep(job, request, image, mask)

    async def _keep(self, job: Job, request: ImageRequest, image: bytes, mask: bytes | None) -> ImageRequest:
        files = {"image": await images.read_upload(image)}
        size = images.inspect_picture(files["image"]).size
        if mask is not None:
            files["mask"] = await images.read_mask(mask, size)
        keys = await self._store.put(job.id, job.user_id, files)
        urls = {"image": request.image and request.image.url, "mask": request.mask and request.mask.url}
        stored = {name: Upload(url=urls[name], size=size, key=key) for name, key in keys.items()}
        return request.model_copy(update=stored)


def _announced(file: IncomingFile | None, option: str) -> Upload | None:
    if file is None:
        return None
    images.check_announced(file.length, file.media_type, file.size, option)
    return Upload(url=file.url, size=file.size)


async def _read(file: IncomingFile, option: str) -> bytes:
    """All of it, and no more than was announced."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            data = await file.read()
    except (Unreadable, TimeoutError):
        raise BadUpload(option=option, defect=Defect.NOT_HANDED_OVER) from None
    if len(data) > file.length:
        raise BadUpload(option=option, defect=Defect.NOT_AS_ANNOUNCED)
    return data
