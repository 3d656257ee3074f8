"""Members' files: read, checked, re-encoded and stored for a request, and read back for its provider."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from domain import (
    BadUpload,
    Defect,
    ImageRequest,
    Job,
    Size,
    SourceImage,
    Sources,
    Upload,
    UploadGone,
    image_option,
)
from storage.spool import Spool
from studio.images import check_announced, inspect_picture, read_mask, read_upload
from studio.intake.pending import Acknowledgements
from studio.intake.planning import Planner
from studio.intake.upload_store import UploadSlots, UploadStore

READ_SECONDS = 60.0
"""Timeout for reading a file."""


class Unreadable(Exception):
    """The file cannot be fetched."""


@dataclass(frozen=True)
class IncomingFile:
    """A member's attachment as Discord announced it, and a function that reads it."""

    length: int
    """Bytes."""
    media_type: str | None
    size: Size | None
    url: str | None
    """For a provider that fetches the file itself; None if it must not."""
    read: Callable[[], Awaitable[bytes]]
    """Returns the bytes; Unreadable."""


@dataclass(frozen=True)
class Files:
    """The files that belong to one request."""

    images: tuple[IncomingFile, ...] = ()
    mask: IncomingFile | None = None

    @property
    def length(self) -> int:
        """Bytes of all of them."""
        return sum(each.length for each in (*self.images, self.mask) if each)

    def announced(self, request: ImageRequest) -> ImageRequest:
        """The request with its files as announced; NotPossible if one is not an accepted image."""
        images = tuple(_as_announced(file, image_option(place)) for place, file in enumerate(self.images))
        return request.having(images=images, mask=self.mask and _as_announced(self.mask, "mask"))


class UploadReader:
    """Reads a limited number of files at once, and yields to acknowledgements."""

    def __init__(self, store: UploadStore, acknowledgements: Acknowledgements) -> None:
        self._store = store
        self._acknowledgements = acknowledgements
        self._slots = UploadSlots()

    async def read(self, job: Job, request: ImageRequest, files: Files) -> ImageRequest:
        """The request with its files stored; BadUpload if one is not an accepted image, NoRoom."""
        async with self._slots.acquire(files.length):
            await self._acknowledgements.give_way()
            images = [await _fetch(file, image_option(place)) for place, file in enumerate(files.images)]
            mask = await _fetch(files.mask, "mask") if files.mask else None
            return await self._keep(job, request, images, mask)

    async def _keep(self, job: Job, request: ImageRequest, images: Sequence[bytes], mask: bytes | None) -> ImageRequest:
        names = [image_option(place) for place in range(len(images))]
        files = {name: await read_upload(data, name) for name, data in zip(names, images, strict=True)}
        sizes = [inspect_picture(data).size for data in files.values()]
        if mask is not None:
            files["mask"] = await read_mask(mask, sizes[0])
        keys = await self._store.put(job.id, job.user_id, files)
        stored = tuple(
            Upload(url=upload.url, size=size, key=keys[name])
            for name, upload, size in zip(names, request.images, sizes, strict=True)
        )
        stored_mask = request.mask and Upload(url=request.mask.url, size=sizes[0], key=keys["mask"])
        return request.having(images=stored, mask=stored_mask)


def _as_announced(file: IncomingFile, option: str) -> Upload:
    check_announced(file.length, file.media_type, file.size, option)
    return Upload(url=file.url, size=file.size)


async def _fetch(file: IncomingFile, option: str) -> bytes:
    """The whole file; BadUpload if it is longer than announced or cannot be fetched."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            data = await file.read()
    except (Unreadable, TimeoutError):
        raise BadUpload(option=option, defect=Defect.NOT_HANDED_OVER) from None
    if len(data) > file.length:
        raise BadUpload(option=option, defect=Defect.NOT_AS_ANNOUNCED)
    return data


async def read_sources(spool: Spool, job: Job) -> Sources:
    """The job's files as the provider gets them; UploadGone if one has been deleted."""
    request = job.request
    return Sources(
        images=tuple([SourceImage(data=await _stored(spool, each), url=each.url) for each in request.images]),
        mask=await _stored(spool, request.mask) if request.mask else None,
    )


async def check_uploads(spool: Spool, job: Job, planner: Planner) -> None:
    """Raise UploadGone if a file has been deleted, or the link of an image that its provider fetches itself."""
    for upload in job.request.uploads():
        if not (upload.key and await spool.exists(upload.key)):
            raise UploadGone
    if not all(each.url for each in job.request.images) and await planner.takes_link(job):
        raise UploadGone


async def _stored(spool: Spool, upload: Upload) -> bytes:
    data = await spool.get(upload.key) if upload.key else None
    if data is None:
        raise UploadGone
    return data
