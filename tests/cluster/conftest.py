# pyright: basic
"""Several real processes on one PostgreSQL and one S3, between a loopback Discord and the replay servers."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest

from tests.buckets import KEYS
from tests.conftest import ROOT
from tests.discord_server import DiscordServer, Message
from tests.faults.world import ANSWER_SECONDS, LOOK_SECONDS, TOKEN, Gate
from tests.postgres import Wire, wire_to
from tests.replay import REPLAYS, Call, Replay

SECONDS = 60
SHARDS = 4

Found = TypeVar("Found")


class Member:
    """A process of the cluster, in a folder of its own."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process, happened: Callable[[], None]) -> None:
        self.folder = folder
        self.process = process
        self.log: list[str] = []
        self._happened = happened
        self._reader = asyncio.create_task(self._read())

    def says(self, text: str) -> bool:
        return any(text in line for line in self.log)

    async def kill(self) -> None:
        """Kill the process with SIGKILL, and delete its folder."""
        if self.process.returncode is None:
            self.process.kill()
        await self._reader
        await self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        await self._reader
        return await self.process.wait()

    async def _read(self) -> None:
        assert self.process.stderr
        async for line in self.process.stderr:
            self.log.append(line.decode(errors="replace").rstrip())
            self._happened()
        await self.process.wait()
        self._happened()


class Cluster:
    def __init__(self, folder: Path, discord: DiscordServer, replays: dict[str, Replay], wire: Wire) -> None:
        self.discord = discord
        self.replays = replays
        self.wire = wire
        self.members: list[Member] = []
        self.database_url = self.s3_url = ""
        self._folder = folder
        self._gates: list[Gate] = []
        for replay in replays.values():
            replay.gate = self._wait

    async def gateway(self, shards: str, **settings: str) -> Member:
        """Start a process with these shards, and wait until each is ready."""
        member = await self._launch(**{"SHARD_COUNT": str(SHARDS), "SHARD_IDS": shards, **settings})
        await self.discord.until(lambda: member.says("on Discord as") or member.process.returncode is not None)
        return member

    async def worker(self, **settings: str) -> Member:
        member = await self._launch("--worker", **settings)
        await self.discord.until(lambda: member.says("without a gateway") or member.process.returncode is not None)
        return member

    async def imagine(self, prompt: str, **options: Any) -> str:
        return await self.discord.slash("imagine", prompt=prompt, **options)

    async def end(self, token: str) -> Message:
        """The reply, once the job has its outcome."""
        await self.until(token, lambda row: row["token"] is None and row["owner"] is None)
        message = self.discord.reply(token)
        assert message
        return message

    async def until(self, token: str, condition: Callable[[Any], object]) -> None:
        connection = await asyncpg.connect(self.database_url)
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    id = self.discord.interactions[token].id
                    row = await connection.fetchrow("SELECT * FROM jobs WHERE id = $1", id)
                    if row and condition(row):
                        return
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            await connection.close()

    def hold(self, wanted: Callable[[Call], object]) -> Gate:
        self._gates.append(gate := Gate(wanted))
        return gate

    async def _wait(self, call: Call) -> None:
        for gate in [gate for gate in self._gates if gate.wanted(call)]:
            gate.reached += 1
            self.discord.happened()
            await gate.open.wait()

    async def _launch(self, *arguments: str, **settings: str) -> Member:
        folder = self._folder / f"process-{len(self.members)}"
        folder.mkdir()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.cluster.short_leases", *arguments),
            cwd=folder,
            env=self._settings(folder) | settings,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        self.members.append(member := Member(folder, process, self.discord.happened))
        return member

    def _settings(self, folder: Path) -> dict[str, str]:
        settings = KEYS | {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": self.discord.api_url,
            "DATA_DIR": str(folder / "data"),
            "DATABASE_URL": self.database_url,
            "SPOOL_URL": "s3://easel/spool",
            "AWS_ENDPOINT_URL": self.s3_url,
            "DEFAULT_PROVIDER": "popcord",
            "POPCORD_CONCURRENCY": "2",
        }
        for name, replay in self.replays.items():
            settings[f"{name.upper()}_BASE_URL"] = replay.url
            if replay.needs_key:
                settings[f"{name.upper()}_API_KEY"] = replay.key
        return settings


@pytest.fixture
async def cluster(tmp_path: Path, postgres, s3: str) -> AsyncGenerator[Cluster]:
    """A cluster whose processes are not started yet, and are killed at the end."""
    async with AsyncExitStack() as stack:
        replays = [await stack.enter_async_context(kind()) for kind in REPLAYS]
        discord = await stack.enter_async_context(
            DiscordServer(TOKEN, guilds=8, shards=SHARDS, answer_seconds=ANSWER_SECONDS)
        )
        wire = await stack.enter_async_context(wire_to(postgres))
        cluster = Cluster(tmp_path, discord, {replay.name: replay for replay in replays}, wire)
        cluster.database_url, cluster.s3_url = await postgres.database(), s3
        try:
            yield cluster
        finally:
            for member in cluster.members:
                await member.kill()
            sys.stdout.write("\n--\n".join("\n".join(member.log) for member in cluster.members))
        assert discord.problems == []
        assert not any(
            secret in line for secret in (TOKEN, "canary-secret") for each in cluster.members for line in each.log
        )
