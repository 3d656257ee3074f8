# pyright: basic
"""A server that answers with the bytes it is given, whatever HTTP thinks of them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class RawServer:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answer = b""
        self.pieces = 1
        """In how many pieces the answer is sent."""
        self.targets: list[str] = []
        """The request targets as they stood on the wire."""
        self.stays = False
        """Whether the connection stays open behind the answer."""


@asynccontextmanager
async def raw_server() -> AsyncGenerator[RawServer]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            raw.targets.append(head.split(b" ")[1].decode("ascii"))
            size = -(-len(raw.answer) // raw.pieces)
            for start in range(0, len(raw.answer), size):
                writer.write(raw.answer[start : start + size])
                await writer.drain()
                await asyncio.sleep(0)
            if raw.stays:
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    raw = RawServer(server.sockets[0].getsockname()[1])
    try:
        yield raw
    finally:
        server.close()
