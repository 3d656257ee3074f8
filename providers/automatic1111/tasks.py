"""Queries the state of our own job on the server."""

import re
from typing import Literal

from pydantic import BaseModel

from domain import BadResponse
from domain.numbers import Number, Place, fraction
from providers.http.api import Api
from providers.http.encoding import decode_picture
from providers.http.lenient import Reply

ASK_SECONDS = 10.0
"""Time limit of one poll."""
DAY_SECONDS = 86_400
IN_QUEUE = re.compile(r"In queue: ([0-9]{1,6})/")


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
        answer = await api.send("POST", "internal/progress", json=body, seconds=ASK_SECONDS, tries=1)
        return answer.raise_for_status().parse(Task)
    job = await _current_job(api, skip="true")
    if preview and str(job.id) == task:  # a preview costs server time, and another user's must not be shown
        job = await _current_job(api, skip="false")
    if str(job.id) != task:
        return Task()
    return Task(active=True, progress=job.progress, eta=job.eta_relative, live_preview=job.current_image)


async def _current_job(api: Api, skip: str) -> CurrentJob:
    answer = await api.send("GET", f"sdapi/v1/progress?skip_current_image={skip}", seconds=ASK_SECONDS, tries=1)
    return answer.raise_for_status().parse(CurrentJob)
