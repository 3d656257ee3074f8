"""Notifications between the processes on one database, by PostgreSQL's NOTIFY. On SQLite there is only one process."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import asyncpg
from sqlalchemy import Executable, func, select

from storage.dialects import connect, is_shared

log = logging.getLogger(__name__)

CHANNEL = "easel"
CHECK_SECONDS = 10.0
"""Interval between checks that the connection still works."""
RECONNECT_SECONDS = 1.0

Listener = Callable[[str | None], None]
"""Called with a notification's text; with None where notifications may have been missed."""


class Notifications:
    """Publish and subscribe between processes, by topic."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._listeners: defaultdict[str, list[Listener]] = defaultdict(list)

    def subscribe(self, topic: str, listener: Listener) -> None:
        self._listeners[topic].append(listener)

    def notify(self, topic: str, text: str) -> Sequence[Executable]:
        """Statements that send a notification when the transaction commits; none on SQLite."""
        return [select(func.pg_notify(CHANNEL, f"{topic} {text}"))] if is_shared(self._url) else []

    async def listen(self) -> None:
        """Listen for ever, reconnecting when the connection breaks."""
        while is_shared(self._url):
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await self._listen_once()
            log.warning("the database is unreachable; reconnecting to its notifications")
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _listen_once(self) -> None:
        connection: Any = await connect(self._url)
        lost = asyncio.Event()
        connection.add_termination_listener(partial(_set_event, lost))
        try:
            await connection.add_listener(CHANNEL, self._dispatch)
            self._report_missed()
            while not lost.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(CHECK_SECONDS):
                        await lost.wait()
                await connection.execute("SELECT 1")
        finally:
            connection.terminate()

    def _dispatch(self, _: object, __: object, ___: object, payload: object) -> None:
        topic, _, text = str(payload).partition(" ")
        for listener in self._listeners[topic]:
            listener(text)

    def _report_missed(self) -> None:
        for listeners in self._listeners.values():
            for listener in listeners:
                listener(None)


def _set_event(event: asyncio.Event, _: object) -> None:
    event.set()
