"""A row that this process holds."""

import uuid
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from domain import Job
from storage.jobs import JobStore


class Lost(Exception):
    """Another process has taken the row."""


class Held:
    """A claimed job: read it from `job`, write it through `update`."""

    def __init__(self, store: JobStore, job: Job, owner: str) -> None:
        self.job = job
        self._store = store
        self._owner = owner

    async def update(self, **changes: Any) -> None:
        self.job = self.job.having(**changes)
        if not await self._store.save(self.job, self._owner):
            raise Lost(self.job.id)


@asynccontextmanager
async def hold(store: JobStore, job_id: str, holders: set[str]) -> AsyncGenerator[Held | None]:
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
        try:
            yield Held(store, job, owner)
        finally:
            await store.release(job_id, owner)
    finally:
        holders.discard(owner)
