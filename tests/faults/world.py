# pyright: basic
"""The real bot as its own process between a loopback Discord and the providers' replay servers, all breakable."""

import asyncio
import json
import os
import signal
import sqlite3
import sys
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from tests.conftest import ROOT
from tests.discord_server import DiscordServer, Message
from tests.replay import REPLAYS, Call, Replay

TOKEN = "canary-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"
SECONDS = 45
ANSWER_SECONDS = 20
"""Discord's acknowledgement deadline in these tests; long, as a stall of the machine is not under test."""
LOOK_SECONDS = 0.02
DRAWING = ("🖌️", "⏳")
"""Beginning of the reply of an unfinished job."""
SHORT_TIMEOUTS = ("-m", "tests.faults.short_timeouts")
"""The command to start the bot with short time limits."""
UNFINISHED = ("promised", "queued", "sending", "waiting", "drawn")

Found = TypeVar("Found")


class Row(NamedTuple):
    state: str
    parked: bool
    token: str | None
    failure: dict[str, Any] | None
    id: str

    @property
    def final(self) -> bool:
        return self.state not in UNFINISHED


class Gate:
    def __init__(self, wanted: Callable[[Call], object]) -> None:
        self.wanted = wanted
        self.open = asyncio.Event()
        self.reached = 0
        """How many calls have arrived."""


class World:
    """A host's folder, and the bot's process in it. Jobs are identified by the tokens of their interactions."""

    def __init__(self, folder: Path, discord: DiscordServer, replays: dict[str, Replay]) -> None:
        self.folder = folder
        self.discord = discord
        self.replays = replays
        self.log: list[str] = []
        self.process: asyncio.subprocess.Process
        self._reader: asyncio.Task[None] | None = None
        self._gates: list[Gate] = []
        for replay in replays.values():
            replay.gate = self._wait

    async def start(self, *command: str, **settings: str) -> None:
        """Start the bot, and wait until it knows its servers. command: run instead of `bot.py`."""
        self.discord.ready.clear()
        await self.launch(*command, **settings)
        await self.discord.until(lambda: self.discord.ready.is_set() or self.process.returncode is not None)
        assert self.discord.ready.is_set(), "\n".join(self.log)

    async def launch(self, *command: str, **settings: str) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(command or (str(ROOT / "bot.py"),)),
            cwd=self.folder,
            env=self._settings() | settings,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self._reader = asyncio.create_task(self._read())

    async def kill(self) -> None:
        """Kill the process with SIGKILL."""
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()

    async def stop(self) -> int:
        """Stop the process with SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def ended(self) -> int:
        assert self._reader
        await self._reader
        return await self.process.wait()

    def hold(self, wanted: Callable[[Call], object]) -> "Gate":
        """Keep calls to the providers waiting, until the gate is opened."""
        self._gates.append(gate := Gate(wanted))
        return gate

    async def imagine(self, prompt: str, **options: Any) -> str:
        return await self.discord.slash("imagine", prompt=prompt, **options)

    async def end(self, token: str) -> Message:
        """The reply, once the job has its outcome in Discord and in the table."""
        await self.until(lambda: (row := self.row(token)) and (row.final or row.parked))
        message = self.discord.reply(token)
        assert message
        return message

    async def logged(self, text: str) -> None:
        await self.discord.until(lambda: any(text in line for line in self.log))

    async def until(self, condition: Callable[[], Found]) -> Found:
        """Poll the table until the condition returns a true value, and return it."""
        try:
            async with asyncio.timeout(SECONDS):
                while not (found := condition()):
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise AssertionError("\n".join(["It never came. The bot's log:", *self.log[-60:]])) from None
        return found

    def row(self, token: str) -> Row | None:
        return next(iter(self.rows("id = ?", self.discord.interactions[token].id)), None)

    def rows(self, where: str = "true", *values: str) -> list[Row]:
        query = f"SELECT state, parked, token, failure, id FROM jobs WHERE {where} ORDER BY created"
        with closing(sqlite3.connect(self.folder / "easel.db", timeout=10)) as connection:
            found = connection.execute(query, values).fetchall()
        return [
            Row(state, bool(parked), token, json.loads(why or "null"), id) for state, parked, token, why, id in found
        ]

    def paid(self, provider: str = "popcord") -> Counter[str]:
        """How often each prompt was submitted."""
        return Counter(filter(None, map(prompt_of, self.replays[provider].requests)))

    def spooled(self) -> list[Path]:
        return [path for path in (self.folder / "spool").rglob("*") if path.is_file()]

    def _settings(self) -> dict[str, str]:
        settings = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": self.discord.api_url,
            "DATA_DIR": str(self.folder),
            "DEFAULT_PROVIDER": "popcord",
            "QUEUE_PER_MEMBER": "1000",
            "QUEUE_PER_SERVER": "10000",
        }
        for name, replay in self.replays.items():
            settings |= {f"{name.upper()}_BASE_URL": replay.url, f"{name.upper()}_CONCURRENCY": "20"}
            settings |= {f"{name.upper()}_API_KEY": replay.key} if replay.needs_key else {}
        return settings

    async def _wait(self, call: Call) -> None:
        for gate in [gate for gate in self._gates if gate.wanted(call)]:
            gate.reached += 1
            self.discord.happened()
            await gate.open.wait()

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.log.append(line.decode(errors="replace").rstrip())
            self.discord.happened()
        await self.process.wait()
        self.discord.happened()


def prompt_of(call: Call) -> str:
    """The prompt of a submit; empty for other calls."""
    return json.loads(call.body)["prompt"] if call.method == "POST" else ""


@asynccontextmanager
async def world_in(folder: Path, *, quiet: bool = False) -> AsyncGenerator[World]:
    """A world whose bot is not started yet, and is killed at the end; its log is printed for pytest."""
    async with AsyncExitStack() as stack:
        replays = [await stack.enter_async_context(kind()) for kind in REPLAYS]
        discord = await stack.enter_async_context(DiscordServer(TOKEN, guilds=8, answer_seconds=ANSWER_SECONDS))
        world = World(folder, discord, {replay.name: replay for replay in replays})
        try:
            yield world
        finally:
            with suppress(AttributeError):
                await world.kill()
            sys.stdout.write("" if quiet else "\n".join(world.log))


def healthy(world: World) -> None:
    """Assert that all requests were valid, and that no secret is in the log."""
    assert world.discord.problems == []
    assert [replay.unexpected for replay in world.replays.values()] == [[]] * len(world.replays)
    assert not any(secret in line for secret in (TOKEN, "interaction-token-") for line in world.log)
