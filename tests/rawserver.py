# pyright: basic
"""A server that answers with given bytes, valid HTTP or not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

TURNS = 30
"""Of the event loop, in which whoever is in the same one has read what was sent, and has acted on it."""


class RawServer:
    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.answer = b""
        self.pieces = 1
        """The number of pieces in which the answer is sent."""
        self.targets: list[str] = []
        """The targets of the requests as they were sent."""
        self.stays = False
        """Whether the connection stays open after the answer."""
        self.unasked: bytes | None = None
        """What is sent once more when the answer has been read; the connection is kept then, and asked again."""
        self.connections = 0
        self.sent = asyncio.Event()
        """Set when `unasked` is out."""


async def let_others_read(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@asynccontextmanager
async def raw_server() -> AsyncGenerator[RawServer]:
    async def answer_one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        raw.targets.append(head.split(b" ")[1].decode("ascii"))
        size = -(-len(raw.answer) // raw.pieces)
        for start in range(0, len(raw.answer), size):
            writer.write(raw.answer[start : start + size])
            await writer.drain()
            await let_others_read(1 if raw.unasked is None else TURNS)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raw.connections += 1
        try:
            await answer_one(reader, writer)
            while raw.unasked is not None:
                await let_others_read(TURNS)
                writer.write(raw.unasked)
                await writer.drain()
                raw.sent.set()
                await answer_one(reader, writer)
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
