# pyright: basic
"""The bot as its own process, unmodified, on a loopback Discord: from the start to a picture to SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.discord_server import APPLICATION, DiscordServer

ROOT = Path(__file__).parent.parent
TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
SECONDS = 30


@pytest.fixture
async def discord() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer(TOKEN) as server:
        yield server
        assert server.problems == []


@asynccontextmanager
async def easel(discord: DiscordServer, folder: Path, *arguments: str, token: str = TOKEN):
    """`python bot.py`, ended in any case."""
    environment = {
        "PATH": os.environ["PATH"],
        "DISCORD_TOKEN": token,
        "DISCORD_API_URL": discord.api_url,
        "DATA_DIR": str(folder),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "bot.py"),
        *arguments,
        cwd=folder,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def test_a_picture_from_start_to_stop(discord, tmp_path):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        await discord.ready.wait()
        token = await discord.slash("imagine", prompt="a boat", size="64x64")
        callback = await discord.sent(lambda each: each.path.endswith(f"{token}/callback"))
        assert callback.json["type"] == 5
        edit = await discord.sent(lambda each: each.files)
        assert (edit.method, edit.path.rpartition("/")[0]) == ("PATCH", f"/webhooks/{APPLICATION}/{token}/messages")
        assert edit.files[0].startswith(b"\x89PNG")
        assert edit.json["allowed_mentions"] == {"parse": []}
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert b"provider sketch: on" in log
    assert b"provider popcord: off, set POPCORD_BASE_URL" in log
    assert b"delivered" in log
    assert TOKEN.encode() not in log
    assert token.encode() not in log


async def test_commands_are_told_once(discord, tmp_path):
    for _ in range(2):
        discord.ready.clear()
        async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
            await discord.ready.wait()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            assert process.returncode == 0
    assert [each.path for each in discord.requests if each.method == "PUT"] == [f"/applications/{APPLICATION}/commands"]


async def test_a_token_that_discord_refuses(discord, tmp_path):
    wrong = TOKEN.replace("canary", "wrong")
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, token=wrong) as process:
        out, log = await process.communicate()
    assert process.returncode == 2
    assert b"DISCORD_TOKEN is not accepted by Discord" in log
    assert b"Traceback" not in log
    assert wrong.encode() not in out + log


async def test_check_tries_the_token(discord, tmp_path):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, "--check") as process:
        out, _ = await process.communicate()
    assert process.returncode == 0
    assert b"discord        works    token accepted" in out
    assert b"sketch         works    reachable" in out
    assert b"appypie        off      set APPYPIE_API_KEY" in out
