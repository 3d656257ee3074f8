"""Rows that this process holds: nobody else works on a row while its holder's heartbeat comes."""

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
    """Another process has taken the row."""


StageObserver = Callable[[Job, timedelta], None]
"""Told of each state that a job has left: the job as it was, and for how long."""


def ignore_change(*_: object) -> None:
    """Nobody wants to know."""


class HeldJob:
    """A claimed job: read it from `job`, write it through `update`."""

    def __init__(self, store: JobStore, job: Job, owner: str, stage: StageObserver) -> None:
        self.job = job
        self._store = store
        self._owner = owner
        self._stage = stage
        self._entered_at = _entered_at(job)
        self._unwritten: set[str] = set()
        self.released = False

    def set(self, **changes: Unpack[JobChanges]) -> None:
        """Change these fields, to be written with the next update."""
        self.job = self.job.having(**changes)
        self._unwritten |= changes.keys()

    async def update(self, *, release: bool = False, **changes: Unpack[JobChanges]) -> None:
        """Write these fields; `release` with the last write, for it saves one."""
        before = self.job
        self.set(**changes)
        fields = frozenset(self._unwritten)
        if not await self._store.save(self.job, self._owner, fields, release=release):
            raise LeaseLost(self.job.id)
        self._unwritten -= fields  # only now: what could not be written goes with the next update
        self.released = release
        if self.job.state is not before.state:
            self._stage(before, datetime.now(UTC) - self._entered_at)
            self._entered_at = datetime.now(UTC)

    async def discard(self) -> None:
        """Delete the row."""
        await self._store.discard(self.job, self._owner)
        self.released = True


class Leases:
    """Takes leases of rows, keeps up the heartbeat of all of them, and lets go."""

    def __init__(self, jobs: JobStore, stage: StageObserver = ignore_change) -> None:
        self._jobs = jobs
        self._stage = stage
        self._owners: set[str] = set()

    def __len__(self) -> int:
        """How many owners have a heartbeat."""
        return len(self._owners)

    def new_owner(self) -> str:
        """An owner whose rows get a heartbeat, until `end`."""
        owner = uuid.uuid4().hex
        self._owners.add(owner)
        return owner

    def end(self, owner: str) -> None:
        """No more heartbeats: what this owner still holds is soon anybody's."""
        self._owners.discard(owner)

    async def heartbeat(self) -> Sequence[str]:
        """The heartbeat of all that is held; which of these rows are wanted no more."""
        return await self._jobs.heartbeat(self._owners)

    @asynccontextmanager
    async def hold(self, job_id: str) -> AsyncGenerator[HeldJob | None]:
        """Hold a row while the block runs; None where it is finished or held, be it by this very process."""
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
        """Work on a row while holding it; the job as it is then, None where it is finished or another's."""
        try:
            async with self.hold(job_id) as held:
                if held is not None:
                    await work(held)
                return held.job if held else None
        except LeaseLost:
            log.warning("job %s: another process has taken it", job_id)
            return None


def _entered_at(job: Job) -> datetime:
    """When a job came into its state, as far as its row tells."""
    if job.state is State.QUEUED and job.started is None and not job.tried:
        return job.created
    if job.state is State.DRAWN and job.started is not None:
        return job.started + timedelta(seconds=job.seconds or 0)
    return datetime.now(UTC)
