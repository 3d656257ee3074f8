"""Interrupts our own jobs only: the server interrupts its current job, whoever sent it."""

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
"""Progress from which a job is not interrupted: the next one may have started when the call arrives."""
POLL_SECONDS = 2.0
"""Seconds between polls of whether a queued job has started."""
MAX_QUEUE_SECONDS = 1800.0
"""Seconds for which a cancelled job is followed in the server's queue."""
MAX_FOLLOWED = 32
"""Cancelled jobs that are followed at once; further ones are left to run."""


class Interrupts:
    def __init__(self, api: Api, transport: Transport) -> None:
        self._api = api
        self._transport = transport
        self._following: dict[str, asyncio.Task[None]] = {}

    async def cancel_task(self, progress_by: Literal["task", "id"], task: str) -> None:
        """Interrupt the job now if it is the current one, else when it starts."""
        state = await get_task(self._api, progress_by, task, preview=False)
        if state.active:
            await self._interrupt(state)
        elif state.queued and task not in self._following and len(self._following) < MAX_FOLLOWED:
            self._following[task] = asyncio.create_task(self._follow(progress_by, task))

    async def close(self) -> None:
        """Stop following; queued jobs are left to run."""
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
            log.info("a cancelled job is left to run: %s", error)
        finally:
            del self._following[task]

    async def _task_or_none(self, progress_by: Literal["task", "id"], task: str) -> Task | None:
        """The job's state; None where the call failed temporarily."""
        try:
            return await get_task(self._api, progress_by, task, preview=False)
        except (Unavailable, Timeout, RateLimited):
            return None

    async def _interrupt(self, state: Task) -> None:
        """Without retries: by then another job may be the current one."""
        if (state.progress or 0) < NEARLY_DONE:
            checked(await self._api.send("POST", "sdapi/v1/interrupt", json={}, tries=1))
