"""The jobs table: the truth about every picture asked for."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, CursorResult, Executable, delete, func, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import UNFINISHED, Job, State
from storage.bulletin import Bulletin
from storage.statements import run
from storage.tables import jobs

NESTED = {"request", "notes", "remote", "drawn", "failure"}
NOT_THE_HOLDERS = {"cancelled"}
"""Written by others while a row is held."""
STALE = timedelta(seconds=30)
"""A row whose holder has not been heard of for so long is nobody's."""
CANCELLED = "cancelled"


class Load(NamedTuple):
    """How many unfinished jobs there are."""

    by_member: Counter[int]
    by_server: Counter[int]


class JobStore:
    """Rows are written by whoever holds them: `claim` first, then `save`, then `release`."""

    def __init__(self, engine: AsyncEngine, bulletin: Bulletin) -> None:
        self._engine = engine
        self._bulletin = bulletin

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
        free = or_(_nobodys(), jobs.c.owner == owner)
        take = update(jobs).where(jobs.c.id == id, jobs.c.state.in_(UNFINISHED), free)
        taken = await self._run(take.values(owner=owner, heartbeat=_now()).returning(jobs))
        row = taken.mappings().first()
        return _job(row) if row else None

    async def save(self, job: Job, owner: str) -> bool:
        """Write a held row; False where another has taken it."""
        return await self._write(_held(job.id, owner).values(_row(job))) > 0

    async def release(self, id: str, owner: str) -> None:
        await self._write(_held(id, owner).values(owner=None, heartbeat=None))

    async def beat(self, owners: Collection[str]) -> Sequence[str]:
        """Say that the holders of these rows are alive; which of the rows are wanted no more."""
        alive = update(jobs).where(jobs.c.owner.in_(owners)).values(heartbeat=_now())
        unwanted = select(jobs.c.id).where(jobs.c.owner.in_(owners), jobs.c.cancelled)
        return (await self._run(alive, unwanted)).scalars().all()

    async def disown(self) -> None:
        """Free every row: for a process that knows that it is the only one."""
        await self._write(update(jobs).where(jobs.c.owner.is_not(None)).values(owner=None, heartbeat=None))

    async def cancel(self, id: str) -> bool:
        """Tell whoever holds the row, or will, that it is wanted no more; False where it has its outcome."""
        undecided = jobs.c.state.in_([state for state in UNFINISHED if state is not State.DRAWN])
        notice = self._bulletin.notice(CANCELLED, id)
        mark = update(jobs).where(jobs.c.id == id, undecided).values(cancelled=True).returning(jobs.c.id)
        return (await self._run(*notice, mark)).scalar() is not None

    async def begin_retry(self, id: str) -> bool:
        """True for the first who asks for this job again."""
        mark = update(jobs).where(jobs.c.id == id, jobs.c.retried.is_(False))
        return await self._write(mark.values(retried=True)) > 0

    async def abandoned(self) -> Sequence[Job]:
        """Unfinished rows that nobody holds, oldest first."""
        return await self._read(jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False), _nobodys())

    async def orphaned(self) -> Sequence[Job]:
        """Those of them whose holder has died, oldest first."""
        return await self._read(jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False), _dead())

    async def unfinished(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """A member's or a server's jobs under way, oldest first."""
        return await self._read(_whose(user_id, guild_id), jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False))

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's pictures that Discord would not take, oldest first."""
        return await self._read(jobs.c.user_id == user_id, jobs.c.parked.is_(True), jobs.c.state == State.DRAWN)

    async def load(self) -> Load:
        """Of the jobs that are not drawn yet."""
        undecided = [state for state in UNFINISHED if state is not State.DRAWN]
        query = select(jobs.c.user_id, jobs.c.guild_id, func.count()).where(jobs.c.state.in_(undecided))
        load = Load(Counter(), Counter())
        rows = await self._run(query.group_by(jobs.c.user_id, jobs.c.guild_id))
        for user, guild, count in map(tuple[Any, ...], rows):
            load.by_member[user] += count
            load.by_server[guild] += count
        return load

    async def depth(self) -> Sequence[tuple[str, str, int]]:
        """Provider, state and number of the unfinished jobs."""
        query = select(jobs.c.provider, jobs.c.state, func.count()).where(jobs.c.state.in_(UNFINISHED))
        rows = await self._run(query.group_by(jobs.c.provider, jobs.c.state))
        return [(provider, state, count) for provider, state, count in map(tuple[Any, ...], rows)]

    async def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[str]:
        """Delete the finished and the parked rows of a member or a server; their ids."""
        over = or_(jobs.c.state.not_in(UNFINISHED), jobs.c.parked.is_(True))
        query = delete(jobs).where(_whose(user_id, guild_id), over).returning(jobs.c.id)
        return (await self._run(query)).scalars().all()

    async def _read(self, *where: ColumnElement[bool]) -> list[Job]:
        rows = await self._run(select(jobs).where(*where).order_by(jobs.c.created))
        return [_job(row) for row in rows.mappings()]

    async def _write(self, statement: Executable) -> int:
        return (await self._run(statement)).rowcount

    async def _run(self, *statements: Executable) -> CursorResult[Any]:
        return await run(self._engine, *statements)


def _dead() -> ColumnElement[bool]:
    return jobs.c.heartbeat < _now() - STALE


def _nobodys() -> ColumnElement[bool]:
    return or_(jobs.c.owner.is_(None), _dead())


def _held(id: str, owner: str) -> Any:
    return update(jobs).where(jobs.c.id == id, jobs.c.owner == owner)


def _whose(user_id: int | None, guild_id: int | None) -> ColumnElement[bool]:
    return jobs.c.user_id == user_id if user_id is not None else jobs.c.guild_id == guild_id


def _row(job: Job) -> dict[str, Any]:
    plain = job.model_dump(exclude=NESTED | NOT_THE_HOLDERS)
    return plain | job.model_dump(mode="json", include=NESTED)


def _job(row: Any) -> Job:
    return Job.model_validate(dict(row))


def _now() -> datetime:
    return datetime.now(UTC)
