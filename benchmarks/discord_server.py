"""A cheap loopback Discord, which times every interaction and discards the pictures."""

import asyncio
import json
import time
import zlib
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiohttp import WSMsgType, web

from benchmarks.hostile import files
from benchmarks.loopback import Asked, Reply, Server
from benchmarks.payloads import APPLICATION, APPLICATION_ABOUT, BOT, GUILD, MEMBER, guild, interaction, message, ready

DISCORD_EPOCH = 1_420_070_400_000
ACKNOWLEDGEMENT_SECONDS = 3.0
"""Discord's deadline for the acknowledgement of an interaction."""


@dataclass
class Seen:
    """Timestamps of one interaction, in seconds of the monotonic clock."""

    id: str
    dispatched: float
    acked: float | None = None
    lost: bool = False
    """Acknowledged too late, or twice."""
    text: float | None = None
    """The last edit without a file."""
    delivered: float | None = None
    """The first edit with a file."""
    files: int = 0
    provider: str = ""


class Counts(NamedTuple):
    came: int
    acked: int
    delivered: int


class Discord(Server):
    """REST and the gateway, for one bot at a time."""

    async def start(self) -> None:
        await super().start()
        self._seen: dict[str, Seen] = {}
        self._ids = self._sequence = self._delivered = 0
        self._socket: web.WebSocketResponse | None = None
        self._deflate = zlib.compressobj()
        self._dispatching: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._gate: asyncio.Semaphore | None = None
        await self.on_expect()
        app = web.Application()
        app.router.add_get("/", self._gateway)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._gateway_url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"

    async def on_expect(self, guilds: int = 1, greeting: str = "") -> None:
        """Prepare for a bot that connects. greeting: send an interaction for this provider right after READY."""
        self._guilds, self._greeting = guilds, greeting
        self._identified: float | None = None
        self._is_ready = asyncio.Event()

    async def on_ready(self, seconds: float) -> float | None:
        """Wait until the bot has got READY; when it identified, or None after the timeout."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_ready.wait()
        except TimeoutError:
            return None
        return self._identified

    async def on_clear(self) -> None:
        """Forget all interactions; later requests for them are answered as unknown."""
        self._seen.clear()
        self._delivered = 0

    async def on_dispatch(self, offsets: Sequence[float], provider: str, upload: str = "") -> None:
        """Send interactions at these offsets in seconds; returns at once. upload: a hostile file, from one member."""
        self._start(self._dispatch_at(offsets, provider, upload))

    async def on_counts(self) -> Counts:
        """How many interactions were sent, acknowledged, and delivered."""
        seen = self._seen.values()
        return Counts(len(seen), sum(each.acked is not None for each in seen), self._delivered)

    async def on_stream(self, count: int, width: int, provider: str) -> None:
        """Send `count` interactions, with at most `width` undelivered ones; returns at once."""
        gate = asyncio.Semaphore(width)
        self._start(self._dispatch_through(gate, count, provider))

    async def on_wait(self, delivered: int, idle: float) -> bool:
        """Wait until so many are delivered; False after `idle` seconds without a request of the bot."""
        while self._delivered < delivered:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), idle)
            except TimeoutError:
                return False
        return True

    async def on_seen(self) -> list[Seen]:
        return list(self._seen.values())

    def answer(self, asked: Asked) -> Reply:
        now = time.monotonic()
        path = asked.path.partition("?")[0].removeprefix("/api/v10/").split("/")
        self._changed.set()
        match asked.method, path:
            case "POST", ["interactions", id, _, "callback"]:
                return self._acknowledged(id, now)
            case "PATCH", ["webhooks", _, token, "messages", _]:
                return self._edited(token.removeprefix("token-"), asked, now)
            case "GET", ["gateway", *_]:
                limit = {"total": 1000, "remaining": 1000, "reset_after": 0, "max_concurrency": 1}
                return _json({"url": self._gateway_url, "shards": 1, "session_start_limit": limit})
            case "GET", ["users", "@me"]:
                return _json(BOT)
            case "GET", ["oauth2", "applications", "@me"]:
                return _json(APPLICATION_ABOUT)
            case "GET", ["", "attachments", name]:
                return Reply(files()[name].data, content_type=files()[name].kind)
            case "PUT", ["applications", _, "commands"]:
                added = {"application_id": str(APPLICATION), "version": "1"}
                return _json([each | added | {"id": str(2001 + n)} for n, each in enumerate(json.loads(asked.body))])
            case _:
                return _error(404, 0)

    def _acknowledged(self, id: str, now: float) -> Reply:
        seen = self._seen.get(id)
        if seen is None or now - seen.dispatched > ACKNOWLEDGEMENT_SECONDS:
            if seen:
                seen.acked, seen.lost = now, True
            return _error(404, 10062)
        if seen.acked is not None:
            return _error(400, 40060)
        seen.acked = now
        return _json({"interaction": {"id": id, "type": 2, "response_message_id": id}})

    def _edited(self, id: str, asked: Asked, now: float) -> Reply:
        seen = self._seen.get(id)
        if seen is None or seen.acked is None or seen.lost:
            return _error(404, 10015)
        if asked.content_type.startswith("multipart/"):
            if seen.delivered is None:
                seen.delivered = now
                self._delivered += 1
                if self._gate:
                    self._gate.release()
            seen.files += 1
        else:
            seen.text = now
        return _json(message(id))

    async def _gateway(self, request: web.Request) -> web.WebSocketResponse:
        self._socket = socket = web.WebSocketResponse(compress=False)
        self._deflate = zlib.compressobj(1)
        await socket.prepare(request)
        await self._frame(10, {"heartbeat_interval": 41250})
        async for frame in socket:
            if frame.type is WSMsgType.TEXT:
                await self._heard(json.loads(frame.data))
        return socket

    async def _heard(self, frame: dict[str, Any]) -> None:
        if frame["op"] == 1:
            await self._frame(11, None)
        elif frame["op"] == 2:
            self._identified = time.monotonic()
            ids = [GUILD + n * 100_000 for n in range(self._guilds)]
            shard = frame["d"].get("shard", (0, 1))
            await self._frame(0, ready(ids, shard, self._gateway_url), "READY")
            if self._greeting:
                await self._dispatch(self._greeting)
            for id in ids:
                await self._frame(0, guild(id), "GUILD_CREATE")
            self._is_ready.set()

    async def _frame(self, op: int, data: Any, event: str | None = None) -> None:
        if self._socket is None:
            raise RuntimeError("no bot is connected")
        self._sequence += event is not None
        frame = json.dumps({"op": op, "d": data, "s": self._sequence if event else None, "t": event}).encode()
        await self._socket.send_bytes(self._deflate.compress(frame) + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    def _start(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.ensure_future(_unless_gone(work))
        self._dispatching.add(task)
        task.add_done_callback(self._dispatching.discard)

    async def _dispatch_at(self, offsets: Sequence[float], provider: str, upload: str = "") -> None:
        self._gate, began = None, time.monotonic()
        for offset in offsets:
            pause = began + offset - time.monotonic()
            if pause > 0:
                await asyncio.sleep(pause)
            await self._dispatch(provider, upload)

    async def _dispatch_through(self, gate: asyncio.Semaphore, count: int, provider: str) -> None:
        self._gate = gate
        for _ in range(count):
            await gate.acquire()
            await self._dispatch(provider)

    async def _dispatch(self, provider: str, upload: str = "") -> None:
        self._ids += 1
        id = str((int(time.time() * 1000) - DISCORD_EPOCH << 22) + self._ids)
        image = files()[upload].announced(f"http://127.0.0.1:{self.port}") if upload else None
        payload = interaction(id, MEMBER if upload else MEMBER + self._ids, provider, image)
        self._seen[id] = Seen(id, time.monotonic(), provider=provider)
        await self._frame(0, payload, "INTERACTION_CREATE")


async def _unless_gone(work: Coroutine[None, None, None]) -> None:
    """Ignore the lost connection of a bot that has died."""
    with suppress(ConnectionError):
        await work


def _json(data: Any) -> Reply:
    return Reply(json.dumps(data).encode())


def _error(status: int, code: int) -> Reply:
    return Reply(json.dumps({"message": str(code), "code": code}).encode(), status)
