"""The jobs table: the truth about every picture asked for."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Executable, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import UNFINISHED, Job, State
from storage.statements import run
from storage.tables import jobs

NESTED = {"request", "notes", "remote", "drawn", "failure"}
STALE = timedelta(seconds=30)
"""A row whose holder has not been heard of for so long is nobody's."""


class JobStore:
    """Rows are written by whoever holds them: `claim` first, then `save`, then `release`."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def add(self, job: Job) -> bool:
        """Write a new row; False where the id is known, for an interaction may be replayed."""
        try:
            await self._write(jobs.insert().values(_row(job)))
        except IntegrityError:
            if await self.get(job.id) is None:
                raise
            return False
        return True

    async def get(self, id: str) -> Job | None:
        found = await self._read(jobs.c.id == id)
        return found[0] if found else None

    async def claim(self, id: str, owner: str) -> Job | None:
        """Take an unfinished row that nobody holds; None where it is finished or held."""
        free = or_(jobs.c.owner.is_(None), jobs.c.heartbeat < _now() - STALE)
        take = update(jobs).where(jobs.c.id == id, jobs.c.state.in_(UNFINISHED), free)
        taken = await self._write(take.values(owner=owner, heartbeat=_now()))
        return await self.get(id) if taken else None

    async def save(self, job: Job, owner: str) -> bool:
        """Write a held row; False where another has taken it."""
        held = update(jobs).where(jobs.c.id == job.id, jobs.c.owner == owner)
        return await self._write(held.values(_row(job))) > 0

    async def release(self, id: str, owner: str) -> None:
        held = update(jobs).where(jobs.c.id == id, jobs.c.owner == owner)
        await self._write(held.values(owner=None, heartbeat=None))

    async def beat(self, owners: Collection[str]) -> None:
        """Say that the holders of these rows are alive."""
        await self._write(update(jobs).where(jobs.c.owner.in_(owners)).values(heartbeat=_now()))

    async def disown(self) -> None:
        """Free every row: for a process that knows that it is the only one."""
        await self._write(update(jobs).where(jobs.c.owner.is_not(None)).values(owner=None, heartbeat=None))

    async def abandoned(self) -> Sequence[Job]:
        """Unfinished rows that nobody holds, oldest first."""
        free = or_(jobs.c.owner.is_(None), jobs.c.heartbeat < _now() - STALE)
        return await self._read(jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False), free)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's pictures that Discord would not take, oldest first."""
        return await self._read(jobs.c.user_id == user_id, jobs.c.parked.is_(True), jobs.c.state == State.DRAWN)

    async def waiting(self, user_id: int) -> int:
        """How many of a member's jobs nobody has begun."""
        query = select(func.count()).where(jobs.c.user_id == user_id, jobs.c.state == State.QUEUED)
        return (await self._run(query)).scalar_one()

    async def has_child(self, id: str) -> bool:
        """Whether a job has been asked for again."""
        return bool((await self._run(select(jobs.c.id).where(jobs.c.parent == id).limit(1))).scalar())

    async def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[str]:
        """Delete the finished and the parked rows of a member or a server; their ids."""
        whose = jobs.c.user_id == user_id if user_id is not None else jobs.c.guild_id == guild_id
        over = or_(jobs.c.state.not_in(UNFINISHED), jobs.c.parked.is_(True))
        return (await self._run(delete(jobs).where(whose, over).returning(jobs.c.id))).scalars().all()

    async def _read(self, *where: ColumnElement[bool]) -> list[Job]:
        rows = await self._run(select(jobs).where(*where).order_by(jobs.c.created))
        return [Job.model_validate(dict(row)) for row in rows.mappings()]

    async def _write(self, statement: Executable) -> int:
        return (await self._run(statement)).rowcount

    async def _run(self, statement: Executable) -> CursorResult[Any]:
        return await run(self._engine, statement)


def _row(job: Job) -> dict[str, Any]:
    return job.model_dump(exclude=NESTED) | job.model_dump(mode="json", include=NESTED)


def _now() -> datetime:
    return datetime.now(UTC)
