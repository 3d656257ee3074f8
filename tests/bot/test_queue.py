# pyright: basic, reportOptionalMemberAccess=false, reportArgumentType=false
"""/queue, cancelling and the limits, as members and admins see them."""

import asyncio

import pytest

from domain import Limits, QueueFull, Room, State
from providers.sketch import Sketch
from studio.intake.admission import Admission
from tests.bot.conftest import variables, world_of
from tests.conftest import PATIENCE_SECONDS, make_job
from views.reporter import NO_RIGHT
from views.wording.refusals import NO_ROOM_SENTENCES


class Gate:
    """Lets drawings start, and holds them until it is opened."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.first = asyncio.Event()
        self._open = asyncio.Event()

    def open(self) -> None:
        self._open.set()

    async def wait(self, prompt: str) -> None:
        self.begun.append(prompt)
        self.first.set()
        await self._open.wait()


@pytest.fixture
def gate(monkeypatch) -> Gate:
    gate = Gate()

    async def wait(self, request, sources, progress):
        await gate.wait(request.prompt)
        await generate(self, request, sources, progress)

    generate = Sketch.generate
    monkeypatch.setattr(Sketch, "generate", wait)
    return gate


async def pages(world):
    mine = await world.member.slash(world.channel, "queue")
    others = await world.other.slash(world.channel, "queue")
    admins = await world.admin.slash(world.channel, "queue")
    return [each.response.content for each in (mine, others, admins)]


async def test_an_empty_queue_says_so(world):
    assert await pages(world) == ["Nothing is being drawn, and nothing waits."] * 3


async def test_members_see_their_own_and_managers_all(world, gate):
    await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await world.member.slash(world.channel, "imagine", prompt="a secret", private=True)
    await gate.first.wait()
    mine, others, admins = await pages(world)
    assert "`a boat`" in mine
    assert "`a secret`" in mine
    assert others == "Nothing is being drawn, and nothing waits."
    assert "`a boat`" in admins
    assert "a secret" not in admins
    assert "a private request" in admins
    gate.open()
    await world.end()
    await world.end()


async def test_cancelling_what_runs(world, gate):
    shown = await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await gate.first.wait()
    page = await world.admin.slash(world.channel, "queue")
    [job] = await world.bot.studio.jobs.under_way(guild_id=world.guild.id)
    await world.admin.select(page.response, [job.id], custom_id="queue:cancel")
    ended = await world.end()
    assert ended.state is State.CANCELLED
    assert "Cancelled before it was drawn." in shown.response.content
    assert page.response.content == "Cancelled.\nNothing is being drawn, and nothing waits."


async def test_a_page_stops_working_when_the_right_is_revoked(world, gate):
    await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await gate.first.wait()
    page = await world.admin.slash(world.channel, "queue")
    [job] = await world.bot.studio.jobs.under_way(guild_id=world.guild.id)
    world.env.backend.get_guild(world.guild.id).members[world.admin.id].role_ids.clear()
    told = await world.admin.select(page.response, [job.id], custom_id="queue:cancel")
    assert told.response.content == NO_RIGHT
    gate.open()
    assert (await world.end()).state is State.DELIVERED


async def test_leaving_a_server_cancels_what_is_under_way_there(world, gate):
    await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await gate.first.wait()
    world.env.backend.remove_guild(world.guild.id)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await world.end()).state is State.CANCELLED


async def test_cancelling_what_waits(tmp_path, gate):
    async with world_of(variables(tmp_path, []), []) as world:
        for _ in range(9):  # more than are drawn at once
            shown = await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
        waiting = (await world.bot.studio.jobs.under_way(user_id=world.member.id))[-1]
        page = await world.member.slash(world.channel, "queue")
        await world.member.select(page.response, [waiting.id], custom_id="queue:cancel")
        ended = await world.end()
        assert (ended.id, ended.state, ended.drawn) == (waiting.id, State.CANCELLED, ())
        assert "Cancelled before it was drawn." in shown.response.content
        gate.open()
        for _ in range(8):
            assert (await world.end()).state is State.DELIVERED


async def test_what_is_drawn_already_cannot_be_cancelled(world, gate):
    await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
    await gate.first.wait()
    page = await world.member.slash(world.channel, "queue")
    [job] = await world.bot.studio.jobs.under_way(user_id=world.member.id)
    gate.open()
    await world.end()
    told = await world.member.select(page.response, [job.id], custom_id="queue:cancel")
    assert told.followups[-1].content == "That one is drawn or over already."


async def test_a_member_may_have_so_many_waiting_and_a_server_too(tmp_path, gate):
    values = variables(tmp_path, [], QUEUE_PER_MEMBER="2", QUEUE_PER_SERVER="3")
    async with world_of(values, []) as world:
        for _ in range(2):
            await world.member.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
        assert "as one member may have (2)" in await world.refused(prompt="one too many")
        await world.other.slash(world.channel, "imagine", prompt="a boat", size="64x64", steps=1)
        shown = await world.admin.slash(world.channel, "imagine", prompt="one too many")
        assert shown.ephemeral
        assert "as many requests waiting as it may have (3)" in shown.response.content
        gate.open()
        for _ in range(3):
            await world.end()
        _, job = await world.imagine(prompt="and again")
        assert job.state is State.DELIVERED


async def test_jobs_of_an_earlier_run_count_towards_the_limit(world):
    job = make_job(state=State.WAITING)
    await world.bot._store.jobs.add(job)
    admission = Admission(world.bot._store.statistics, Limits(per_member=1))
    admission.check(job)
    await admission.refresh()
    with pytest.raises(QueueFull):
        admission.check(job)


async def test_a_member_with_fifty_waiting_delays_another_by_no_more_than_what_runs(tmp_path, gate):
    values = variables(tmp_path, [], QUEUE_PER_MEMBER="50")
    async with world_of(values, []) as world:
        for _ in range(50):
            await world.member.slash(world.channel, "imagine", prompt="one of many", size="64x64")
        await gate.first.wait()
        running = world.bot.studio.catalogue.providers["sketch"].settings.concurrency
        await world.other.slash(world.channel, "imagine", prompt="the first", size="64x64")
        gate.open()
        for _ in range(51):
            assert (await world.end()).state is State.DELIVERED
        assert gate.begun.index("the first") <= running


async def test_with_a_full_disk_no_provider_is_asked(world, monkeypatch):
    monkeypatch.setattr(world.bot._store.spool, "is_full", lambda: True)
    told = await world.refused(prompt="a boat")
    assert told == f"{NO_ROOM_SENTENCES[Room.DISK]}\n`a boat`"
    assert await world.bot.studio.jobs.under_way(user_id=world.member.id) == []
