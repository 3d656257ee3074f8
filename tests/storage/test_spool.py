# pyright: basic
"""The spool: storing, caching, retries, and retention."""

import shutil
import uuid
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from unittest.mock import AsyncMock

import pytest
from obstore.store import LocalStore
from pydantic import SecretStr
from tenacity import wait_none

import storage.spool
from domain import SpoolPlace
from storage.spool import Spool, SpoolError, open_spool
from tests.buckets import KEYS

NOW = datetime.now(UTC)
NAMES = ("pictures/1/0", "pictures/1/1", "pictures/12/0", "uploads/1/400.image", "uploads/2/401.image")


@pytest.fixture(params=["a folder", "a bucket"])
def place(request) -> SpoolPlace | None:
    if request.param == "a folder":
        return None
    url = request.getfixturevalue("s3")
    options = {name.lower(): SecretStr(value) for name, value in KEYS.items()}
    folder = f"s3://easel/{uuid.uuid4()}"
    return SpoolPlace(url=folder, options=options | {"aws_endpoint_url": SecretStr(url)})


@pytest.fixture
async def spool(tmp_path, place):
    made = await open_spool(tmp_path / "spool", place)
    for key in NAMES:
        await made.put(key, key.encode())
    return made


async def kept(spool) -> set[str]:
    return {key for key in NAMES if await spool.get(key) == key.encode()}


async def test_a_second_spool_finds_what_the_first_has_put(spool, tmp_path, place):
    assert await kept(await open_spool(tmp_path / "spool", place)) == set(NAMES)


async def test_a_key_may_be_written_again_and_need_not_be_there(spool):
    await spool.put("pictures/1/0", b"new")
    assert await spool.get("pictures/1/0") == b"new"
    await spool.delete(["pictures/1/0", "pictures/1/0", "pictures/none/0"])
    assert await spool.get("pictures/1/0") is None


async def test_a_folder_in_use_is_not_removed(tmp_path):
    spool = await open_spool(tmp_path / "spool", None)
    await spool.put("pictures/1/0", b"bytes")
    await spool.delete(["pictures/1/0"])
    await spool.delete_expired(NOW + timedelta(days=8))
    assert [path.name for path in (tmp_path / "spool").iterdir()] == ["pictures"]


class Troubled(LocalStore):
    """A store that fails this many times, then works."""

    troubles = 0

    async def put_async(self, *args, **kwargs):
        if self.troubles:
            self.troubles -= 1
            raise OSError("no")
        return await super().put_async(*args, **kwargs)


@pytest.mark.parametrize(("troubles", "kept"), [(storage.spool.PUT_TRIES - 1, True), (storage.spool.PUT_TRIES, False)])
async def test_storing_a_picture_is_retried(tmp_path, monkeypatch, troubles, kept):
    monkeypatch.setattr(storage.spool, "PUT_BACK_OFF", wait_none())
    store = Troubled(tmp_path)
    store.troubles = troubles
    with nullcontext() if kept else pytest.raises(OSError, match="no"):
        await Spool(store).put("pictures/1/0", b"paid")
    assert await Spool(store).get("pictures/1/0") == (b"paid" if kept else None)


async def test_uploads_are_listed_with_their_member_and_size(spool):
    listed = {(each.key, each.job_id, each.member, each.size) for each in await spool.list_uploads()}
    assert listed == {("uploads/1/400.image", "1", "400", 19), ("uploads/2/401.image", "2", "401", 19)}


