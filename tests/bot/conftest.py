# pyright: basic
"""Fixtures: the bot on simcord's simulated Discord, with replay servers as providers."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from pathlib import Path

import discord
import pytest
import simcord
from PIL import Image

import bot
import clients
from config import read_config
from domain import Job
from providers.http.transport import Transport
from studio.timing import Timing
from tests.replay import REPLAYS, Replay

SECONDS = 60.0
GUILD = 1_500_000_000_000_000_000
DRAW_TIME, SHORT_DRAW_TIME = timedelta(seconds=60), timedelta(seconds=1.5)


class Pauses:
    """Replaces asyncio.sleep without waiting; a test can wait for the first pause, and prolong it."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.over = asyncio.Event()
        self.over.set()

    async def sleep(self, _: float) -> None:
        self.begun.set()
        await asyncio.sleep(0)
        await self.over.wait()


@dataclass
class World:
    """The bot in a server with a channel, an admin and two members; `ended` gets each finished job."""

    env: simcord.Env
    bot: clients.Easel
    guild: simcord.GuildHandle
    channel: simcord.ChannelHandle
    admin: simcord.MemberActor
    member: simcord.MemberActor
    other: simcord.MemberActor
    ended: asyncio.Queue[Job]
    replays: dict[str, Replay] = field(default_factory=dict)

    async def end(self) -> Job:
        """Wait for the next finished job."""
        return await asyncio.wait_for(self.ended.get(), SECONDS)

    async def imagine(self, *, by: simcord.MemberActor | None = None, **options):
        """Run /imagine until its job has finished; the result message and the job."""
        shown = await (by or self.member).slash(self.channel, "imagine", **options)
        return shown, await self.end()

    async def refused(self, **options) -> str:
        """Run an /imagine that is refused; the sentence, which only the member sees."""
        shown = await self.member.slash(self.channel, "imagine", **options)
        assert shown.response is not None
        assert shown.ephemeral
        assert self.ended.empty()
        return shown.response.content


def variables(folder: Path, replays: list[Replay], **more: str) -> dict[str, str]:
    """The environment variables that enable the replay servers."""
    found = {"DATA_DIR": str(folder), "SHARD_COUNT": "1", "AIHORDE": "off"}
    for replay in replays:
        found[f"{replay.name.upper()}_BASE_URL"] = replay.url
        if replay.name == "aihorde":
            found["AIHORDE"] = "on"
        if replay.needs_key:
            found[f"{replay.name.upper()}_API_KEY"] = replay.key
    return found | more


@pytest.fixture(autouse=True)
def pauses(monkeypatch, request) -> Pauses:
    """No pauses between attempts and polls; a short time limit for jobs of tests that are marked as impatient."""
    pauses = Pauses()
    patience = SHORT_DRAW_TIME if request.node.get_closest_marker("impatient") else DRAW_TIME
    monkeypatch.setattr(bot, "Transport", partial(Transport, sleep=pauses.sleep, seconds=2.0))
    monkeypatch.setattr(bot, "Timing", partial(Timing, draw_time=patience))
    monkeypatch.setattr(bot, "UPLOAD_HOSTS", frozenset({"cdn.simcord.invalid"}))
    return pauses


@pytest.fixture
async def replays() -> AsyncGenerator[list[Replay]]:
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(kind()) for kind in REPLAYS]
        yield servers
        assert [server.unexpected for server in servers] == [[]] * len(servers)


@asynccontextmanager
async def running(values: dict[str, str]) -> AsyncGenerator[tuple[clients.Easel, asyncio.Queue[Job]]]:
    ended: asyncio.Queue[Job] = asyncio.Queue()
    async with bot.open_bot(read_config(values), ended.put_nowait) as easel:
        yield easel, ended


@asynccontextmanager
async def world_of(values: dict[str, str], replays: list[Replay]) -> AsyncGenerator[World]:
    async with running(values) as (easel, ended):
        env = simcord.Env(easel, settle_timeout=5, check_errors=False)
        env.backend.clock._epoch = datetime.now(UTC)  # or every interaction's token would be dead
        await env.start()
        await easel.studio.start()
        guild = env.create_guild("Server", id=GUILD)
        right = discord.Permissions(manage_guild=True, manage_messages=True)
        role = guild.create_role("Admin", permissions=right)
        yield World(
            env,
            easel,
            guild,
            guild.create_text_channel("pictures"),
            guild.add_member(env.create_user("admin"), roles=[role]),
            guild.add_member(env.create_user("member")),
            guild.add_member(env.create_user("other")),
            ended,
            {replay.name: replay for replay in replays},
        )
        errors = env.errors
        await env.shutdown()
        assert errors == []


@pytest.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    """With only the offline provider."""
    async with world_of(variables(tmp_path, []), []) as made:
        yield made


@pytest.fixture
async def hosted(tmp_path: Path, replays: list[Replay]) -> AsyncGenerator[World]:
    """With the four hosted providers, on replay servers, and the offline one."""
    async with world_of(variables(tmp_path, replays), replays) as made:
        yield made


def png(size: tuple[int, int] = (64, 64), colour: int | tuple[int, ...] = (200, 30, 30), mode: str = "RGB") -> bytes:
    return encoded(Image.new(mode, size, colour))


def encoded(image: Image.Image) -> bytes:
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


async def files(shown) -> list[Image.Image]:
    """The delivered pictures, fully decoded."""
    images: list[Image.Image] = [Image.open(BytesIO(await each.read())) for each in shown.response.attachments]
    for image in images:
        image.load()
    return images
