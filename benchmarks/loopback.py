"""A process of its own that listens on loopback, led by the driver over a pipe, and as little HTTP as it needs.

aiohttp's server would take a third of a small machine to read the pictures away; this takes a few per cent.
"""

import asyncio
import multiprocessing
from abc import ABC, abstractmethod
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, NamedTuple, cast

STORED_BODY_BYTES = 64 * 1024
"""Bytes of a body that are stored; further ones are counted and dropped."""
REASONS = {200: "OK", 204: "No Content", 400: "Bad Request", 404: "Not Found", 411: "Length Required"}

_shared = bytearray(256 * 1024)
"""Read into by every connection, one at a time: the loop has one thread."""


class Head(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]


class Asked(NamedTuple):
    method: str
    path: str
    content_type: str
    body: bytes
    """Its first bytes."""
    length: int


class Reply(NamedTuple):
    body: bytes = b""
    status: int = 200
    content_type: str = "application/json"
    delay: float = 0.0
    endless: bool = False
    """The body is repeated until the client disconnects."""

    def encoded(self) -> bytes:
        end = "Connection: close" if self.endless else f"Content-Length: {len(self.body)}"
        head = (
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Status')}\r\n"
            f"Content-Type: {self.content_type}\r\n{end}\r\n\r\n"
        )
        return head.encode() + self.body


class Http(asyncio.BufferedProtocol):
    """HTTP/1.1 with Content-Length and one request at a time."""

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self._answer = answer
        self._transport: asyncio.Transport
        self._endless, self._full = b"", False
        self._begin()

    def _begin(self) -> None:
        self._head: Head | None = None
        self._kept = bytearray()
        self._length = self._read = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def get_buffer(self, sizehint: int) -> bytearray:
        return _shared

    def buffer_updated(self, nbytes: int) -> None:
        room = STORED_BODY_BYTES - len(self._kept)
        self._kept += memoryview(_shared)[: min(nbytes, room)]
        self._read += nbytes
        if self._head is None:
            self._head = self._read_head()
        if self._head and self._read >= self._length:
            self._finish(self._head)

    def _read_head(self) -> Head | None:
        head, end, rest = self._kept.partition(b"\r\n\r\n")
        if not end:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self._length = int(headers.get("content-length", 0))
        self._read -= len(head) + len(end)
        self._kept = rest
        return Head(method, path, headers)

    def _finish(self, head: Head) -> None:
        method, path, headers = head
        if "transfer-encoding" in headers:
            reply = Reply(status=411)
        else:
            asked = Asked(method, path, headers.get("content-type", ""), bytes(self._kept), self._length)
            reply = self._answer(asked)
        self._begin()
        if reply.delay:
            asyncio.get_running_loop().call_later(reply.delay, self._write, reply)
        else:
            self._write(reply)

    def _write(self, reply: Reply) -> None:
        if not self._transport.is_closing():
            self._transport.write(reply.encoded())
            if reply.endless:
                self._endless = reply.body
                self._go_on()

    def _go_on(self) -> None:
        if self._endless and not self._full and not self._transport.is_closing():
            self._transport.write(self._endless)
            asyncio.get_running_loop().call_soon(self._go_on)

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._go_on()


class Server(ABC):
    """A server in a child process; the driver may call its methods named `on_…`."""

    async def start(self) -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Http(self.answer), "127.0.0.1", 0, backlog=4096)
        self.port: int = server.sockets[0].getsockname()[1]

    @abstractmethod
    def answer(self, asked: Asked) -> Reply: ...

    async def on_port(self) -> int:
        return self.port


class Child:
    """The driver's handle of a server: `child("port")`, `child("dispatch", count=500)`."""

    def __init__(self, kind: Callable[[], Server]) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, far = context.Pipe()
        self._process = context.Process(target=_run, args=(kind, far), daemon=True)
        self._process.start()

    def __call__(self, name: str, **arguments: Any) -> Any:
        self._pipe.send((name, arguments))
        return self._pipe.recv()

    def close(self) -> None:
        self._process.kill()
        self._process.join()


def _run(kind: Callable[[], Server], pipe: Connection) -> None:
    asyncio.run(_serve(kind(), pipe))


async def _serve(server: Server, pipe: Connection) -> None:
    await server.start()
    calls: asyncio.Queue[tuple[str, dict[str, Any]] | None] = asyncio.Queue()

    def received() -> None:
        try:
            calls.put_nowait(pipe.recv())
        except EOFError:
            calls.put_nowait(None)

    asyncio.get_running_loop().add_reader(pipe.fileno(), received)
    while call := await calls.get():
        name, arguments = call
        pipe.send(await getattr(server, f"on_{name}")(**arguments))
