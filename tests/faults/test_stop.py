# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""SIGTERM during work, and a second process in the same folder."""

import asyncio

import pytest

from tests.discord_server import has_picture, held, is_callback
from tests.faults.world import World
from tests.replay.pictures import colour_bomb, draw, with_scans


async def test_jobs_under_way_are_delivered_before_the_stop_or_after_the_next_start(world):
    discord, soon = world.discord, asyncio.Event()
    await world.start()
    in_time, too_late = await world.imagine("in time"), await world.imagine("too late")
    for token, until in ((in_time, soon), (too_late, asyncio.Event())):
        discord.fault(lambda sent, token=token: has_picture(sent) and token in sent.path, held(until))
    await discord.until(lambda: all(fault.hits for fault in discord.faults))
    stopped = asyncio.create_task(world.stop())
    soon.set()
    assert await stopped == 0
    assert [world.row(token).state for token in (in_time, too_late)] == ["delivered", "drawn"]
    assert [len(discord.reply(token).attachments) for token in (in_time, too_late)] == [1, 0]
    await world.start()
    assert len((await world.end(too_late)).attachments) == 1
    assert len(discord.public()) == 2
    assert world.paid() == {"in time": 1, "too late": 1}


@pytest.mark.parametrize("end", [World.stop, World.kill])
async def test_a_member_whose_image_was_being_read_is_told_of_the_stop(world, end):
    discord = world.discord
    await world.start()
    discord.fault(lambda sent: sent.path.startswith("/attachments/"), held(asyncio.Event()))
    token = await world.imagine("from an image", image=draw("an image"), provider="sketch")
    await discord.until(lambda: discord.faults[0].hits)
    await end(world)
    await world.start()
    reply = await discord.until(lambda: discord.said(token))
    assert "again" in reply.content
    assert reply.attachments == []


@pytest.mark.parametrize("end", [World.stop, World.kill])
async def test_a_member_whose_image_was_being_decoded_is_told_by_the_next_process(world, end):
    discord = world.discord
    await world.start("-m", "tests.faults.stuck_decoder")
    token = await world.imagine("from an image", image=draw("an image"), provider="sketch")
    await world.until(lambda: [*world.folder.glob("looking.*")])
    await end(world)
    assert world.row(token).state == "promised"
    assert discord.said(token) is None
    await world.start()
    assert "Send it again" in (await world.end(token)).content


@pytest.mark.parametrize("end", [World.stop, World.kill])
async def test_a_stop_during_an_acknowledgement_leaves_the_answer_to_the_next_start(world, end):
    """The process ends in time, and the member is answered after the next start."""
    discord = world.discord
    await world.start()
    discord.fault(is_callback, held(asyncio.Event(), taken=True))
    token = await world.imagine("told to wait")
    await discord.until(lambda: discord.faults[0].hits)
    assert await end(world) in (0, None)
    discord.faults.clear()
    await world.start()
    assert len((await world.end(token)).attachments) == 1
    assert world.paid() == {"told to wait": 1}


async def test_a_second_process_in_the_same_folder_is_refused(world):
    await world.start()
    first, world.log = world.process, []
    await world.launch()
    assert await world.ended() == 1
    assert world.log[-1] == f"DATA_DIR is in use by another Easel process: {world.folder}."
    assert first.returncode is None
    first.kill()
    await first.wait()


async def test_files_that_take_minutes_to_decode_delay_neither_members_nor_the_stop(world):
    discord = world.discord
    await world.start()
    tokens = [await world.imagine("from a bomb", image=colour_bomb(), provider="sketch") for _ in range(3)]
    assert [len((await world.end(token)).attachments) for token in tokens] == [1, 1, 1]
    slow = await world.imagine("from many scans", image=with_scans(100, (4096, 4096)), provider="sketch")
    await discord.until(lambda: any(sent.path.startswith("/attachments/") for sent in discord.requests[-1:]))
    assert await world.stop() == 0
    await world.start()
    assert await discord.until(lambda: discord.said(slow))
