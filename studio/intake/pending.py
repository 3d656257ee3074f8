"""Acknowledging a request within three seconds: its row is written first, and background work waits."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType

from domain import Job, State
from storage.job_store import JobStore
from studio.display import Delivery
from studio.lease import HeldJob, Leases

log = logging.getLogger(__name__)

WRITE_SECONDS = 1.0
"""How long the acknowledgement waits for the row; it leaves most of Discord's three seconds to the network."""
MAX_YIELD_SECONDS = 2.5
"""Longest time that background work yields to acknowledgements."""

Acknowledge = Callable[[bool], Awaitable[int | None]]
"""Acknowledges the interaction, privately if True; returns the reply's id if it is known.

Raises AnsweredElsewhere or AcknowledgementUnknown; any other error means that the interaction was not acknowledged.
"""


class AnsweredElsewhere(Exception):
    """Another process has acknowledged the interaction, and draws its pictures."""


class AcknowledgementUnknown(Exception):
    """It is unknown whether Discord took the acknowledgement; recovery asks Discord later."""


class ShuttingDown(Exception):
    """This process is shutting down; the next one answers the member."""


class PendingJobs:
    """Writes the row before the acknowledgement, so that recovery answers every acknowledged member after a crash.

    If the database is locked or slow, the acknowledgement waits for it at most `WRITE_SECONDS`, to meet Discord's
    deadline; only then can a kill -9 leave a member without an answer.
    """

    def __init__(self, jobs: JobStore, leases: Leases, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """now: the clock of reply deadlines."""
        self._jobs = jobs
        self._leases = leases
        self._now = now
        self._owners: dict[str, str] = {}
        """Owner of each acknowledged job's row, by the job's id."""
        self._adding: set[str] = set()
        self._closing = False

    def close(self) -> None:
        """Shut down: from now on a connection error does not prove that Discord took nothing."""
        self._closing = True

    async def add(self, job: Job, acknowledge: Acknowledge, *, retry: bool = False) -> Job | None:
        """Write the row, then acknowledge; None if the row exists already.

        retry: the job repeats its parent; None also if another job repeats it already.
        Errors of `acknowledge` are raised, and the row is deleted, unless the error is AcknowledgementUnknown or the
        process is shutting down. The caller must then call `complete`, `withdraw` or `stop_holding`.
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
        except Exception as error:  # the callback may raise anything; it then was not acknowledged, and no row stays
            await asyncio.wait({writing})
            if writing.exception() is None:
                await self._undo(job, owner, error)
            raise
        return job if await writing or await self._take_over(row, owner, retry=retry) else None

    async def _take_over(self, row: Job, owner: str, *, retry: bool) -> bool:
        """Hold the row even if another process holds or has deleted it: the one that acknowledged draws."""
        return await self._jobs.take_promised(row.id, owner) or await self._jobs.add(row, owner, retry=retry)

    async def _undo(self, job: Job, owner: str, error: Exception) -> None:
        """Delete the row if the interaction was not acknowledged; release it to recovery if that is unknown."""
        if isinstance(error, AnsweredElsewhere) or not (self._closing or isinstance(error, AcknowledgementUnknown)):
            await self._jobs.discard(job, owner)
        else:
            await self._jobs.release(job.id, owner)

    async def complete(self, job: Job) -> None:
        """Write the complete job and release its row, so that any process may draw it.

        If the lease has expired meanwhile, take it back, unless the job is being drawn.
        """
        owner = self._owners[job.id]
        saved = await self._jobs.save(job, owner, release=True)
        if not saved and await self._take_over(job, owner, retry=False):
            await self._jobs.save(job, owner, release=True)
        self.stop_holding(job)

    async def withdraw(self, job: Job) -> None:
        """Delete the row; the caller tells its member why.

        While shutting down, release it to recovery and raise ShuttingDown, because the member may not be reached.
        """
        try:
            if self._closing:
                await self._jobs.release(job.id, self._owners[job.id])
                raise ShuttingDown
            await self._jobs.discard(job, self._owners[job.id])
        finally:
            self.stop_holding(job)

    def stop_holding(self, job: Job) -> None:
        """Stop the row's heartbeat, so that recovery finds it."""
        self._leases.end(self._owners.pop(job.id, ""))


class Acknowledgements:
    """A context manager around each acknowledgement; background work awaits `give_way` before it starts."""

    def __init__(self) -> None:
        self._under_way = 0
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def __enter__(self) -> None:
        self._under_way += 1
        self._is_idle.clear()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._under_way -= 1
        if not self._under_way:
            self._is_idle.set()

    async def give_way(self) -> None:
        """Wait while acknowledgements are under way, at most `MAX_YIELD_SECONDS`."""
        if not self._is_idle.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(MAX_YIELD_SECONDS):
                    await self._is_idle.wait()


async def resume(held: HeldJob, delivery: Delivery) -> bool:
    """Continue a row that an earlier process left pending; False, and the row deleted, if it was not acknowledged."""
    acknowledged = await delivery.find_acknowledgement(held.job)
    if acknowledged is None:
        log.info("job %s: deleted, because it was not acknowledged", held.job.id)
        await held.discard()
        return False
    state = State.WAITING if acknowledged.remote else State.QUEUED
    await held.update(state=state, message_id=acknowledged.message_id)
    return True
