"""From what a member asks for to a job that may come in; a refusal has cost nothing."""

import logging

from domain import ImageRequest, Job, NoRoom, Origin, Room
from storage.store import Store
from studio.intake.admission import Admission
from studio.intake.planning import Planner
from studio.intake.sources import check_uploads
from studio.intake.suspensions import Suspensions

log = logging.getLogger(__name__)


class Checks:
    """Plans what is asked for, and refuses what may not come in; EaselError."""

    def __init__(self, store: Store, planner: Planner, admission: Admission, suspensions: Suspensions) -> None:
        self._settings = store.settings
        self._spool = store.spool
        self._planner = planner
        self._admission = admission
        self._suspensions = suspensions

    async def plan(self, request: ImageRequest, origin: Origin) -> Job:
        """A new request."""
        settings = await self._settings.get(origin.guild_id)
        self._admission.check(origin)
        self._check_disk()
        job = await self._planner.plan(request, settings, origin)
        await self._suspensions.check(job)
        return job

    async def again(self, parent: Job, origin: Origin) -> Job:
        """The same request with a new seed."""
        return await self._plan_anew(parent, _asked_for(parent).model_copy(update={"seed": None}), origin)

    async def retry(self, parent: Job, origin: Origin) -> Job:
        """The same request; of what the provider has accepted, and was late with, only the result is asked for."""
        if parent.remote is None:
            return await self._plan_anew(parent, _asked_for(parent), origin)
        self._admission.check(origin)
        return await self._with_uploads(self._planner.plan_rest(parent, origin).having(parent=parent.id))

    async def reshape(self, job: Job, request: ImageRequest, origin: Origin) -> Job:
        """A job planned anew, now that the shape of its image is known; whoever sees the answer stays the same."""
        shaped = await self._planner.plan(request, await self._settings.get(origin.guild_id), origin)
        return shaped.having(message_id=job.message_id, private=job.private, created=job.created, parent=job.parent)

    async def _plan_anew(self, parent: Job, request: ImageRequest, origin: Origin) -> Job:
        job = await self.plan(request.model_copy(update={"private": parent.private}), origin)
        return await self._with_uploads(job.having(parent=parent.id))

    async def _with_uploads(self, job: Job) -> Job:
        """The job itself; UploadGone where it has lost its files."""
        if job.request.images:
            await check_uploads(self._spool, job, by_link=await self._planner.takes_link(job))
        return job

    def _check_disk(self) -> None:
        """NoRoom where what is drawn, and paid for, might not be kept."""
        if self._spool.is_full():
            log.warning("the disk is full: nothing is taken until there is room")
            raise NoRoom(room=Room.DISK)


def _asked_for(parent: Job) -> ImageRequest:
    """As its member made it, as far as that is kept."""
    return parent.asked or parent.request
