"""Members' files: checked, stripped, and in the spool until they are a day old."""

from domain import ImageRequest, Job, Sources, Upload, UploadGone
from storage.spool import Spool
from studio import images
from studio.intake.room import Shelf


async def keep_uploads(shelf: Shelf, job: Job, request: ImageRequest, image: bytes, mask: bytes | None) -> ImageRequest:
    """The request with its files in the spool; BadUpload where one is no image that we take, NoRoom."""
    files = {"image": await images.read_upload(image)}
    size = images.inspect_picture(files["image"]).size
    if mask is not None:
        files["mask"] = await images.read_mask(mask, size)
    keys = await shelf.put(job.id, job.user_id, files)
    urls = {"image": request.image and request.image.url, "mask": request.mask and request.mask.url}
    return request.model_copy(update={name: Upload(url=urls[name], size=size, key=key) for name, key in keys.items()})


async def read_sources(spool: Spool, job: Job) -> Sources:
    """What the provider gets of a job's files; UploadGone where one has been cleared away."""
    image, mask = job.request.image, job.request.mask
    return Sources(
        image=await _read(spool, image), mask=await _read(spool, mask), image_url=image.url if image else None
    )


async def check_uploads(spool: Spool, job: Job, *, by_link: bool) -> None:
    """UploadGone where a file has been cleared away, or the link to it dropped."""
    for upload in (job.request.image, job.request.mask):
        if upload and not (upload.key and await spool.exists(upload.key)):
            raise UploadGone
    if by_link and not (job.request.image and job.request.image.url):
        raise UploadGone


async def _read(spool: Spool, upload: Upload | None) -> bytes | None:
    if upload is None:
        return None
    data = await spool.get(upload.key) if upload.key else None
    if data is None:
        raise UploadGone
    return data
