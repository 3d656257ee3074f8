"""A cached list from an API, refreshed in the background, with a static fallback."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from domain import EaselError

log = logging.getLogger(__name__)

FRESH_SECONDS = 600.0
"""Seconds after which a loaded list is loaded again."""
RELOAD_AFTER_ERROR_SECONDS = 60.0
"""The same after an error."""
MAX_WAIT_SECONDS = 1.5
"""Discord expects the response to autocomplete within 3 s."""

Value = TypeVar("Value")


class Discovery(Generic[Value]):
    """Caches the last value of `load`, or the fallback; `get` waits at most 1.5 s and never raises."""

    def __init__(self, provider_name: str, load: Callable[[], Awaitable[Value]], fallback: Value) -> None:
        self._provider_name = provider_name
        self._load = load
        self._value = fallback
        self._next_load = 0.0
        self._task: asyncio.Task[None] | None = None
        self._has_timed_out = False

    async def get(self) -> Value:
        if self._task is None and time.monotonic() >= self._next_load:
            self._task, self._has_timed_out = asyncio.create_task(self._refresh()), False
        if self._task is not None and not self._has_timed_out:
            done, _ = await asyncio.wait({self._task}, timeout=MAX_WAIT_SECONDS)
            self._has_timed_out = not done  # a second `get` of the same command has no time to wait again
        return self._value

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _refresh(self) -> None:
        seconds = RELOAD_AFTER_ERROR_SECONDS
        try:
            self._value = await self._load()
            seconds = FRESH_SECONDS
        except EaselError as error:
            log.warning(
                "%s: the list of models could not be read, the last one is kept: %s", self._provider_name, error
            )
        finally:
            self._next_load = time.monotonic() + seconds
            self._task = None
