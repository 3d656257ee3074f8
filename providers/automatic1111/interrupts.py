"""Interrupting one's own jobs: the server interrupts whichever is at work, so it is told only while that is ours."""

import asyncio
import logging
from typing import Literal

from domain import EaselError, RateLimited, Timeout, Unavailable
from providers.automatic1111.results import checked
from providers.automatic1111.tasks import Task, ask
from providers.http.api import Api
from providers.http.transport import Transport

log = logging.getLogger(__name__)

NEARLY_DONE = 0.9
"""From here on the job is left to end: until the interrupt arrives, another one may have begun."""
PAUSE = 2.0
"""Seconds between two questions of whether a job has begun; it may be over soon after."""
LONGEST_QUEUE = 1800.0
"""Seconds for which a job that nobody wants any more is followed through the server's queue."""
MOST = 32
"""How many are followed at once; what is beyond is drawn for nobody."""


class Interrupts:
    def __init__(self, api: Api, transport: Transport) -> None:
        self._api = api
        self._transport = transport
        self._following: dict[str, asyncio.Task[None]] = {}

    async def call_off(self, way: Literal["task", "id"], task: str) -> None:
        """Now where the job is at work; as soon as it begins where it waits in the server's queue."""
        state = await ask(self._api, way, task, preview=False)
        if state.active:
            await self._interrupt(state)
        elif state.queued and task not in self._following and len(self._following) < MOST:
            self._following[task] = asyncio.create_task(self._follow(way, task))

    async def close(self) -> None:
        """Whatever still waits in the server's queue is drawn for nobody."""
        following = set(self._following.values())
        for each in following:
            each.cancel()
        if following:
            await asyncio.wait(following)

    async def _follow(self, way: Literal["task", "id"], task: str) -> None:
        try:
            async with asyncio.timeout(LONGEST_QUEUE):
                while (state := await self._state(way, task)) is None or state.queued:
                    await self._transport.sleep(PAUSE)
                if state.active:
                    await self._interrupt(state)
        except (EaselError, TimeoutError) as error:
            log.info("a job that nobody wants any more is left to the server: %s", error)
        finally:
            del self._following[task]

    async def _state(self, way: Literal["task", "id"], task: str) -> Task | None:
        """None where the server cannot say just now."""
        try:
            return await ask(self._api, way, task, preview=False)
        except (Unavailable, Timeout, RateLimited):
            return None

    async def _interrupt(self, state: Task) -> None:
        """Once: by the time of a second try somebody else's job may be at work."""
        if (state.progress or 0) < NEARLY_DONE:
            checked(await self._api.send("POST", "sdapi/v1/interrupt", json={}, tries=1))
