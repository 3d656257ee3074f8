# pyright: basic
"""The spool: bytes by key, gone when they are past their time."""

from datetime import UTC, datetime, timedelta

import pytest

import storage.spool
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


async def test_what_is_handed_over_is_stored_too_and_at_hand_once(spool, tmp_path, monkeypatch):
    monkeypatch.setattr(storage.spool, "AT_HAND", 10)
    for key in ("pictures/7/0", "pictures/7/1"):
        await spool.hand_over(key, b"8 bytes.")
    assert list(spool._fresh) == ["pictures/7/0"]
    assert await (await open_spool(tmp_path / "spool", None)).get("pictures/7/0") == b"8 bytes."
    for _ in range(2):
        assert await spool.take("pictures/7/0") == await spool.take("pictures/7/1") == b"8 bytes."
    assert not spool._fresh


async def test_what_is_deleted_is_not_at_hand_either(spool):
    await spool.hand_over("pictures/7/0", b"bytes")
    await spool.delete(["pictures/7/0"])
    assert await spool.take("pictures/7/0") is None
