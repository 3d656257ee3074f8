"""Members' files: checked, stripped, and in the spool until they are a day old."""

from domain import ImageRequest, InvalidRequest, Job, Size, Sources, Upload
from storage.spool import Spool
from studio import images


async def keep_uploads(
    spool: Spool, job_id: str, request: ImageRequest, image: bytes, mask: bytes | None
) -> ImageRequest:
    """The request with its files in the spool; InvalidRequest where one is no image that we take."""
    image = await images.read_upload(image)
    size = images.inspect_picture(image).size
    changes = {"image": await _keep(spool, job_id, "image", request.image, image, size)}
    if mask is not None:
        mask = await images.read_mask(mask, size)
        changes["mask"] = await _keep(spool, job_id, "mask", request.mask, mask, size)
    return request.model_copy(update=changes)


async def read_sources(spool: Spool, job: Job) -> Sources:
    """What the provider gets of a job's files; InvalidRequest where one has been cleared away."""
    image, mask = job.request.image, job.request.mask
    return Sources(
        image=await _read(spool, image), mask=await _read(spool, mask), image_url=image.url if image else None
    )


async def check_uploads(spool: Spool, job: Job, *, by_link: bool) -> None:
    """InvalidRequest where a file has been cleared away, or the link to it dropped."""
    for upload in (job.request.image, job.request.mask):
        if upload and not (upload.key and await spool.exists(upload.key)):
            raise _gone()
    if by_link and not (job.request.image and job.request.image.url):
        raise _gone()


async def _keep(spool: Spool, job_id: str, name: str, upload: Upload | None, data: bytes, size: Size) -> Upload:
    key = f"uploads/{job_id}/{name}"
    await spool.put(key, data)
    return Upload(url=upload.url if upload else None, size=size, key=key)


async def _read(spool: Spool, upload: Upload | None) -> bytes | None:
    if upload is None:
        return None
    data = await spool.get(upload.key) if upload.key else None
    if data is None:
        raise _gone()
    return data


def _gone() -> InvalidRequest:
    return InvalidRequest("the upload is gone", field="upload")
