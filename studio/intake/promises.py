"""Between a member's being told to wait and a job that can be drawn: the row is there already, and held."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable

from domain import Job, State
from storage.job_store import JobStore

WRITE_SECONDS = 1.0
"""Of Discord's three, most are left to a busy loop and to the way there."""

Acknowledge = Callable[[], Awaitable[int | None]]
"""Tells the member to wait; the id of the message that says so, if it is known."""


class AnsweredElsewhere(Exception):
    """Another process has told the member to wait, and draws the picture."""


class Unclear(Exception):
    """Nobody knows whether the member was told to wait: Discord is asked later."""


class Ending(Exception):
    """The process ends: the next one answers the member."""


class Promises:
    """Whoever was told to wait gets an answer, whatever becomes of this process: the next start finds the row.

    So the row is written first. A database that is locked or slow is not waited for beyond `WRITE_SECONDS`, or
    Discord would take the word no more: only then a kill -9 can leave a member waiting.
    """

    def __init__(self, jobs: JobStore, holders: set[str]) -> None:
        self._jobs = jobs
        self._holders = holders
        self._owners: dict[str, str] = {}
        self._making: set[str] = set()
        self._closing = False

    def close(self) -> None:
        """The process ends, and connections with it: what they say then tells nothing of what Discord has taken."""
        self._closing = True

    async def make(self, job: Job, acknowledge: Acknowledge, *, retry: bool = False) -> Job | None:
        """Write the row, then tell the member; None where the row is there already.

        retry: the job asks for its parent again; None also where another does.
        What `acknowledge` raises goes through, and leaves no row, unless it is Unclear or the process is ending.
        """
        if job.id in self._making or job.id in self._owners:
            return None  # the gateway has sent the interaction again
        owner = uuid.uuid4().hex
        self._making.add(job.id)
        self._holders.add(owner)
        try:
            promised = await self._make(job, owner, acknowledge, retry=retry)
            if promised is not None:
                self._owners[job.id] = owner
            return promised
        finally:
            self._making.discard(job.id)
            if self._owners.get(job.id) != owner:
                self._holders.discard(owner)

    async def _make(self, job: Job, owner: str, acknowledge: Acknowledge, *, retry: bool) -> Job | None:
        row = job.having(state=State.PROMISED)
        writing = asyncio.create_task(self._jobs.add(row, owner, retry=retry))
        await asyncio.wait({writing}, timeout=WRITE_SECONDS)
        if writing.done() and not writing.result():
            return None
        try:
            job = job.having(message_id=await acknowledge())
        except Exception as error:
            await asyncio.wait({writing})
            if writing.exception() is None:
                await self._part(job, owner, error)
            raise
        return job if await writing or await self._take_over(row, owner, retry=retry) else None

    async def _take_over(self, row: Job, owner: str, *, retry: bool) -> bool:
        """The row is another's, or gone: who has told the member draws."""
        return await self._jobs.take(row.id, owner) or await self._jobs.add(row, owner, retry=retry)

    async def _part(self, job: Job, owner: str, error: Exception) -> None:
        """Delete the row of a member who was not told; leave it to the next look where that is not known."""
        if isinstance(error, AnsweredElsewhere) or not (self._closing or isinstance(error, Unclear)):
            await self._jobs.discard(job, owner)
        else:
            await self._jobs.release(job.id, owner)

    async def fulfil(self, job: Job) -> None:
        """Write the complete job and let go of its row: anybody may draw it now.

        Who was taken for dead meanwhile takes it back, unless it is being drawn.
        """
        owner = self._owners[job.id]
        saved = await self._jobs.save(job, owner, release=True)
        if not saved and await self._take_over(job, owner, retry=False):
            await self._jobs.save(job, owner, release=True)
        self.drop(job)

    async def withdraw(self, job: Job) -> None:
        """Delete the row: its member is told why nothing comes of it.

        Ending, where nobody is sure to tell them any more, and the end may be why: the row is left to the table.
        """
        try:
            if self._closing:
                await self._jobs.release(job.id, self._owners[job.id])
                raise Ending
            await self._jobs.discard(job, self._owners[job.id])
        finally:
            self.drop(job)

    def drop(self, job: Job) -> None:
        """Hold the row no more: the next look for unfinished ones finds it."""
        self._holders.discard(self._owners.pop(job.id, ""))
