"""Reads a job's stored files for its provider."""

from domain import Job, SourceImage, Sources, Upload, UploadGone
from storage.spool import Spool
from studio.intake.planning import Planner


async def read_sources(spool: Spool, job: Job) -> Sources:
    """The job's files as the provider gets them; UploadGone if one has been deleted."""
    request = job.request
    return Sources(
        images=tuple([SourceImage(data=await _read(spool, each), url=each.url) for each in request.images]),
        mask=await _read(spool, request.mask) if request.mask else None,
    )


async def check_uploads(spool: Spool, job: Job, planner: Planner) -> None:
    """Raise UploadGone if a file has been deleted, or the link of an image that its provider fetches itself."""
    for upload in job.request.uploads():
        if not (upload.key and await spool.exists(upload.key)):
            raise UploadGone
    if not all(each.url for each in job.request.images) and await planner.takes_link(job):
        raise UploadGone


async def _read(spool: Spool, upload: Upload) -> bytes:
    data = await spool.get(upload.key) if upload.key else None
    if data is None:
        raise UploadGone
    return data
