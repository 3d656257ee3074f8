# pyright: basic
"""The spool: bytes by key, gone when they are past their time."""

from datetime import UTC, datetime, timedelta

import pytest

from storage.spool import open_spool

NOW = datetime.now(UTC)
KEYS = ("pictures/1/0", "pictures/1/1", "pictures/12/0", "uploads/1/image", "uploads/2/image")


@pytest.fixture
async def spool(tmp_path):
    made = await open_spool(tmp_path / "spool", None)
    for key in KEYS:
        await made.put(key, key.encode())
    return made


async def kept(spool) -> set[str]:
    return {key for key in KEYS if await spool.get(key) == key.encode()}


async def test_a_second_spool_finds_what_the_first_has_put(spool, tmp_path):
    assert await kept(await open_spool(tmp_path / "spool", None)) == set(KEYS)


async def test_a_key_may_be_written_again_and_need_not_be_there(spool):
    await spool.put("pictures/1/0", b"new")
    assert await spool.get("pictures/1/0") == b"new"
    await spool.delete(["pictures/1/0", "pictures/1/0", "pictures/none/0"])
    assert await spool.get("pictures/1/0") is None


async def test_clearing_is_for_one_job(spool):
    await spool.clear("1")
    await spool.clear("none")
    assert await kept(spool) == {"pictures/12/0", "uploads/2/image"}


@pytest.mark.parametrize(
    ("age", "count", "left"),
    [
        (timedelta(hours=23), 0, set(KEYS)),
        (timedelta(hours=25), 2, {key for key in KEYS if key.startswith("pictures/")}),
        (timedelta(days=6, hours=23), 2, {key for key in KEYS if key.startswith("pictures/")}),
        (timedelta(days=7, hours=1), 5, set()),
    ],
)
async def test_uploads_stay_a_day_and_pictures_a_week(spool, tmp_path, age, count, left):
    assert await spool.sweep(NOW + age) == count
    assert await kept(spool) == left
    assert await spool.sweep(NOW + age) == 0
    assert any((tmp_path / "spool").iterdir()) is bool(left)


async def test_sweeping_an_empty_spool(tmp_path):
    assert await (await open_spool(tmp_path / "new" / "spool", None)).sweep() == 0
