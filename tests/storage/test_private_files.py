# pyright: basic
"""No other user of the machine can read what is in DATA_DIR."""

import os

import pytest

from storage.store import open_store

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")


def readable_by_others(folder) -> list[str]:
    return [str(path) for path in (folder, *folder.rglob("*")) if path.stat().st_mode & 0o077]


async def fill(folder) -> None:
    async with open_store(f"sqlite:///{folder / 'easel.db'}", folder) as store:
        await store.meta.set("a", "b")
        await store.spool.put("pictures/1/0", b"x")
        assert (folder / "easel.db-wal").exists()
        assert readable_by_others(folder) == []


async def test_new_files_are_private(tmp_path):
    await fill(tmp_path / "new" / "data")


async def test_files_of_an_earlier_version_are_made_private(tmp_path):
    folder = tmp_path / "data"
    await fill(folder)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    other = folder / "notes.txt"
    other.write_text("the host's own")
    other.chmod(0o644)
    async with open_store(f"sqlite:///{folder / 'easel.db'}", folder):
        assert readable_by_others(folder) == [str(other)]
