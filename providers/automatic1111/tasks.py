"""Our own job on the server: its state, and its interruption while it is the current one.

The server interrupts its current job, whoever sent it.
"""

import asyncio
import logging
import re
from typing import Literal

from pydantic import BaseModel

from domain import BadResponse, EaselError, RateLimited, Timeout, Unavailable
from domain.numbers import Number, Place, fraction
from providers.automatic1111.results import checked
from providers.http.api import Api
from providers.http.encoding import decode_picture
from providers.http.parsing import Reply
from providers.http.transport import Transport

log = logging.getLogger(__name__)

TASK_CALL_SECONDS = 10.0
"""Time limit of one poll."""
DAY_SECONDS = 86_400
IN_QUEUE = re.compile(r"In queue: ([0-9]{1,6})/")
NEARLY_DONE = 0.9
"""Progress from which a job is not interrupted: the next one may have started when the call arrives."""
QUEUE_POLL_SECONDS = 2.0
"""Seconds between polls of whether a queued job has started."""
MAX_QUEUE_SECONDS = 1800.0
"""Seconds for which a cancelled job is followed in the server's queue."""
MAX_FOLLOWED = 32
"""Cancelled jobs that are followed at the same time; further ones are not interrupted."""


class Task(Reply):
    """Response of /internal/progress."""

    active: bool = False
    queued: bool = False
    progress: Number = None
    eta: Number = None
    live_preview: str | None = None
    id_live_preview: Place = None
    textinfo: str | None = None

    @property
    def fraction(self) -> float | None:
        return fraction(self.progress)

    @property
    def seconds(self) -> float | None:
        return self.eta if self.eta is not None and 0 < self.eta < DAY_SECONDS else None

    @property
    def position(self) -> int | None:
        found = IN_QUEUE.search(self.textinfo or "")
        return int(found[1]) if found else None

    def preview(self) -> bytes | None:
        try:
            return decode_picture(self.live_preview) if self.live_preview else None
        except BadResponse:
            return None


class CurrentJob(BaseModel):
    """Response of /progress, about the server's current job."""

    id: str | int | None = None
    progress: Number = 0
    eta_relative: Number = None
    current_image: str | None = None


async def get_task(
    api: Api, progress_by: Literal["task", "id"], task: str, last_preview: int = -1, *, preview: bool = True
) -> Task:
    """Our task's state; neither active nor queued where it is unknown. last_preview: id of the last one shown."""
    if progress_by == "task":
        body = {"id_task": task, "live_preview": preview, "id_live_preview": last_preview}
        answer = await api.send("POST", "internal/progress", json=body, seconds=TASK_CALL_SECONDS, tries=1)
        return answer.raise_for_status().parse(Task)
    job = await _current_job(api, skip="true")
    if preview and str(job.id) == task:  # a preview takes time of the server, and another user's must not be shown
        job = await _current_job(api, skip="false")
    if str(job.id) != task:
        return Task()
    return Task(active=True, progress=job.progress, eta=job.eta_relative, live_preview=job.current_image)


async def _current_job(api: Api, skip: str) -> CurrentJob:
    answer = await api.send("GET", f"sdapi/v1/progress?skip_current_image={skip}", seconds=TASK_CALL_SECONDS, tries=1)
    return answer.raise_for_status().parse(CurrentJob)


class Interrupts:
    """Interrupts our own jobs, and follows those that wait in the server's queue."""

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
        """Stop following; queued jobs are not interrupted."""
        following = set(self._following.values())
        for follower in following:
            follower.cancel()
        if following:
            await asyncio.wait(following)

    async def _follow(self, progress_by: Literal["task", "id"], task: str) -> None:
        try:
            async with asyncio.timeout(MAX_QUEUE_SECONDS):
                while (state := await self._task_or_none(progress_by, task)) is None or state.queued:
                    await self._transport.sleep(QUEUE_POLL_SECONDS)
                if state.active:
                    await self._interrupt(state)
        except (EaselError, TimeoutError) as error:
            log.info("a cancelled job is not interrupted: %s", error)
        finally:
            del self._following[task]

    async def _task_or_none(self, progress_by: Literal["task", "id"], task: str) -> Task | None:
        """The job's state; None where the call failed temporarily."""
        try:
            return await get_task(self._api, progress_by, task, preview=False)
        except (Unavailable, Timeout, RateLimited):
            return None

    async def _interrupt(self, state: Task) -> None:
        """Interrupt once, without retries: by then another job may be the current one."""
        if (state.progress or 0) < NEARLY_DONE:
            checked(await self._api.send("POST", "sdapi/v1/interrupt", json={}, tries=1))
