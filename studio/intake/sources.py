"""What is stored of a job's files, for the provider that draws from them."""

from domain import Job, SourceImage, Sources, Upload, UploadGone
from storage.spool import Spool


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
