"""Checks and plans requests, before anything is spent."""

import logging

from domain import ImageRequest, Job, NoRoom, Origin, Room
from storage.store import Store
from studio.intake.admission import Admission
from studio.intake.planning import Planner
from studio.intake.sources import check_uploads
from studio.intake.suspensions import Suspensions

log = logging.getLogger(__name__)


class Checks:
    """Turns requests into planned jobs, or refuses them with an EaselError."""

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

    async def plan_again(self, parent: Job, origin: Origin) -> Job:
        """The same request with a new seed."""
        return await self._plan_anew(parent, _asked_for(parent).model_copy(update={"seed": None}), origin)

    async def plan_retry(self, parent: Job, origin: Origin) -> Job:
        """The same request; if its remote job is known, only that job's result is fetched."""
        if parent.remote is None:
            return await self._plan_anew(parent, _asked_for(parent), origin)
        self._admission.check(origin)
        return await self._with_uploads(self._planner.plan_remaining(parent, origin).having(parent=parent.id))

    async def replan(self, job: Job, request: ImageRequest, origin: Origin) -> Job:
        """The job planned again with the size of its uploaded image; its message and privacy stay the same."""
        replanned = await self._planner.plan(request, await self._settings.get(origin.guild_id), origin)
        return replanned.having(message_id=job.message_id, private=job.private, created=job.created, parent=job.parent)

    async def _plan_anew(self, parent: Job, request: ImageRequest, origin: Origin) -> Job:
        job = await self.plan(request.model_copy(update={"private": parent.private}), origin)
        return await self._with_uploads(job.having(parent=parent.id))

    async def _with_uploads(self, job: Job) -> Job:
        await check_uploads(self._spool, job, self._planner)
        return job

    def _check_disk(self) -> None:
        """Raise NoRoom if a paid picture might not be stored."""
        if self._spool.is_full():
            log.warning("the disk is full: no jobs are accepted until there is room")
            raise NoRoom(room=Room.DISK)


def _asked_for(parent: Job) -> ImageRequest:
    """The request as its member made it, if it is stored, else as it was planned."""
    return parent.asked or parent.request
