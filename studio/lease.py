"""A row that this process holds."""

import uuid
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Unpack

from domain import Job, State
from domain.jobs import JobChanges
from storage.job_store import JobStore


class Lost(Exception):
    """Another process has taken the row."""


Stage = Callable[[Job, timedelta], None]
"""Told of each state that a job has left: the job as it was, and for how long."""


def unwatched(job: Job, time: timedelta) -> None:
    """Nobody wants to know."""


class Held:
    """A claimed job: read it from `job`, write it through `update`."""

    def __init__(self, store: JobStore, job: Job, owner: str, stage: Stage) -> None:
        self.job = job
        self._store = store
        self._owner = owner
        self._stage = stage
        self._entered = _entered(job)
        self._noted: set[str] = set()
        self.released = False

    def note(self, **changes: Unpack[JobChanges]) -> None:
        """Change these fields, to be written with the next update."""
        self.job = self.job.having(**changes)
        self._noted |= changes.keys()

    async def update(self, *, release: bool = False, **changes: Unpack[JobChanges]) -> None:
        """Write these fields; `release` with the last write, for it saves one."""
        before = self.job
        self.note(**changes)
        fields = frozenset(self._noted)
        if not await self._store.save(self.job, self._owner, fields, release=release):
            raise Lost(self.job.id)
        self._noted -= fields  # only now: what could not be written goes with the next update
        self.released = release
        if self.job.state is not before.state:
            self._stage(before, datetime.now(UTC) - self._entered)
            self._entered = datetime.now(UTC)

    async def discard(self) -> None:
        """Delete the row."""
        await self._store.discard(self.job, self._owner)
        self.released = True


def _entered(job: Job) -> datetime:
    """When a job came into its state, as far as its row tells."""
    if job.state is State.QUEUED and job.started is None and not job.tried:
        return job.created
    if job.state is State.DRAWN and job.started is not None:
        return job.started + timedelta(seconds=job.seconds or 0)
    return datetime.now(UTC)


@asynccontextmanager
async def hold(
    store: JobStore, job_id: str, holders: set[str], stage: Stage = unwatched
) -> AsyncGenerator[Held | None]:
    """Claim a row for as long as the block runs; None where it is finished or held, be it by this very process.

    holders: those alive, whose rows get a heartbeat. One that could not let go of its row is no longer among them.
    """
    owner = uuid.uuid4().hex
    holders.add(owner)
    try:
        job = await store.claim(job_id, owner)
        if job is None:
            yield None
            return
        held = Held(store, job, owner, stage)
        try:
            yield held
        finally:
            if not held.released:
                await store.release(job_id, owner)
    finally:
        holders.discard(owner)
