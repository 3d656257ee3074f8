# pyright: basic
"""The test server's gateway: shards, and sessions that can be resumed after a lost connection.

discord.py expects the frames as one zlib stream.
"""

import itertools
import json
import zlib
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import WSMsgType, web

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID, HELLO, ACK = 0, 1, 2, 6, 7, 9, 10, 11
BEAT_MILLISECONDS = 41250
KEPT = 20_000
"""Events of a session that a RESUME can still ask for."""
WRONG_TOKEN = 4004

Event = tuple[str, dict[str, Any]]


class Socket:
    """One WebSocket connection, compressed."""

    def __init__(self, request: web.Request) -> None:
        self.request = request
        self.web = web.WebSocketResponse()
        self._deflate = zlib.compressobj()

    async def send(self, frame: bytes) -> None:
        if not self.web.closed:
            await self.web.send_bytes(self._deflate.compress(frame) + self._deflate.flush(zlib.Z_SYNC_FLUSH))

    def abort(self) -> None:
        if self.request.transport:
            self.request.transport.abort()


class Session:
    """One shard's session; its events are numbered, and sent again after a RESUME."""

    def __init__(self, id: str, shard: int, count: int) -> None:
        self.id, self.shard, self.count = id, shard, count
        self.socket: Socket | None = None
        self.seq = 0
        self._events: deque[tuple[int, bytes]] = deque(maxlen=KEPT)

    def takes(self, guild: str | None) -> bool:
        """Whether the guild's events go to this shard; events without a guild go to the first."""
        return (int(guild or 0) >> 22) % self.count == self.shard

    async def dispatch(self, event: str, data: dict[str, Any]) -> None:
        self.seq += 1
        frame = _frame(DISPATCH, data, event, self.seq)
        self._events.append((self.seq, frame))
        await self._send(frame)

    async def resume(self, socket: Socket, seq: int) -> None:
        self.socket = socket
        for number, frame in list(self._events):
            if number > seq:
                await self._send(frame)
        await self.dispatch("RESUMED", {})

    async def control(self, op: int, data: Any = None) -> None:
        await self._send(_frame(op, data))

    def cut(self) -> None:
        """Break the connection; events are kept for a RESUME from now on."""
        if socket := self.leave():
            socket.abort()

    def leave(self) -> Socket | None:
        socket, self.socket = self.socket, None
        return socket

    async def _send(self, frame: bytes) -> None:
        try:
            if self.socket:
                await self.socket.send(frame)
        except ConnectionError:
            self.leave()


class Gateway:
    """hello: the first events of a new session: READY and a GUILD_CREATE for each server.

    happened: called after the events of each IDENTIFY and RESUME have been sent.
    """

    def __init__(self, token: str, hello: Callable[[Session], Iterable[Event]], happened: Callable[[], None]) -> None:
        self.sessions: list[Session] = []
        self.identified, self.resumed = 0, 0
        self.is_away = False
        """Whether new connections are refused."""
        self.close_code: int | None = None
        """If set, each IDENTIFY is answered by closing with this code."""
        self._token, self._hello, self._happened = token, hello, happened
        self._ids = itertools.count(1)

    async def dispatch(self, event: str, data: dict[str, Any], guild: str | None) -> None:
        for session in [each for each in self.sessions if each.takes(guild)]:
            await session.dispatch(event, data)

    def cut(self) -> None:
        for session in self.sessions:
            session.cut()

    async def invalidate(self) -> None:
        """End every session: its shard has to IDENTIFY again, and missed events are lost."""
        ended, self.sessions = self.sessions, []
        for session in ended:
            await session.control(INVALID, data=False)

    async def connected(self, request: web.Request) -> web.WebSocketResponse:
        if self.is_away:
            raise web.HTTPServiceUnavailable
        socket = Socket(request)
        await socket.web.prepare(request)
        await socket.send(_frame(HELLO, {"heartbeat_interval": BEAT_MILLISECONDS}))
        async for message in socket.web:
            if message.type is WSMsgType.TEXT:
                await self._receive(socket, json.loads(message.data))
        for session in self.sessions:
            if session.socket is socket:
                session.leave()
        return socket.web

    async def _receive(self, socket: Socket, frame: dict[str, Any]) -> None:
        data = frame["d"]
        if frame["op"] == HEARTBEAT:
            await socket.send(_frame(ACK, None))
        elif frame["op"] in (IDENTIFY, RESUME) and data["token"] != self._token:
            await socket.web.close(code=WRONG_TOKEN)
        elif frame["op"] == IDENTIFY and self.close_code:
            await socket.web.close(code=self.close_code)
        elif frame["op"] == IDENTIFY:
            await self._identify(socket, *data.get("shard", (0, 1)))
        elif frame["op"] == RESUME:
            await self._resume(socket, data)

    async def _identify(self, socket: Socket, shard: int, count: int) -> None:
        session = Session(f"session-{next(self._ids)}", shard, count)
        session.socket = socket
        # Another process with the same token has a session of its own, which gets all events too.
        self.sessions = [each for each in self.sessions if each.socket or (each.shard, each.count) != (shard, count)]
        self.sessions.append(session)
        for event, data in self._hello(session):
            await session.dispatch(event, data)
        self.identified += 1
        self._happened()

    async def _resume(self, socket: Socket, data: dict[str, Any]) -> None:
        session = next((each for each in self.sessions if each.id == data["session_id"]), None)
        if session is None:
            await socket.send(_frame(INVALID, data=False))
            return
        await session.resume(socket, data["seq"])
        self.resumed += 1
        self._happened()


def _frame(op: int, data: Any, event: str | None = None, seq: int | None = None) -> bytes:
    return json.dumps({"op": op, "d": data, "s": seq, "t": event}).encode()
