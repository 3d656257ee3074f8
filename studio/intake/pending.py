"""Jobs between the acknowledgement and the queue: each has its row, held by this process."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from domain import Job, State
from storage.job_store import JobStore
from studio.display import Delivery
from studio.lease import HeldJob, Leases

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
"""Of Discord's three, most are left to a busy loop and to the way there."""

Acknowledge = Callable[[bool], Awaitable[int | None]]
"""Tells the member to wait, privately if True; the id of the message that says so, if it is known.

AnsweredElsewhere; AcknowledgementUnknown; any other error means that the member was not told.
"""


class AnsweredElsewhere(Exception):
    """Another process has told the member to wait, and draws the picture."""


class AcknowledgementUnknown(Exception):
    """Nobody knows whether the member was told to wait: Discord is asked later."""


class ShuttingDown(Exception):
    """The process ends: the next one answers the member."""


class PendingJobs:
    """Whoever was told to wait gets an answer, whatever becomes of this process: the next start finds the row.

    So the row is written first. A database that is locked or slow is not waited for beyond `WRITE_SECONDS`, or
    Discord would not take the acknowledgement any more: only then a kill -9 can leave a member waiting.
    """

    def __init__(self, jobs: JobStore, leases: Leases, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """now: the time by which reply deadlines are told."""
        self._jobs = jobs
        self._leases = leases
        self._now = now
        self._owners: dict[str, str] = {}
        """Of each job that has been acknowledged, by its id."""
        self._adding: set[str] = set()
        self._closing = False

    def close(self) -> None:
        """The process ends, and connections with it: an error of one does not tell what Discord has taken."""
        self._closing = True

    async def add(self, job: Job, acknowledge: Acknowledge, *, retry: bool = False) -> Job | None:
        """Write the row, then acknowledge; None where the row is there already.

        retry: the job asks for its parent again; None also where another does.
        What `acknowledge` raises goes through, and leaves no row, unless it is AcknowledgementUnknown or the process is ending.
        What follows is `complete` or `withdraw`, or else `leave`.
        """
        if job.id in self._adding or job.id in self._owners:
            return None  # the gateway has sent the interaction again
        owner = self._leases.new_owner()
        self._adding.add(job.id)
        try:
            added = await self._add(job.having(created=self._now()), owner, acknowledge, retry=retry)
            if added is not None:
                self._owners[job.id] = owner
            return added
        finally:
            self._adding.discard(job.id)
            if self._owners.get(job.id) != owner:
                self._leases.end(owner)

    async def _add(self, job: Job, owner: str, acknowledge: Acknowledge, *, retry: bool) -> Job | None:
        row = job.having(state=State.PROMISED)
        writing = asyncio.create_task(self._jobs.add(row, owner, retry=retry))
        await asyncio.wait({writing}, timeout=WRITE_SECONDS)
        if writing.done() and not writing.result():
            return None
        try:
            job = job.having(message_id=await acknowledge(job.private))
        except Exception as error:  # whatever the caller's callback raises: its member was not told, so no row stays
            await asyncio.wait({writing})
            if writing.exception() is None:
                await self._undo(job, owner, error)
            raise
        return job if await writing or await self._take_over(row, owner, retry=retry) else None

    async def _take_over(self, row: Job, owner: str, *, retry: bool) -> bool:
        """The row is another's, or gone: whoever has acknowledged draws."""
        return await self._jobs.take_promised(row.id, owner) or await self._jobs.add(row, owner, retry=retry)

    async def _undo(self, job: Job, owner: str, error: Exception) -> None:
        """Delete the row of a member who was not told; leave it to the next look where that is not known."""
        if isinstance(error, AnsweredElsewhere) or not (self._closing or isinstance(error, AcknowledgementUnknown)):
            await self._jobs.discard(job, owner)
        else:
            await self._jobs.release(job.id, owner)

    async def complete(self, job: Job) -> None:
        """Write the complete job and let go of its row: anybody may draw it now.

        Who was taken for dead meanwhile takes it back, unless it is being drawn.
        """
        owner = self._owners[job.id]
        saved = await self._jobs.save(job, owner, release=True)
        if not saved and await self._take_over(job, owner, retry=False):
            await self._jobs.save(job, owner, release=True)
        self.stop_holding(job)

    async def withdraw(self, job: Job) -> None:
        """Delete the row: its member is told why nothing comes of it.

        ShuttingDown, where nobody is sure to tell them any more, and the end may be why: the row is left to the table.
        """
        try:
            if self._closing:
                await self._jobs.release(job.id, self._owners[job.id])
                raise ShuttingDown
            await self._jobs.discard(job, self._owners[job.id])
        finally:
            self.stop_holding(job)

    def stop_holding(self, job: Job) -> None:
        """Hold the row no more: the next look for unfinished ones finds it."""
        self._leases.end(self._owners.pop(job.id, ""))


async def resume(held: HeldJob, delivery: Delivery) -> bool:
    """Go on with a row that an earlier run has left pending; False, and no row, where its member was not told."""
    told = await delivery.find_acknowledgement(held.job)
    if told is None:
        log.info("job %s: nobody was told to wait for it", held.job.id)
        await held.discard()
        return False
    state = State.WAITING if told.remote else State.QUEUED
    await held.update(state=state, message_id=told.message_id)
    return True
