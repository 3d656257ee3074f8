# pyright: basic, reportOptionalMemberAccess=false, reportArgumentType=false
"""Two gateway processes with two shards each, and a worker, on one queue, database and bucket."""

import asyncio

from domain import Settings
from storage.store import open_store
from tests.discord_server import has_picture, held, nth
from tests.faults.world import prompt_of

EVERYWHERE = [nth(number) for number in range(8)]


async def test_all_shards_are_answered_within_the_providers_shared_limit(cluster):
    gate = cluster.hold(prompt_of)
    await cluster.gateway("0-1")
    await cluster.gateway("2-3")
    await cluster.worker()
    asked = [await cluster.imagine(f"picture {number}", at=place) for number, place in enumerate(EVERYWHERE)]
    await cluster.discord.until(lambda: gate.reached == 2)
    other = await cluster.imagine("by rules", provider="sketch", size="64x64")
    await cluster.end(other)
    assert gate.reached == 2, "more at once than POPCORD_CONCURRENCY"
    gate.open.set()
    for token in asked:
        assert len((await cluster.end(token)).attachments) == 1
    paid = [prompt_of(call) for call in cluster.replays["popcord"].requests if prompt_of(call)]
    assert sorted(paid) == [f"picture {number}" for number in range(8)]
    assert sum(len(cluster.discord.public(place.channel)) for place in EVERYWHERE) == 9
    assert [await member.stop() for member in cluster.members] == [0, 0, 0]


async def test_another_process_finishes_the_jobs_of_a_dead_one(cluster):
    """Its folder is deleted too: its pictures are in the bucket, its remote jobs in the table."""
    polls = cluster.hold(lambda call: call.moment == "poll-")
    undelivered = cluster.discord.fault(has_picture, held(asyncio.Event()), times=2)
    await cluster.gateway("0-1")
    drawn = [await cluster.imagine(f"drawn {number}") for number in range(2)]
    await cluster.discord.until(lambda: undelivered.hits == 2)
    ordered = await cluster.imagine("case:poll-F09-json", provider="imagepipeline")
    await cluster.discord.until(lambda: polls.reached)
    dead, *others = cluster.members[0], await cluster.gateway("2-3"), await cluster.worker()
    await dead.kill()
    cluster.discord.faults.clear()
    polls.open.set()
    for token in (*drawn, ordered):
        assert len((await cluster.end(token)).attachments) == 1
    await cluster.discord.until(lambda: sum(line.count(": delivered") for other in others for line in other.log) == 3)
    assert len(cluster.discord.public()) == 3
    for name, times in (("popcord", 2), ("imagepipeline", 1)):
        assert sum(bool(prompt_of(call)) for call in cluster.replays[name].requests) == times


async def test_nan_from_a_provider_does_not_fail_the_row(cluster):
    """PostgreSQL refuses NaN in JSON; the drawing time is written after the picture is paid for."""
    await cluster.gateway("0-3")
    token = await cluster.imagine("case:no-number", provider="nebulablock")
    assert len((await cluster.end(token)).attachments) == 1
    assert sum(map(bool, map(prompt_of, cluster.replays["nebulablock"].requests))) == 1


async def test_a_job_is_cancelled_from_another_process(cluster):
    gate = cluster.hold(prompt_of)
    there = next(place for place in EVERYWHERE if int(place.guild) >> 22 & 1)
    here = next(place for place in EVERYWHERE if not int(place.guild) >> 22 & 1)
    await cluster.gateway("0", SHARD_COUNT="2")
    token = await cluster.imagine("no more", at=here)
    await cluster.discord.until(lambda: gate.reached)
    await cluster.gateway("1", SHARD_COUNT="2")
    page = await cluster.discord.slash("queue", at=there)
    await cluster.discord.until(lambda: cluster.discord.said(page))
    message = cluster.discord.said(page)
    assert "no more" in message.content
    await cluster.discord.choose(message, "queue:cancel", cluster.discord.interactions[token].id, at=there)
    assert "Cancelled before it was drawn." in (await cluster.end(token)).content
    await cluster.until(token, lambda row: row["state"] == "cancelled")


async def test_a_worker_without_shards_needs_a_shared_database(cluster):
    member = await cluster.worker(DATABASE_URL="sqlite:///easel.db")
    assert await member.process.wait() == 2
    await member._reader
    assert member.says("--worker needs a DATABASE_URL that processes can share")


async def test_jobs_survive_a_database_that_is_unreachable_for_ten_seconds(cluster):
    """Jobs under way and jobs requested meanwhile both end in a picture; nothing is paid for twice."""
    gate = cluster.hold(lambda call: prompt_of(call) == "under way")
    through = cluster.wire.url(cluster.database_url)
    member = await cluster.gateway("0", SHARD_COUNT="1", DATABASE_URL=through)
    under_way = await cluster.imagine("under way")
    await cluster.discord.until(lambda: gate.reached)
    cluster.wire.cut()
    gate.open.set()
    asked = await cluster.imagine("asked")
    await cluster.discord.until(lambda: cluster.discord.reply(asked))
    await asyncio.sleep(10)  # this is the fault
    cluster.wire.mend()
    for token in (under_way, asked):
        assert len((await cluster.end(token)).attachments) == 1
    assert member.says("the database does not answer")
    paid = sorted(prompt_of(call) for call in cluster.replays["popcord"].requests if prompt_of(call))
    assert paid == ["asked", "under way"]


async def test_a_setting_of_one_process_applies_in_another(cluster, tmp_path):
    """The test stands for the other process: a server's commands all reach the process with its shard."""
    member = await cluster.gateway("0", SHARD_COUNT="1")
    await cluster.end(await cluster.imagine("by the bot's default", size="512x512"))
    async with open_store(cluster.database_url, tmp_path / "other") as store:
        await store.settings.set(int(EVERYWHERE[0].guild or 0), Settings(provider="sketch"))
    token = await cluster.imagine("by the server's", size="512x512")
    assert "Sketch" in (await cluster.end(token)).content
    await cluster.discord.until(lambda: member.says("delivered, sketch"))
