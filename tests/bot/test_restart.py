# pyright: basic, reportOptionalMemberAccess=false
"""Jobs, buttons and pictures after a restart."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta

import discord
import pytest

from domain import ImageRequest, Job, Origin, Size, State
from providers.imagepipeline import DOCUMENTED_MODEL
from storage.store import open_store
from studio.intake.files import Files
from tests.bot.conftest import files, png, variables, world_of

REQUEST = ImageRequest(
    prompt="a boat", provider="imagepipeline", model=DOCUMENTED_MODEL[0], size=Size(256, 256), seed=1
)


def row(world, n: int, **changes) -> Job:
    """A job that an earlier run has left unfinished, with its deferred reply in the channel."""
    started = datetime.now(UTC) - timedelta(seconds=5)
    values = {
        "id": str(n),
        "application_id": world.bot.application_id,
        "guild_id": world.guild.id,
        "channel_id": world.channel.id,
        "user_id": world.member.id,
        "reply_token": None,
        "reply_deadline": started,
        "file_limit": 10 * 2**20,
        "request": REQUEST,
        "provider": "imagepipeline",
        "model": REQUEST.model,
        "model_title": "SDXL",
        "created": started,
        "started": started,
    }
    return Job(**(values | changes))


async def left_behind(world, job: Job) -> Job:
    """Insert a job's row, and let recovery find it."""
    await world.bot._store.jobs.add(job)
    await world.bot.studio._pipeline.recover()
    return await world.end()


async def test_a_queued_job_runs(hosted):
    job = await left_behind(hosted, row(hosted, 1))
    assert job.state is State.DELIVERED
    assert hosted.replays["imagepipeline"].count("POST") == 1


@pytest.mark.impatient
async def test_a_waiting_job_polls_on_and_pays_nothing(hosted):
    replay = hosted.replays["imagepipeline"]
    _, first = await hosted.imagine(prompt="a cat case:for-ever", provider="imagepipeline")
    submits = replay.count("POST")
    job = row(hosted, 2, state=State.WAITING, remote=first.remote, request=first.request)
    ended = await left_behind(hosted, job)
    assert ended.failure.kind == "Timeout"
    assert replay.count("POST") == submits


async def test_a_drawn_job_is_delivered(hosted):
    await hosted.bot._store.spool.put("pictures/3/0", png())
    drawn = [{"call": 0, "key": "pictures/3/0", "size": (64, 64), "seed": 1}]
    job = await left_behind(hosted, row(hosted, 3, state=State.DRAWN, drawn=drawn))
    assert job.state is State.DELIVERED
    message = hosted.channel.last_message
    assert len(message.attachments) == 1
    assert await hosted.bot._store.spool.get("pictures/3/0") is None


async def test_a_paid_job_that_was_being_sent_is_not_sent_again(hosted):
    job = await left_behind(hosted, row(hosted, 4, state=State.SENDING))
    assert job.state is State.INTERRUPTED
    assert hosted.replays["imagepipeline"].count("POST") == 0
    message = hosted.channel.last_message
    assert "Nothing was ordered twice" in message.content
    await hosted.member.click(message, label="Retry")
    assert (await hosted.end()).parent == "4"


async def test_a_free_job_that_was_being_sent_runs_again(hosted):
    request = REQUEST.model_copy(update={"provider": "sketch", "model": "paint"})
    job = row(hosted, 5, state=State.SENDING, provider="sketch", model="paint", request=request)
    assert (await left_behind(hosted, job)).state is State.DELIVERED


async def test_an_interrupted_job_delivers_what_it_has(hosted):
    await hosted.bot._store.spool.put("pictures/6/0", png())
    drawn = [{"call": 0, "key": "pictures/6/0", "size": (64, 64)}]
    request = REQUEST.model_copy(update={"count": 2})
    job = row(hosted, 6, state=State.SENDING, calls=2, calls_done=1, drawn=drawn, request=request)
    assert (await left_behind(hosted, job)).state is State.DELIVERED
    assert "1 of 2" in hosted.channel.last_message.content


