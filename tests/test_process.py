# pyright: basic
"""The unmodified bot as a process on the test server, from start to SIGTERM."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.discord_server import (
    APPLICATION,
    DiscordServer,
    breaks,
    busy,
    cloudflare,
    fails,
    is_application,
    is_login,
    is_sync,
    refuses,
)
from views.reporter import COMMAND_CHANGED

ROOT = Path(__file__).parent.parent
TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
SECONDS = 30
BOT = (str(ROOT / "bot.py"),)
HASTY = ("-m", "tests.faults.short_pauses")
"""A program that runs the bot with short back-off."""
WINDOWS_LOOP = ("-m", "tests.faults.windows_loop")
"""A program that runs the bot on an event loop without signal handlers."""
on_both_loops = pytest.mark.parametrize("program", [BOT, WINDOWS_LOOP], ids=["usual loop", "Windows' loop"])


@pytest.fixture
async def discord() -> AsyncGenerator[DiscordServer]:
    async with DiscordServer(TOKEN) as server:
        yield server
        assert server.problems == []


@asynccontextmanager
async def easel(
    discord: DiscordServer, folder: Path, *arguments: str, token: str = TOKEN, program: Sequence[str] = BOT, **more: str
):
    """Run `python bot.py`, or another program, and end it after the test."""
    environment = {
        "PATH": os.environ["PATH"],
        "DISCORD_TOKEN": token,
        "DISCORD_API_URL": discord.api_url,
        "DATA_DIR": str(folder),
        "PYTHONPATH": str(ROOT),
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *program,
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


@on_both_loops
@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
async def test_a_picture_from_start_to_stop(discord, tmp_path, program, stop):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, program=program) as process:
        await discord.ready.wait()
        token = await discord.slash("imagine", prompt="a boat", size="64x64")
        callback = await discord.sent(lambda each: each.path.endswith(f"{token}/callback"))
        assert callback.json["type"] == 5
        edit = await discord.sent(lambda each: each.files)
        assert (edit.method, edit.path.rpartition("/")[0]) == ("PATCH", f"/webhooks/{APPLICATION}/{token}/messages")
        assert edit.files[0].startswith(b"\x89PNG")
        assert edit.json["allowed_mentions"] == {"parse": []}
        process.send_signal(stop)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert (sum(map(is_login, discord.requests)), log.count(b"logging in")) == (1, 1)
    assert b"provider sketch: on" in log
    assert b"provider popcord: off, set POPCORD_BASE_URL" in log
    assert b"delivered" in log
    assert TOKEN.encode() not in log
    assert token.encode() not in log


async def test_commands_are_registered_only_when_they_have_changed(discord, tmp_path):
    """Enabling a provider changes the command, by one choice."""
    told = []
    for more in ({}, {}, {"POPCORD_BASE_URL": "http://127.0.0.1:9"}, {"POPCORD_BASE_URL": "http://127.0.0.1:9"}):
        discord.ready.clear()
        discord.requests.clear()
        async with asyncio.timeout(SECONDS), easel(discord, tmp_path, **more) as process:
            await discord.ready.wait()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
            assert process.returncode == 0
        told.append([each.path for each in discord.requests if each.method == "PUT"])
    assert told == [[f"/applications/{APPLICATION}/commands"], [], [f"/applications/{APPLICATION}/commands"], []]


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


@pytest.mark.parametrize(
    "action",
    [
        cloudflare(429, retry_after=0),
        cloudflare(403),
        refuses(403, 40333, "internal network error"),
        busy(via=False),
        fails(503),
    ],
)
@pytest.mark.parametrize("asked", [is_login, is_application])
async def test_a_login_that_is_refused_for_now_is_retried(discord, tmp_path, action, asked):
    discord.fault(asked, action, times=2)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, program=HASTY) as process:
        await discord.ready.wait()
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert log.count(b"Next try in 0 s") == 2
    assert not any(word in log for word in (b"1015", b"Unclosed", b"Traceback"))


@pytest.mark.parametrize("action", [cloudflare(429), cloudflare(403), fails(503), breaks()])
async def test_a_login_that_is_always_refused_exits_with_1(discord, tmp_path, action):
    discord.fault(is_login, action, times=100)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, program=HASTY) as process:
        _, log = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in log
    assert log.splitlines()[-1].startswith((b"Discord does not let", b"Discord cannot be reached"))


@pytest.mark.parametrize("action", [cloudflare(429), cloudflare(403), fails(502), breaks()])
async def test_a_proxy_that_does_not_answer_for_now_is_no_wrong_setting(discord, tmp_path, action):
    discord.fault(lambda sent: sent.path == "/gateway", action, times=100)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        _, log = await process.communicate()
    assert process.returncode == 1
    assert log.splitlines()[-1].startswith(b"Discord cannot be reached")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (4004, b"DISCORD_TOKEN is not accepted"),
        (4010, b"each of SHARD_IDS has to be less than SHARD_COUNT"),
        (4011, b"set a larger SHARD_COUNT"),
        (4012, b"no longer speaks this version's API"),
        (4013, b"does not know what this version asks"),
        (4014, b"does not allow what this version asks"),
    ],
)
async def test_a_connection_that_is_closed_for_good_says_why(discord, tmp_path, code, words):
    discord.gateway.close_code = code
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        _, log = await process.communicate()
    assert process.returncode == 2
    assert words in log.splitlines()[-1]
    assert b"Traceback" not in log


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (refuses(400, 30034, "Max number of daily application command creates has been reached"), b"400, 30034: Max"),
        (refuses(403, 50001, "Missing Access"), b"403, 50001: Missing Access"),
        (busy(via=False), b"Discord refuses them, 429"),
        (fails(503), b"Discord refuses them, 503"),
        (breaks(), b"cannot be registered"),
    ],
)
async def test_refused_commands_are_registered_again(discord, tmp_path, action, words):
    discord.fault(is_sync, action, times=2)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, program=HASTY) as process:
        await discord.ready.wait()
        await discord.until(lambda: discord.commands)
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert log.count(b"the registered ones stay") == 1
    assert words in log
    assert TOKEN.encode() not in log


async def test_registered_commands_work_while_discord_refuses_new_ones(discord, tmp_path):
    discord.fault(is_sync, refuses(400, 30034), times=100)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        await discord.ready.wait()
        token = await discord.slash("imagine", prompt="a boat", size="64x64")
        await discord.sent(lambda each: each.files and token in each.path)
        process.send_signal(signal.SIGTERM)
        await process.communicate()
    assert process.returncode == 0


async def test_commands_replaced_by_another_program_are_registered_again(discord, tmp_path):
    for _ in range(2):
        discord.ready.clear()
        async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
            await discord.ready.wait()
            process.send_signal(signal.SIGTERM)
            await process.communicate()
        assert {"imagine", "recover"} <= {each["name"] for each in discord.commands}
        discord.replace_commands([{"name": "imagine", "description": "of another program"}])


OLDER: list[tuple[str, dict[str, Any]]] = [
    ("paint", {"prompt": "a boat"}),
    ("imagine", {}),
    ("imagine", {"prompt": "a boat", "artist": "one that is gone"}),
    ("imagine", {"prompt": "a boat", "seed": "seven"}),
    ("imagine", {"prompt": "a boat", "strength": 1}),
    ("imagine", {"prompt": "a boat", "private": "yes"}),
    ("imagine", {"prompt": "a boat", "model": 7}),
    ("imagine", {"prompt": "a boat", "image": {"type": 3, "value": "https://h.test/boat.png"}}),
    ("imagine", {"prompt": "a boat", "count": 5}),
    ("imagine", {"prompt": "a boat", "guidance": -0.5}),
    ("imagine", {"fast": {"type": 1, "options": []}}),
    ("queue", {"page": 2}),
]
"""Options of other versions of the commands, which Discord may still show."""


async def test_a_command_of_another_version_says_so_and_costs_nothing(discord, tmp_path):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        await discord.ready.wait()
        for name, options in OLDER:
            token = await discord.slash(name, **options)
            reply = await discord.until(lambda token=token: discord.said(token))
            sentence, _, prompt = reply.content.partition("\n")
            assert (sentence, reply.private) == (COMMAND_CHANGED, True), (name, options)
            assert prompt == (f"`{options['prompt']}`" if name == "imagine" and "prompt" in options else ""), name
        token = await discord.slash("imagine", prompt="a boat", provider="one that is off")
        assert "Try sketch" in (await discord.until(lambda: discord.said(token))).content
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert not any(word in log for word in (b"Traceback", b"internal error", b"delivered"))


async def test_suggestions_for_a_command_of_another_version_come_to_nothing(discord, tmp_path):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        await discord.ready.wait()
        for option, typed, more in [("artist", "m", {}), ("size", 7, {}), ("size", "w", {"model": 7}), ("seed", 7, {})]:
            await discord.suggest("imagine", option, typed, **more)
        token = await discord.suggest("imagine", "size", "wide", count={"type": 4, "value": "garbage"})
        await discord.until(lambda: discord.interactions[token].choices)
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert b"Traceback" not in log
    assert log.count(b"no suggestions") == 4


async def test_an_unreadable_gateway_event_is_skipped(discord, tmp_path):
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path) as process:
        await discord.ready.wait()
        await discord.gateway.dispatch("INTERACTION_CREATE", {"id": "1", "token": "interaction-token-secret"}, None)
        token = await discord.slash("imagine", prompt="a boat", size="64x64")
        await discord.sent(lambda each: each.files and token in each.path)
        process.send_signal(signal.SIGTERM)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert b"unreadable event skipped, INTERACTION_CREATE" in log
    assert b"interaction-token-secret" not in log


async def test_check_tells_of_a_clock_that_is_wrong(discord, tmp_path):
    discord.clock.advance(15 * 60)
    async with asyncio.timeout(SECONDS), easel(discord, tmp_path, "--check") as process:
        out, _ = await process.communicate()
    assert process.returncode == 1
    assert b"clock          fails    This machine's clock is" in out
    assert b"s behind Discord's" in out
