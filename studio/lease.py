"""Leases on the rows of jobs: only the holder works on a row, as long as it sends heartbeats."""

import logging
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Unpack

from domain import Job, State
from domain.jobs import JobChanges
from storage.job_store import JobStore

log = logging.getLogger(__name__)


class LeaseLost(Exception):
    """The lease has expired, and another process has taken it."""


StageObserver = Callable[[Job, timedelta], None]
"""Called when a job leaves a state, with the job as it was and the time it spent in that state."""


def ignore_change(*_: object) -> None:
    """A callback that does nothing."""


class HeldJob:
    """A job whose lease this process holds: read it from `job`, write it through `update`."""

    def __init__(self, store: JobStore, job: Job, owner: str, stage: StageObserver) -> None:
        self.job = job
        self._store = store
        self._owner = owner
        self._stage = stage
        self._entered_at = _entered_at(job)
        self._unwritten: set[str] = set()
        self.released = False

    def set(self, **changes: Unpack[JobChanges]) -> None:
        """Change fields in memory; the next `update` writes them."""
        self.job = self.job.having(**changes)
        self._unwritten |= changes.keys()

    async def update(self, *, release: bool = False, **changes: Unpack[JobChanges]) -> None:
        """Write fields to the row; `release` ends the lease in the same statement."""
        before = self.job
        self.set(**changes)
        fields = frozenset(self._unwritten)
        if not await self._store.save(self.job, self._owner, fields, release=release):
            raise LeaseLost(self.job.id)
        self._unwritten -= fields  # only after success: after an error, the next update writes them
        self.released = release
        if self.job.state is not before.state:
            self._stage(before, datetime.now(UTC) - self._entered_at)
            self._entered_at = datetime.now(UTC)

    async def discard(self) -> None:
        """Delete the row."""
        await self._store.discard(self.job, self._owner)
        self.released = True


class Leases:
    """Takes, renews and releases leases."""

    def __init__(self, jobs: JobStore, stage: StageObserver = ignore_change) -> None:
        self._jobs = jobs
        self._stage = stage
        self._owners: set[str] = set()

    def __len__(self) -> int:
        """The number of owners that send heartbeats."""
        return len(self._owners)

    def new_owner(self) -> str:
        """The id of a new owner, whose rows get heartbeats until `end`."""
        owner = uuid.uuid4().hex
        self._owners.add(owner)
        return owner

    def end(self, owner: str) -> None:
        """Stop the owner's heartbeats: the leases that it still holds expire."""
        self._owners.discard(owner)

    async def heartbeat(self) -> Sequence[str]:
        """Renew all leases; the ids of the held jobs that have been cancelled."""
        return await self._jobs.heartbeat(self._owners)

    @asynccontextmanager
    async def hold(self, job_id: str) -> AsyncGenerator[HeldJob | None]:
        """Hold a row's lease during the block; None if the row is finished or held, even by this process."""
        owner = self.new_owner()
        try:
            job = await self._jobs.claim(job_id, owner)
            if job is None:
                yield None
                return
            held = HeldJob(self._jobs, job, owner, self._stage)
            try:
                yield held
            finally:
                if not held.released:
                    await self._jobs.release(job_id, owner)
        finally:
            self.end(owner)

    async def run(self, job_id: str, work: Callable[[HeldJob], Awaitable[None]]) -> Job | None:
        """Call `work` with a held row; the job afterwards, or None if the row is finished or held by another owner."""
        try:
            async with self.hold(job_id) as held:
                if held is not None:
                    await work(held)
                return held.job if held else None
        except LeaseLost:
            log.warning("job %s: another process has taken its lease", job_id)
            return None


def _entered_at(job: Job) -> datetime:
    """When the job entered its state, as far as its row shows."""
    if job.state is State.QUEUED and job.started is None and not job.tried:
        return job.created
    if job.state is State.DRAWN and job.started is not None:
        return job.started + timedelta(seconds=job.seconds or 0)
    return datetime.now(UTC)