async def test_a_job_of_a_provider_that_is_off_fails_with_a_sentence(world):
    job = await left_behind(world, row(world, 7))
    assert job.state is State.FAILED
    assert "has been switched off" in world.channel.last_message.content


async def test_a_private_picture_without_a_token_waits_for_recover(world):
    await world.bot._store.spool.put("pictures/8/0", png())
    drawn = [{"call": 0, "key": "pictures/8/0", "size": (64, 64)}]
    job = await left_behind(world, row(world, 8, state=State.DRAWN, drawn=drawn, private=True))
    assert job.parked
    assert world.channel.last_message is None
    nobody = await world.other.slash(world.channel, "recover")
    assert nobody.response.content == "Nothing of yours is waiting."
    shown = await world.member.slash(world.channel, "recover")
    assert (await world.end()).state is State.DELIVERED
    assert shown.ephemeral
    assert "1 request of yours" in shown.response.content
    assert len(shown.followups[0].attachments) == 1
    assert shown.followups[0].ephemeral


async def test_a_picture_on_its_way_to_an_earlier_recover_is_reported_as_such(world, monkeypatch):
    """Two /recover commands have listed the same picture."""
    await world.bot._store.spool.put("pictures/12/0", png())
    drawn = [{"call": 0, "key": "pictures/12/0", "size": (64, 64)}]
    await left_behind(world, row(world, 12, state=State.DRAWN, drawn=drawn, private=True))
    waiting = await world.bot.studio.jobs.parked(world.member.id)

    async def parked(_: int):
        return waiting

    monkeypatch.setattr(world.bot.studio.jobs, "parked", parked)
    first = await world.member.slash(world.channel, "recover")
    await world.end()
    second = await world.member.slash(world.channel, "recover")
    assert [len(shown.followups[0].attachments) for shown in (first, second)] == [1, 0]
    assert second.followups[0].content == "`a boat`\nIt is on its way already."


async def test_a_picture_whose_message_was_deleted_waits_for_recover(hosted, pauses):
    pauses.over.clear()
    shown = await hosted.member.slash(hosted.channel, "imagine", prompt="a cat case:pending", provider="imagepipeline")
    await hosted.admin.delete(shown.response)
    pauses.over.set()
    job = await hosted.end()
    assert job.parked
    assert hosted.channel.last_message is None
    recovered = await hosted.member.slash(hosted.channel, "recover")
    assert (await hosted.end()).state is State.DELIVERED
    assert len(recovered.followups[0].attachments) == 1


async def test_a_public_picture_after_the_token_is_posted_by_the_bot(world):
    await world.bot._store.spool.put("pictures/9/0", png())
    drawn = [{"call": 0, "key": "pictures/9/0", "size": (64, 64)}]
    job = row(world, 9, state=State.DRAWN, drawn=drawn, reply_token="dead", reply_deadline=datetime.now(UTC))
    assert (await left_behind(world, job)).state is State.DELIVERED
    assert len(world.channel.last_message.attachments) == 1


async def test_a_picture_for_a_channel_that_is_gone_waits_for_recover(world):
    await world.bot._store.spool.put("pictures/10/0", png())
    drawn = [{"call": 0, "key": "pictures/10/0", "size": (64, 64)}]
    job = await left_behind(world, row(world, 10, state=State.DRAWN, drawn=drawn, channel_id=12345))
    assert job.parked


async def test_buttons_work_after_a_restart(tmp_path):
    values = variables(tmp_path, [])
    async with world_of(values, []) as world:
        shown, first = await world.imagine(prompt="a boat", size="64x64", steps=1)
        buttons = shown.response.message.components
    async with world_of(values, []) as world:
        with sqlite3.connect(tmp_path / "easel.db") as database:  # the simulated channel is a new one
            database.execute("UPDATE jobs SET channel_id = ?", [world.channel.id])
        database.close()
        message = await bot_message(world, buttons)
        await world.member.click(message, label="Again")
        assert (await world.end()).parent == first.id


