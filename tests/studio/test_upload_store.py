# pyright: basic
"""The upload store: the limit on reads at once, the quota, and eviction."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from obstore.exceptions import GenericError
from obstore.store import LocalStore

import studio.intake.upload_store
from domain import ImageRequest, NoRoom, Room, State, Upload
from storage.spool import Spool
from storage.store import open_store
from studio.intake.upload_store import MAX_BYTES_READ_AT_ONCE, MAX_READS_AT_ONCE, UploadSlots, UploadStore
from tests.conftest import make_job
from views.wording.outcomes import explain
from views.wording.refusals import NO_ROOM_SENTENCES

SECONDS = 20
NOW = datetime.now(UTC)


class Dated(Spool):
    """Gives stored files times in the order in which they were put."""

    async def list_uploads(self):
        kept = await super().list_uploads()
        return [each._replace(stored=NOW + timedelta(seconds=int(each.job_id))) for each in kept]


@pytest.fixture
async def jobs(tmp_path):
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        yield store.jobs


@pytest.fixture
def uploads(tmp_path, jobs, monkeypatch) -> UploadStore:
    """A store of 80 bytes, of which each member may fill 10."""
    monkeypatch.setattr(studio.intake.upload_store, "MIN_MEMBER_SHARE", 1)
    return UploadStore(Dated(LocalStore(tmp_path / "spool", mkdir=True)), jobs, 80)


async def put(uploads: UploadStore, job: int, member: int, size: int = 4) -> str:
    return (await uploads.put(str(job), member, {"image": b"x" * size}))["image"]


async def kept(uploads: UploadStore) -> set[int]:
    return {int(each.job_id) for each in await uploads._spool.list_uploads()}


async def test_a_members_oldest_images_are_evicted_for_their_newest(uploads):
    for job in (1, 2, 3):
        await put(uploads, job, member=400)
    await put(uploads, 4, member=401)
    assert await kept(uploads) == {2, 3, 4}


async def test_beyond_the_quota_the_largest_users_oldest_image_is_evicted(uploads):
    for job in range(1, 17):
        await put(uploads, job, member=400 + job // 2, size=5)
    assert await kept(uploads) == set(range(1, 17))  # 1 and 16 have 5 bytes, the others 10
    await put(uploads, 20, member=500, size=7)
    assert await kept(uploads) == set(range(1, 17)) - {2, 4} | {20}


async def test_images_of_waiting_jobs_are_not_evicted_and_a_new_one_is_refused(uploads, jobs):
    for job in (1, 2):
        await put(uploads, job, member=400, size=5)
        await jobs.add(make_job(job, user_id=400))
    with pytest.raises(NoRoom) as caught:
        await put(uploads, 3, member=400)
    assert caught.value.room is Room.MEMBERS_SHARE
    assert explain(caught.value) == NO_ROOM_SENTENCES[Room.MEMBERS_SHARE]
    await jobs.claim("1", "us")
    await jobs.save(make_job(1, state=State.DELIVERED), "us", release=True)
    await put(uploads, 3, member=400)
    assert await kept(uploads) == {2, 3}


async def test_an_image_of_a_parent_that_again_needs_is_not_evicted(uploads, jobs):
    key = await put(uploads, 1, member=400, size=5)
    request = ImageRequest(prompt="a boat", images=(Upload(url=None, key=key),))
    await jobs.add(make_job(2, user_id=400, request=request))
    await put(uploads, 3, member=400, size=5)
    await put(uploads, 4, member=400, size=5)
    assert await kept(uploads) == {1, 4}


async def test_a_store_full_of_needed_images_refuses_new_ones(uploads, jobs):
    for job in range(1, 9):
        await put(uploads, job, member=400 + job, size=10)
        await jobs.add(make_job(job, user_id=400 + job))
    with pytest.raises(NoRoom) as caught:
        await put(uploads, 9, member=500)
    assert caught.value.room is Room.QUOTA
    assert await kept(uploads) == set(range(1, 9))


class Full(LocalStore):
    async def put_async(self, *args, **kwargs):
        raise OSError(28, "No space left on device")


async def test_a_full_disk_is_reported_as_such(jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("storage.spool.PUT_TRIES", 2)
    with pytest.raises(NoRoom) as caught:
        await put(UploadStore(Spool(Full(tmp_path)), jobs, 2**30), 1, member=400)
    assert caught.value.room is Room.DISK


class Stuck(Dated):
    """Deleting fails."""

    async def delete(self, keys):
        raise GenericError("no")


@pytest.mark.parametrize("trouble", ["looking", "clearing"])
async def test_an_error_during_eviction_is_reported_as_a_disk_error(jobs, tmp_path, monkeypatch, trouble):
    """The member is told, and may send it again; stored images stay."""
    monkeypatch.setattr(studio.intake.upload_store, "MIN_MEMBER_SHARE", 1)
    spool = (Stuck if trouble == "clearing" else Dated)(LocalStore(tmp_path / "spool", mkdir=True))
    uploads = UploadStore(spool, jobs, 80)
    for job in (1, 2):
        await put(uploads, job, member=400, size=5)
    loop = tmp_path / "spool/uploads/loop"
    if trouble == "looking":
        loop.symlink_to("loop")
    with pytest.raises(NoRoom) as caught:
        await put(uploads, 3, member=400)
    assert explain(caught.value) == NO_ROOM_SENTENCES[Room.DISK]
    loop.unlink(missing_ok=True)
    assert await kept(uploads) == {1, 2}
    if trouble == "looking":
        await put(uploads, 3, member=400)
        assert await kept(uploads) == {2, 3}


async def test_few_images_are_read_at_once_in_arrival_order():
    slots, let_go, inside = UploadSlots(), asyncio.Event(), list[int]()

    async def come(number: int) -> None:
        async with slots.acquire(1):
            inside.append(number)
            await let_go.wait()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for number in range(3 * MAX_READS_AT_ONCE):
            group.create_task(come(number))
        for _ in range(50):
            await asyncio.sleep(0)
        assert inside == list(range(MAX_READS_AT_ONCE))
        let_go.set()
    assert inside == list(range(3 * MAX_READS_AT_ONCE))


async def test_large_images_are_limited_by_their_bytes():
    slots, let_go, inside = UploadSlots(), asyncio.Event(), 0

    async def come() -> None:
        nonlocal inside
        async with slots.acquire(MAX_BYTES_READ_AT_ONCE // 2):
            inside += 1
            await let_go.wait()

    async with asyncio.timeout(SECONDS), asyncio.TaskGroup() as group:
        for _ in range(MAX_READS_AT_ONCE):
            group.create_task(come())
        for _ in range(50):
            await asyncio.sleep(0)
        assert inside == 2
        let_go.set()
    assert inside == MAX_READS_AT_ONCE


async def test_a_timeout_for_a_slot_is_reported_and_frees_the_place(monkeypatch):
    slots = UploadSlots()
    async with AsyncExitStack() as stack:
        for _ in range(MAX_READS_AT_ONCE):
            await stack.enter_async_context(slots.acquire(1))
        monkeypatch.setattr(studio.intake.upload_store, "SLOT_SECONDS", 0)
        with pytest.raises(NoRoom) as caught:
            async with slots.acquire(1):
                raise AssertionError
        assert explain(caught.value) == NO_ROOM_SENTENCES[Room.TURNS]
    monkeypatch.undo()
    async with asyncio.timeout(SECONDS), slots.acquire(1):
        pass