def test_a_disk_without_room_for_a_picture_counts_as_full(tmp_path, monkeypatch):
    usage = shutil.disk_usage(tmp_path)
    for free, full in ((storage.spool.DISK_RESERVE, False), (storage.spool.DISK_RESERVE - 1, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage._replace(free=free))
        assert Spool(LocalStore(tmp_path), tmp_path).is_full() is full
        assert not Spool(LocalStore(tmp_path)).is_full()


async def test_deleting_a_job_keeps_the_files_of_others(spool):
    await spool.delete_job("1")
    await spool.delete_job("none")
    assert await kept(spool) == {"pictures/12/0", "uploads/2/401.image"}


@pytest.mark.parametrize(
    ("age", "count", "left"),
    [
        (timedelta(hours=23), 0, set(NAMES)),
        (timedelta(hours=25), 2, {key for key in NAMES if key.startswith("pictures/")}),
        (timedelta(days=6, hours=23), 2, {key for key in NAMES if key.startswith("pictures/")}),
        (timedelta(days=7, hours=1), 5, set()),
    ],
)
async def test_uploads_stay_a_day_and_pictures_a_week(spool, tmp_path, place, age, count, left):
    assert await spool.delete_expired(NOW + age) == count
    assert await kept(spool) == left
    assert await spool.delete_expired(NOW + age) == 0
    if place is None:
        folders = {path.parent.relative_to(tmp_path / "spool") for path in (tmp_path / "spool").glob("*/*/*")}
        assert {path.relative_to(tmp_path / "spool") for path in (tmp_path / "spool").glob("*/*")} == folders


async def test_an_empty_spool_has_nothing_expired(tmp_path):
    assert await (await open_spool(tmp_path / "new" / "spool", None)).delete_expired() == 0


async def test_cached_bytes_are_stored_too_and_taken_from_the_cache_once(spool, tmp_path, place, monkeypatch):
    monkeypatch.setattr(storage.spool, "MAX_CACHED", 10)
    for key in ("pictures/7/0", "pictures/7/1"):
        await spool.put_cached(key, b"8 bytes.")
    assert list(spool._cache) == ["pictures/7/1"]
    assert await (await open_spool(tmp_path / "spool", place)).get("pictures/7/0") == b"8 bytes."
    for _ in range(2):
        assert await spool.take_cached("pictures/7/0") == await spool.take_cached("pictures/7/1") == b"8 bytes."
    assert not spool._cache


async def test_deleting_removes_the_bytes_from_the_cache(spool):
    await spool.put_cached("pictures/7/0", b"bytes")
    await spool.delete(["pictures/7/0"])
    assert await spool.take_cached("pictures/7/0") is None


async def test_bytes_that_the_store_refuses_stay_in_memory_until_deleted(spool, monkeypatch):
    monkeypatch.setattr(spool, "put", AsyncMock(side_effect=OSError))
    monkeypatch.setattr(storage.spool, "MAX_CACHED", 10)
    await spool.put_or_keep("pictures/7/0", b"8 bytes.")
    with pytest.raises(OSError):
        await spool.put_or_keep("pictures/7/1", b"no room")
    assert [await spool.take_cached("pictures/7/0") for _ in range(2)] == [b"8 bytes."] * 2
    await spool.delete(["pictures/7/0"])
    assert await spool.get("pictures/7/0") is None
    await spool.put_or_keep("pictures/7/1", b"room")
    await spool.delete_job("7")
    assert await spool.get("pictures/7/1") is None


async def test_bytes_in_memory_alone_are_stored_later(spool, tmp_path, place, monkeypatch):
    with monkeypatch.context() as away:
        away.setattr(spool, "_put", AsyncMock(side_effect=OSError))
        away.setattr(spool, "put", AsyncMock(side_effect=OSError))
        await spool.put_or_keep("pictures/7/0", b"bytes")
        await spool.retry_unstored()
        assert await spool.get("pictures/7/0") == b"bytes"
    await spool.retry_unstored()
    assert not spool._unstored
    assert await (await open_spool(tmp_path / "spool", place)).get("pictures/7/0") == b"bytes"


async def test_bytes_deleted_while_being_stored_are_deleted_from_the_store(spool, monkeypatch):
    put = spool._put

    async def slow(key, data):
        await spool.delete([key])
        await put(key, data)

    spool._unstored["pictures/7/0"] = b"bytes"
    monkeypatch.setattr(spool, "_put", slow)
    await spool.retry_unstored()
    assert await spool.get("pictures/7/0") is None


async def test_exists_does_not_read_the_bytes(spool):
    assert [await spool.exists(key) for key in ("pictures/1/0", "pictures/none/0")] == [True, False]


async def test_a_missing_bucket_is_reported(s3, tmp_path):
    options = {name.lower(): SecretStr(value) for name, value in KEYS.items()} | {"aws_endpoint_url": SecretStr(s3)}
    with pytest.raises(SpoolError) as caught:
        await open_spool(tmp_path, SpoolPlace(url="s3://none/easel", options=options))
    assert "canary" not in str(caught.value)
