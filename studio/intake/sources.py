"""What is stored of a job's files, for the provider that draws from them."""

from domain import Job, Sources, Upload, UploadGone
from storage.spool import Spool


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
