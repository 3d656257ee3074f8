"""Entry point for requests: each becomes a queued job, or an error for its member."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager

from domain import EaselError, ImageRequest, Job, NoRoom, Origin, Room
from storage.store import Store
from studio.intake.admission import Admission, Suspensions
from studio.intake.files import Files, IncomingFile, UploadReader, check_uploads
from studio.intake.pending import Acknowledge, Acknowledgements, PendingJobs
from studio.intake.planning import Planner

log = logging.getLogger(__name__)


class Checks:
    """Checks and plans requests before anything is spent; a refusal is an EaselError."""

    def __init__(self, store: Store, planner: Planner, admission: Admission, suspensions: Suspensions) -> None:
        self._settings = store.settings
        self._spool = store.spool
        self._planner = planner
        self._admission = admission
        self._suspensions = suspensions

    async def plan(self, request: ImageRequest, origin: Origin, parent: Job | None = None) -> Job:
        """A new request. parent: the job that it comes from."""
        settings = await self._settings.get(origin.guild_id)
        self._admission.check(origin)
        self._check_disk()
        job = await self._planner.plan(request, settings, origin)
        await self._suspensions.check(job)
        return job.having(parent=parent.id if parent else None)

    async def plan_again(self, parent: Job, origin: Origin) -> Job:
        """The same request with a new seed."""
        return await self._plan_anew(parent, _asked_for(parent).having(seed=None), origin)

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
        return await self._with_uploads(await self.plan(request.having(private=parent.private), origin, parent))

    async def _with_uploads(self, job: Job) -> Job:
        await check_uploads(self._spool, job, self._planner)
        return job

    def _check_disk(self) -> None:
        """Raise NoRoom if a paid picture might not be stored."""
        if self._spool.is_full():
            log.warning("the disk is full: no jobs are accepted until there is room")
            raise NoRoom(room=Room.DISK)


class Intake:
    """Checks a request, acknowledges it, reads its files, and queues it.

    A refusal before the acknowledgement is private. Files are read after it, so what is wrong with their content is
    told in the reply. Nothing has been spent in either case.
    """

    def __init__(
        self,
        checks: Checks,
        admission: Admission,
        pending: PendingJobs,
        uploads: UploadReader,
        acknowledgements: Acknowledgements,
        queue: Callable[[Job], Awaitable[None]],
    ) -> None:
        """queue: takes a job that is ready to be drawn."""
        self._checks = checks
        self._admission = admission
        self._pending = pending
        self._uploads = uploads
        self._acknowledgements = acknowledgements
        self._queue = queue

    async def take(
        self, request: ImageRequest, files: Files, origin: Origin, acknowledge: Acknowledge, parent: Job | None = None
    ) -> None:
        """Accept a new request with its files; EaselError. parent: the job whose picture is upscaled."""
        request = files.announced(request)
        job = await self._accept(self._checks.plan(request, origin, parent), acknowledge)
        if job is None:
            return
        if files.images:
            async with self._withdrawing(job):
                stored = await self._uploads.read(job, request, files)
                job = await self._checks.replan(job, stored, origin)
        await self._complete(job)

    async def upscale(self, parent: Job, picture: IncomingFile, origin: Origin, acknowledge: Acknowledge) -> None:
        """Accept a request to enlarge a picture; EaselError."""
        request = ImageRequest(
            prompt=parent.request.prompt, provider=parent.provider, private=parent.private, upscale=True
        )
        await self.take(request, Files(images=(picture,)), origin, acknowledge, parent)

    async def again(self, parent: Job, origin: Origin, acknowledge: Acknowledge) -> None:
        """Accept the same request with a new seed; EaselError."""
        job = await self._accept(self._checks.plan_again(parent, origin), acknowledge)
        if job is not None:
            await self._complete(job)

    async def retry(self, parent: Job, origin: Origin, acknowledge: Acknowledge) -> bool:
        """Accept a retry of a job, or of its remaining calls; False if it has been retried already; EaselError."""
        job = await self._accept(self._checks.plan_retry(parent, origin), acknowledge, retry=True)
        if job is None:
            return False
        await self._complete(job)
        return True

    async def _accept(self, plan: Awaitable[Job], acknowledge: Acknowledge, *, retry: bool = False) -> Job | None:
        """Plan, write the row and acknowledge; None if the same request has been accepted before. EaselError."""
        with self._acknowledgements, ExitStack() as on_failure:
            job = await plan
            self._admission.enter(job)
            on_failure.callback(self._admission.leave, job)
            pending = await self._pending.add(job, acknowledge, retry=retry)
            if pending is not None:
                on_failure.pop_all()
            return pending

    async def _complete(self, job: Job) -> None:
        async with self._withdrawing(job):
            await self._pending.complete(job)
        await self._queue(job)

    @asynccontextmanager
    async def _withdrawing(self, job: Job) -> AsyncGenerator[None]:
        """On an EaselError, delete the row, because its member is told; on others, leave it for recovery."""
        with ExitStack() as on_failure:
            on_failure.callback(self._admission.leave, job)
            on_failure.callback(self._pending.stop_holding, job)
            try:
                yield
            except EaselError:
                await self._pending.withdraw(job)
                raise
            on_failure.pop_all()


def _asked_for(parent: Job) -> ImageRequest:
    """The request as its member made it, if it is stored, else as it was planned."""
    return parent.asked or parent.request
