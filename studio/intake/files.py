"""Members' files: checked, stripped, and in the spool until they are a day old."""

from collections.abc import Sequence

from domain import ImageRequest, Job, SourceImage, Sources, Upload, UploadGone, image_option
from storage.spool import Spool
from studio.images import inspect_picture, read_mask, read_upload
from studio.intake.room import Shelf


async def keep_uploads(
    shelf: Shelf, job: Job, request: ImageRequest, images: Sequence[bytes], mask: bytes | None
) -> ImageRequest:
    """The request with its files in the spool; BadUpload where one is no image that we take, NoRoom."""
    names = [image_option(place) for place in range(len(images))]
    files = {name: await read_upload(data, name) for name, data in zip(names, images, strict=True)}
    sizes = [inspect_picture(data).size for data in files.values()]
    if mask is not None:
        files["mask"] = await read_mask(mask, sizes[0])
    keys = await shelf.put(job.id, job.user_id, files)
    kept = tuple(
        Upload(url=upload.url, size=size, key=keys[name])
        for name, upload, size in zip(names, request.images, sizes, strict=True)
    )
    kept_mask = request.mask and Upload(url=request.mask.url, size=sizes[0], key=keys["mask"])
    return request.model_copy(update={"images": kept, "mask": kept_mask})


async def read_sources(spool: Spool, job: Job) -> Sources:
    """What the provider gets of a job's files; UploadGone where one has been cleared away."""
    request = job.request
    return Sources(
        images=tuple([SourceImage(data=await _read(spool, each), url=each.url) for each in request.images]),
        mask=await _read(spool, request.mask) if request.mask else None,
    )


async def check_uploads(spool: Spool, job: Job, *, by_link: bool) -> None:
    """UploadGone where a file has been cleared away, or the link to an image dropped."""
    for upload in job.request.uploads():
        if not (upload.key and await spool.exists(upload.key)):
            raise UploadGone
    if by_link and not all(each.url for each in job.request.images):
        raise UploadGone


async def _read(spool: Spool, upload: Upload) -> bytes:
    data = await spool.get(upload.key) if upload.key else None
    if data is None:
        raise UploadGone
    return data
