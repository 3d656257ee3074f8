# pyright: basic, reportOptionalMemberAccess=false
"""Members' images: many at once, not as announced, decompression bombs, and a broken spool."""

import asyncio
from io import BytesIO

import pytest
from aiohttp import web
from PIL import Image

from domain import Room
from studio.intake.upload_store import MAX_READS_AT_ONCE
from tests.discord_server import Sent, held, is_callback
from tests.discord_server.faults import breaks, cut, refuses
from tests.faults.world import World, prompt_of
from tests.replay.pictures import bomb, colour_bomb, with_scans
from views.wording.refusals import NO_ROOM_SENTENCES

pytestmark = pytest.mark.asyncio(loop_scope="module")

MEMBERS = 3 * MAX_READS_AT_ONCE


def png(size: int = 64) -> bytes:
    file = BytesIO()
    Image.new("RGB", (size, size), (200, 30, 30)).save(file, "PNG")
    return file.getvalue()


def vast(mode: str, size: tuple[int, int]) -> bytes:
    """A valid PNG of one colour."""
    file = BytesIO()
    Image.new(mode, size).save(file, "PNG")
    return file.getvalue()


def is_read(sent: Sent) -> bool:
    return sent.path.startswith("/attachments/")


async def sends(world: World, number: int, image: bytes) -> str:
    return await world.imagine("a boat", user=f"70{number:02}", image=image, provider="sketch", size="64x64")


async def test_all_members_are_acknowledged_while_few_images_are_read_at_once(running):
    let_go, discord = asyncio.Event(), running.discord
    reading = discord.fault(is_read, held(let_go), times=MEMBERS)
    seen = len(discord.requests)
    tokens = [await sends(running, number, png()) for number in range(MEMBERS)]
    await discord.until(lambda: all(discord.interactions[token].answered for token in tokens))
    await discord.until(lambda: reading.hits == MAX_READS_AT_ONCE)
    token = await running.imagine("a cat")  # as long as this job lasts, no further image is fetched
    await running.end(token)
    assert sum(map(is_read, discord.requests[seen:])) == MAX_READS_AT_ONCE
    assert sum(map(is_callback, discord.requests[seen:])) == MEMBERS + 1
    let_go.set()
    shown = [await running.end(token) for token in tokens]
    assert [len(message.attachments) for message in shown] == [1] * MEMBERS


async def test_an_image_longer_than_announced_is_refused(running):
    async def more(answer):
        return web.Response(body=answer().body + b"x", content_type="image/png")

    running.discord.fault(is_read, more)
    token = await sends(running, 1, png())
    reply = await running.discord.until(lambda: running.discord.said(token))
    assert "Discord handed over another image than it had announced" in reply.content
    assert running.row(token) is None


async def test_an_image_without_an_end_is_read_as_far_as_announced(running):
    sent = 0

    async def endless(answer):
        async def pour():
            nonlocal sent
            while True:
                sent += 65536
                yield bytes(65536)

        return web.Response(body=pour(), content_type="image/png")

    running.discord.fault(is_read, endless)
    token = await sends(running, 2, png())
    reply = await running.discord.until(lambda: running.discord.said(token))
    assert "Discord handed over another image than it had announced" in reply.content
    assert sent < 16 * 2**20


async def test_a_broken_connection_to_the_cdn_is_told_once(running):
    for fault in (cut(), breaks(), refuses(404, 0)):
        running.discord.fault(is_read, fault, times=9)  # more than the attempts of one read
        token = await sends(running, 3, png())
        reply = await running.discord.until(lambda token=token: running.discord.said(token))
        assert "Discord did not hand over the image" in reply.content
        told = [each for each in running.discord.messages.values() if each.cause and each.cause.token == token]
        assert told == [reply]
        running.discord.faults.clear()
        assert running.row(token) is None


async def test_image_bombs_are_refused_without_affecting_other_members(running):
    """They are refused by their structure; otherwise each would be killed only after ten seconds."""
    bombs = {
        "50000x50000 pixels": bomb(),
        "9000x9000 pixels": vast("1", (9000, 9000)),
        "16384x4 pixels": vast("RGB", (16384, 4)),
        "2000 scans": with_scans(2000),
    }
    tokens = [await sends(running, number, image) for number, image in enumerate(bombs.values())]
    good = [await sends(running, 20, colour_bomb()), await sends(running, 21, png())]
    for reason, token in zip(bombs, tokens, strict=True):
        reply = await running.discord.until(lambda token=token: running.discord.said(token))
        assert reason in reply.content
    assert [len((await running.end(token)).attachments) for token in good] == [1, 1]
    assert not any(map(running.row, tokens))


async def test_an_unreadable_spool_folder_loses_no_picture(running):
    """Uploads are refused, jobs under way are delivered, and uploads work again once it can be read."""
    gate = running.hold(lambda call: prompt_of(call) == "under way")
    under_way = await running.imagine("under way")
    await running.discord.until(lambda: gate.reached)
    loop = running.folder / "spool/uploads/loop"
    loop.parent.mkdir(parents=True, exist_ok=True)
    loop.symlink_to("loop")
    token = await sends(running, 1, png())
    reply = await running.discord.until(lambda: running.discord.said(token))
    assert reply.content == f"{NO_ROOM_SENTENCES[Room.DISK]}\n`a boat`"
    assert running.row(token) is None
    gate.open.set()
    assert len((await running.end(under_way)).attachments) == 1
    loop.unlink()
    assert len((await running.end(await sends(running, 2, png()))).attachments) == 1
    assert running.paid()["under way"] == 1
