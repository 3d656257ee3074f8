"""Interrupting one's own jobs: the server interrupts whichever is at work, so it is told only while that is ours."""

import asyncio
import logging
from typing import Literal

from domain import EaselError, RateLimited, Timeout, Unavailable
from providers.automatic1111.results import checked
from providers.automatic1111.tasks import Task, get_task
from providers.http.api import Api
from providers.http.transport import Transport

log = logging.getLogger(__name__)

NEARLY_DONE = 0.9
"""From here on the job is left to end: until the interrupt arrives, another one may have begun."""
POLL_SECONDS = 2.0
"""Seconds between two questions of whether a job has begun; it may be over soon after."""
MAX_QUEUE_SECONDS = 1800.0
"""Seconds for which a job that nobody wants any more is followed through the server's queue."""
MAX_FOLLOWED = 32
"""How many are followed at once; what is beyond is drawn for nobody."""


class Interrupts:
    def __init__(self, api: Api, transport: Transport) -> None:
        self._api = api
        self._transport = transport
        self._following: dict[str, asyncio.Task[None]] = {}

    async def cancel_task(self, progress_by: Literal["task", "id"], task: str) -> None:
        """Now where the job is at work; as soon as it begins where it waits in the server's queue."""
        state = await get_task(self._api, progress_by, task, preview=False)
        if state.active:
            await self._interrupt(state)
        elif state.queued and task not in self._following and len(self._following) < MAX_FOLLOWED:
            self._following[task] = asyncio.create_task(self._follow(progress_by, task))

    async def close(self) -> None:
        """Whatever still waits in the server's queue is drawn for nobody."""
        following = set(self._following.values())
        for follower in following:
            follower.cancel()
        if following:
            await asyncio.wait(following)

    async def _follow(self, progress_by: Literal["task", "id"], task: str) -> None:
        try:
            async with asyncio.timeout(MAX_QUEUE_SECONDS):
                while (state := await self._task_or_none(progress_by, task)) is None or state.queued:
                    await self._transport.sleep(POLL_SECONDS)
                if state.active:
                    await self._interrupt(state)
        except (EaselError, TimeoutError) as error:
            log.info("a job that nobody wants any more is left to the server: %s", error)
        finally:
            del self._following[task]

    async def _task_or_none(self, progress_by: Literal["task", "id"], task: str) -> Task | None:
        """None where the server cannot say just now."""
        try:
            return await get_task(self._api, progress_by, task, preview=False)
        except (Unavailable, Timeout, RateLimited):
            return None

    async def _interrupt(self, state: Task) -> None:
        """Once: by the time of a second try somebody else's job may be at work."""
        if (state.progress or 0) < NEARLY_DONE:
            checked(await self._api.send("POST", "sdapi/v1/interrupt", json={}, tries=1))