async def bot_message(world, rows):
    """A new message with the buttons of an older message."""
    view = discord.ui.View(timeout=None)
    for item in rows[0].children:
        view.add_item(discord.ui.Button(label=item.label, custom_id=item.custom_id))
    view.stop()
    await world.bot.get_channel(world.channel.id).send("old", view=view)
    return world.channel.last_message


async def test_stopping_leaves_unfinished_jobs_in_the_table(tmp_path, replays, pauses):
    values = variables(tmp_path, replays, IMAGEPIPELINE_CONCURRENCY="1")
    async with world_of(values, replays) as world:
        for _ in range(2):
            await world.member.slash(world.channel, "imagine", prompt="a cat case:for-ever", provider="imagepipeline")
        await pauses.begun.wait()
        await world.bot.studio.close(grace=0)
    async with open_store(f"sqlite:///{tmp_path / 'easel.db'}", tmp_path) as store:
        states = sorted(job.state for job in await store.jobs.unheld())
    assert states == [State.QUEUED, State.WAITING]


async def test_the_same_interaction_twice_is_one_job(world):
    job = row(world, 11)
    request = REQUEST.model_copy(update={"provider": "sketch", "model": "paint", "steps": 1})
    origin = Origin(**{name: getattr(job, name) for name in Origin.model_fields})
    acknowledged = []

    async def acknowledge(_: bool) -> int | None:
        acknowledged.append(job.message_id)
        return job.message_id

    intake = world.bot.studio.intake
    await asyncio.gather(*[intake.take(request, Files(), origin, acknowledge) for _ in range(2)])
    await intake.take(request, Files(), origin, acknowledge)
    assert len(acknowledged) == 1
    assert (await world.end()).state is State.DELIVERED
    assert world.ended.empty()
    assert len(world.channel.history()) == 1


@pytest.mark.parametrize("who", ["user_id", "guild_id"])
async def test_deleting_finished_jobs_deletes_rows_and_files(world, who):
    _, job = await world.imagine(prompt="a boat", image=("a.png", png()), size="64x64", steps=1)
    key = job.request.images[0].key
    assert await world.bot._store.spool.get(key) is not None
    await world.bot.studio.jobs.delete_finished(**{who: getattr(job, who)})
    assert await world.bot.studio.jobs.find(job.id) is None
    assert await world.bot._store.spool.get(key) is None


async def test_delete_my_data(world):
    _, job = await world.imagine(prompt="a boat", size="64x64", steps=1)
    page = await world.member.slash(world.channel, "privacy")
    assert "Who runs this bot" in page.response.content
    await world.member.click(page.response, label="Delete what is stored about me")
    assert "1 finished request of yours goes" in page.response.content
    await world.member.click(page.response, label="Keep it")
    assert "Who runs this bot" in page.response.content
    assert await world.bot.studio.jobs.find(job.id) is not None
    await world.member.click(page.response, label="Delete what is stored about me")
    await world.member.click(page.response, label="Yes, delete it")
    assert page.response.content.startswith("Deleted: 1 finished request of yours")
    assert await world.bot.studio.jobs.find(job.id) is None


async def test_where_nothing_is_stored_there_is_nothing_to_confirm(world):
    page = await world.member.slash(world.channel, "privacy")
    await world.member.click(page.response, label="Delete what is stored about me")
    assert page.response.content == "Nothing of yours is stored here that could be deleted."
    await world.member.click(page.response, label="◀ Back")
    assert "Who runs this bot" in page.response.content


async def test_files_of_a_finished_job_are_gone(hosted):
    shown, job = await hosted.imagine(prompt="a cat", provider="imagepipeline", count=4)
    assert len(await files(shown)) == 4
    assert [await hosted.bot._store.spool.get(each.key) for each in job.drawn] == [None] * 4
