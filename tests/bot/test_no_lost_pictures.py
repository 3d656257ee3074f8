# pyright: basic, reportOptionalMemberAccess=false
"""Regression tests: a paid picture is neither lost, nor paid or shown twice."""

import pytest

from domain import Settings, State
from storage.job_store import JobStore
from studio.lease import Leases
from tests.bot.conftest import files, png
from tests.bot.test_restart import REQUEST, left_behind, row


async def test_a_spooled_picture_is_delivered_after_its_link_has_expired(hosted):
    """The job is resumed after the picture has arrived, but before the call has ended."""
    await hosted.bot._store.spool.put("pictures/1/0", png((256, 256)))
    drawn = [{"call": 0, "key": "pictures/1/0", "size": (256, 256)}]
    dead = {"urls": [hosted.replays["imagepipeline"].url + "/pictures/none.png"]}
    job = await left_behind(hosted, row(hosted, 1, state=State.WAITING, remote=dead, drawn=drawn))
    hosted.replays["imagepipeline"].unexpected.clear()
    assert job.state is State.DELIVERED
    assert len(hosted.channel.last_message.attachments) == 1


async def test_one_process_does_not_lease_a_row_twice(world):
    await world.bot._store.jobs.add(row(world, 2))
    leases = Leases(world.bot._store.jobs)
    async with leases.hold("2") as first, leases.hold("2") as second:
        assert (first is None, second is None) == (False, True)


async def test_a_row_whose_release_failed_gets_no_heartbeat(world, monkeypatch):
    leases = Leases(world.bot._store.jobs)

    async def locked(*_):
        raise OSError("database is locked")

    await world.bot._store.jobs.add(row(world, 3))
    with monkeypatch.context() as patch, pytest.raises(OSError, match="locked"):
        patch.setattr(JobStore, "release", locked)
        async with leases.hold("3"):
            assert len(leases) == 1
    assert len(leases) == 0


async def test_a_job_marked_as_waiting_with_nothing_to_wait_for_is_not_sent_again(hosted):
    job = await left_behind(hosted, row(hosted, 4, state=State.WAITING, remote=None))
    assert job.state is State.INTERRUPTED
    assert hosted.replays["imagepipeline"].count("POST") == 0


async def test_a_picture_that_cannot_be_prepared_leaves_the_others(world):
    for place, data in enumerate((png(), b"no picture")):
        await world.bot._store.spool.put(f"pictures/5/{place}", data)
    drawn = [{"call": place, "key": f"pictures/5/{place}", "size": (64, 64)} for place in (0, 1)]
    request = REQUEST.model_copy(update={"count": 2})
    job = await left_behind(world, row(world, 5, state=State.DRAWN, drawn=drawn, request=request))
    assert job.state is State.DELIVERED
    assert "1 of 2" in world.channel.last_message.content


async def test_a_job_can_be_retried_only_once(hosted):
    shown, _ = await hosted.imagine(prompt="a cat case:F04", provider="popcord")
    await hosted.member.click(shown.response, label="Retry")
    await hosted.end()
    submits = hosted.replays["popcord"].count("POST")
    again = await hosted.member.click(shown.response, label="Retry")
    assert "tried again already" in again.response.content
    assert hosted.replays["popcord"].count("POST") == submits


async def test_two_admins_do_not_undo_each_other(world):
    settings = world.bot._store.settings
    panel = await world.admin.slash(world.channel, "settings")
    await world.admin.click(panel.response, label="Provider, model, size…")
    await settings.set(world.guild.id, Settings(private=True))
    await world.admin.select(panel.response, ["1024x576"], custom_id="settings:size")
    now = await settings.get(world.guild.id)
    assert (now.private, now.size) == (True, (1024, 576))


async def test_delete_works_for_the_asker_after_their_data_is_gone(world):
    shown, _ = await world.imagine(prompt="a boat", size="64x64", steps=1)
    await world.bot.studio.jobs.delete_finished(user_id=world.member.id)
    assert len(await files(shown)) == 1
    await world.member.click(shown.response, label="Delete")
    assert shown.response is None
