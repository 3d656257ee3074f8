# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""The database is locked by another process, and the disk is full."""

import sqlite3
import subprocess
from collections.abc import AsyncGenerator, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from domain import Room
from storage.spool import DISK_RESERVE
from tests.discord_server import nth
from tests.faults.world import SHORT_TIMEOUTS, World, healthy, prompt_of, world_in
from views.wording.refusals import NO_ROOM_SENTENCES

MEBIBYTE = 2**20
NO_ANSWER = "the database does not answer"


@contextmanager
def locked(world: World) -> Generator[None]:
    """Another process holds the write lock."""
    with closing(sqlite3.connect(world.folder / "easel.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


@pytest.fixture
def small_disk(tmp_path: Path) -> Generator[Path]:
    """A folder on a file system with slightly more space than Easel keeps free."""
    size = f"size={DISK_RESERVE + 16 * MEBIBYTE}"
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", tmp_path], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield tmp_path
    subprocess.run(["umount", "-l", tmp_path], check=True)


@pytest.fixture
async def cramped(small_disk: Path) -> AsyncGenerator[World]:
    async with world_in(small_disk) as world:
        yield world
        healthy(world)


@contextmanager
def full(world: World, *, but: int = 0) -> Generator[None]:
    """Fill the disk, except for the given number of bytes."""
    filler = world.folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(bytes(MEBIBYTE)):
                pass
        except OSError:
            file.truncate(max(file.tell() - but, 0))
    yield
    filler.unlink()


@pytest.mark.parametrize("longer", [False, True])
async def test_a_locked_database_is_retried(world, longer):
    """For a moment, and for longer than SQLite itself waits."""
    gate = world.hold(lambda call: prompt_of(call) == "under way")
    await world.start()
    under_way = await world.imagine("under way")
    await world.discord.until(lambda: gate.reached)
    with locked(world):
        gate.open.set()
        asked = await world.imagine("asked")
        await world.discord.until(lambda: world.discord.reply(asked))
        if longer:
            await world.logged(NO_ANSWER)
    for token in (under_way, asked):
        assert len((await world.end(token)).attachments) == 1
        assert world.row(token).state == "delivered"
    assert world.paid() == {"under way": 1, "asked": 1}


async def test_acknowledgements_do_not_wait_for_a_database_lock(world):
    """Neither in a server whose settings are not cached, nor after a click."""
    await world.start()
    shown = await world.end(await world.imagine("earlier"))
    with locked(world):
        asked = [await world.imagine("in a new server", at=nth(1)), await world.discord.click(shown, "Again")]
        for token in asked:
            reply = await world.discord.until(lambda token=token: world.discord.reply(token))
            assert reply.thinking
    for token in asked:
        assert len((await world.end(token)).attachments) == 1


async def test_a_temporarily_full_disk_loses_nothing(cramped):
    world = cramped
    gate = world.hold(prompt_of)
    await world.start()
    under_way = await world.imagine("under way")
    await world.discord.until(lambda: gate.reached)
    with full(world):
        gate.open.set()
        asked = await world.imagine("asked")
        told = await world.discord.until(lambda: world.discord.said(asked))
        assert told.content == f"{NO_ROOM_SENTENCES[Room.DISK]}\n`asked`"
        await world.logged(NO_ANSWER)
    assert len((await world.end(under_way)).attachments) == 1
    assert len((await world.end(await world.imagine("asked again"))).attachments) == 1
    assert world.paid() == {"under way": 1, "asked again": 1}


async def test_a_permanently_full_disk_is_reported(cramped):
    world = cramped
    await world.start(*SHORT_TIMEOUTS)
    with full(world):
        token = await world.imagine("asked")
        reply = await world.discord.until(lambda: world.discord.said(token))
        assert reply.content == f"{NO_ROOM_SENTENCES[Room.DISK]}\n`asked`"
        assert reply.private
        assert (world.row(token), world.paid()["asked"]) == (None, 0)


async def test_a_picture_that_could_not_be_stored_is_fetched_by_retry(cramped):
    world = cramped
    gate = world.hold(prompt_of)
    await world.start()
    token = await world.imagine("large case:noise")
    await world.discord.until(lambda: gate.reached)
    with full(world, but=MEBIBYTE):
        gate.open.set()
        message = await world.end(token)
    assert "Something went wrong in Easel itself" in message.content
    assert world.row(token).state == "failed"
    again = await world.discord.click(message, "Retry")
    assert len((await world.end(again)).attachments) == 1
    assert world.paid() == {"large case:noise": 1}
    await world.until(lambda: not world.spooled())


async def test_a_picture_that_cannot_be_fetched_again_is_delivered_from_memory(world):
    await world.start()
    (world.folder / "spool" / "pictures").write_text("in the way")
    message = await world.end(await world.imagine("at once", provider="nebulablock"))
    assert len(message.attachments) == 1
    assert world.paid("nebulablock") == {"at once": 1}
