# pyright: basic
"""An HTTP proxy on loopback that leads every host to one port there."""

import asyncio
import base64
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import NamedTuple

WHOLE_URL = re.compile(rb"\A([A-Z]+) https?://[^/\s]+/?(\S*) HTTP/1\.1\r\n")
REQUEST = re.compile(rb"([A-Z]+) (\S+) HTTP/1\.1\r\n")


class Asked(NamedTuple):
    """A request to the proxy: for a tunnel (CONNECT) or for a whole URL."""

    method: str
    target: str
    login: str


class Proxy:
    def __init__(self, port: int, login: str = "") -> None:
        """port: where all requests are led. login: `user:password` that the proxy demands."""
        self.asked: list[Asked] = []
        self.url = ""
        self._port = port
        self._login = login

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        self._record(head)
        if self.asked[-1].login != self._login:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        is_tunnel = self.asked[-1].method == "CONNECT"
        if is_tunnel:
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        else:
            back.write(_as_sent_to_its_host(head))
        try:
            record = _ignore if is_tunnel else self._record
            await asyncio.gather(_pump(reader, back, record, _as_sent_to_its_host), _pump(there, writer, _ignore))
        finally:
            back.transport.abort()

    def _record(self, data: bytes) -> None:
        """Further requests on the same connection, too."""
        if found := REQUEST.match(data):
            self.asked.append(Asked(found[1].decode(), found[2].decode(), _login(data)))


def _as_sent_to_its_host(data: bytes) -> bytes:
    """The request line with a path in place of the whole URL."""
    return WHOLE_URL.sub(rb"\1 /\2 HTTP/1.1\r\n", data)


def _ignore(_: bytes) -> None:
    pass


def _login(head: bytes) -> str:
    sent = next((line for line in head.split(b"\r\n") if line.lower().startswith(b"proxy-authorization: basic ")), b"")
    return base64.b64decode(sent.rpartition(b" ")[2]).decode()


async def _pump(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    record: Callable[[bytes], None],
    change: Callable[[bytes], bytes] = lambda data: data,
) -> None:
    while data := await reader.read(65536):
        record(data)
        writer.write(change(data))
        await writer.drain()
    writer.transport.abort()


def lead_to(port: int) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """A server's handler that leads each connection to a port of this machine."""

    async def lead(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(_pump(reader, back, _ignore), _pump(there, writer, _ignore), return_exceptions=True)

    return lead


@asynccontextmanager
async def proxy_to(port: int, login: str = "") -> AsyncGenerator[Proxy]:
    proxy = Proxy(port, login)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
