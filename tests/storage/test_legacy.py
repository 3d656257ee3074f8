# pyright: basic
"""Rows of earlier versions, whose requests have a single image."""

import pytest
from sqlalchemy import update

import studio.intake.upload_store
from domain import ImageRequest, Size, State, Upload
from storage.tables import jobs as table
from studio.intake.upload_store import UploadStore
from tests.conftest import make_job

IMAGE = {"url": "https://cdn.discordapp.com/a.png", "size": [640, 480], "key": "uploads/7/400.image"}
MASK = {"url": None, "size": [640, 480], "key": "uploads/7/400.mask"}
REQUEST = {
    "prompt": "a boat",
    "negative_prompt": None,
    "provider": "sketch",
    "model": "ink",
    "size": [64, 64],
    "image": IMAGE,
    "mask": MASK,
    "strength": None,
    "count": 1,
    "seed": 7,
    "steps": None,
    "guidance_scale": None,
    "scheduler": None,
    "quality": None,
    "style": None,
    "transparent": None,
    "refiner": None,
    "safety_checker": None,
    "private": False,
    "upscale": False,
}
"""With one image, in November 2026."""


@pytest.fixture
def jobs(either):
    return either.jobs


@pytest.fixture
def add(jobs):
    """Add a job with these requests as raw JSON."""

    async def add(id: int, request: dict, asked: dict | None = None, **changes) -> None:
        await jobs.add(make_job(id, **changes))
        await jobs._run(update(table).where(table.c.id == str(id)).values(request=request, asked=asked))

    return add


async def test_one_image_and_its_mask_are_read(jobs, add):
    await add(8, REQUEST, asked=REQUEST | {"mask": None, "seed": None})
    image = Upload(url="https://cdn.discordapp.com/a.png", size=Size(640, 480), key="uploads/7/400.image")
    mask = Upload(url=None, size=Size(640, 480), key="uploads/7/400.mask")
    for job in (await jobs.get("8"), *await jobs.unfinished(user_id=400), await jobs.claim("8", "us")):
        assert (job.request.images, job.request.mask, job.request.seed) == ((image,), mask, 7)
        assert (job.asked.images, job.asked.mask, job.asked.seed) == ((image,), None, None)


async def test_a_request_from_words_alone_has_no_images(jobs, add):
    await add(8, REQUEST | {"image": None, "mask": None})
    job = await jobs.get("8")
    assert (job.request.images, job.request.mask, job.asked) == ((), None, None)


async def test_saving_keeps_the_images_of_an_old_request(jobs, add):
    await add(8, REQUEST, asked=REQUEST)
    job = await jobs.claim("8", "us")
    assert await jobs.save(job, "us")
    assert await jobs.get("8") == job


async def test_the_files_of_old_and_new_jobs_are_needed(jobs, add):
    await add(8, REQUEST | {"mask": None})
    await add(12, REQUEST | {"image": IMAGE | {"key": "uploads/11/400.image"}, "mask": None}, state=State.DELIVERED)
    images = tuple(Upload(url=None, key=f"uploads/{job}/400.image") for job in (13, 14))
    mask = Upload(url=None, key="uploads/15/400.mask")
    await jobs.add(make_job(16, request=ImageRequest(prompt="a boat", images=images, mask=mask)))
    await jobs.add(make_job(17, request=ImageRequest(prompt="a boat", images=(Upload(url=None),))))
    assert await jobs.ids_with_needed_uploads() == {"7", "8", "13", "14", "15", "16", "17"}


async def test_an_image_that_an_old_job_needs_is_not_evicted(either, add, monkeypatch):
    monkeypatch.setattr(studio.intake.upload_store, "MIN_MEMBER_SHARE", 1)
    shelf = UploadStore(either.spool, either.jobs, 80)  # 10 bytes for each member
    kept = [(await shelf.put(str(job), 400, {"image": b"12345"}))["image"] for job in (7, 9)]
    assert kept[0] == IMAGE["key"]
    await add(8, REQUEST | {"mask": None})
    await shelf.put("10", 400, {"image": b"12345"})
    assert [await either.spool.exists(key) for key in kept] == [True, False]
