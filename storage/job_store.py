"""The jobs table: the truth about every picture asked for."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import (
    JSON,
    ColumnElement,
    Executable,
    String,
    and_,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from domain import UNFINISHED, Job, State
from storage.bulletin import Bulletin
from storage.database import Database, Do, Done
from storage.dialects import insert_for
from storage.earlier import kind_of, readable
from storage.tables import jobs

NESTED = {column.name for column in jobs.c if isinstance(column.type, JSON)}
NOT_THE_HOLDERS = {"cancelled"}
"""Written by others while a row is held."""
STALE = timedelta(seconds=30)
"""A row whose holder has not been heard of for so long is nobody's; unless the database was away, and nobody could."""
AT_ONCE = 500
"""Rows that are deleted in one statement: others wait for it."""
KEPT = timedelta(days=90)
"""Finished jobs: so long the buttons below a picture work."""
LATEST = 2000
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
CANCELLED = "cancelled"
UNDER_WAY = and_(jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False))
OVER = or_(jobs.c.state.not_in(UNFINISHED), jobs.c.parked.is_(True))
"""A parked job has its picture, and waits for nobody but its owner."""
UNDECIDED = tuple(state for state in UNFINISHED if state is not State.DRAWN)

# Built once, and filled for each job: building one anew takes longer than running it.
FREE = or_(jobs.c.owner.is_(None), jobs.c.heartbeat < bindparam("dead"), jobs.c.owner == bindparam("by"))
CLAIM = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state.in_(UNFINISHED), FREE)
    .values(owner=bindparam("by"), heartbeat=bindparam("now"))
    .returning(jobs)
)
HELD = update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.owner == bindparam("by"))
RELEASE = HELD.values(owner=None, heartbeat=None)
GET = select(jobs).where(jobs.c.id == bindparam("job"))
RETRY = (
    update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.retried_by.is_(None)).values(retried_by=bindparam("child"))
)
"""By whoever is the first."""
WRITTEN = tuple(name for name in jobs.c.keys() if name not in {*NOT_THE_HOLDERS, "retried_by"})  # noqa: SIM118
"""The columns of a new row."""


class Load(NamedTuple):
    """How many unfinished jobs there are."""

    by_member: Counter[int]
    by_server: Counter[int]


class Left(NamedTuple):
    """As much of a row that nobody holds as it takes to queue it again; there may be thousands."""

    id: str
    state: str
    provider: str
    user_id: int
    cancelled: bool
    refused: dict[str, Any] | None


class Ended(NamedTuple):
    """As much of a finished row as tells how well its providers work."""

    provider: str
    state: str
    seconds: float | None
    tried: list[dict[str, Any]]
    has_failed: bool
    asked: bool
    """False: it ended because its provider was known to be down."""


class JobStore:
    """Rows are written by whoever holds them: `claim` first, then `save`, then `release`."""

    def __init__(self, database: Database, bulletin: Bulletin) -> None:
        self._database = database
        self._bulletin = bulletin

    async def add(self, job: Job, owner: str | None = None, *, retry: bool = False) -> bool:
        """Write a new row, held by its owner; False where the id is another's, for an interaction may be replayed.

        retry: it asks for its parent again; False also where another job does.
        """
        row = _row(job) | {"owner": owner, "heartbeat": _now() if owner else None}
        insert = _add(self._database.dialect, retry)
        mark = [Do(RETRY, {"job": job.parent, "child": job.id})] if retry else []
        return (await self._database.run(*mark, Do(insert, row))).scalar() is not None

    async def take(self, id: str, owner: str) -> bool:
        """Hold a promised row, whoever has held it; False where there is none."""
        promised = update(jobs).where(jobs.c.id == id, jobs.c.state == State.PROMISED)
        return (await self._run(promised.values(owner=owner, heartbeat=_now()))).changed > 0

    async def discard(self, job: Job, owner: str) -> None:
        """Delete a held row; what it asked for again may be asked for by another."""
        child = jobs.alias()
        ours = exists().where(child.c.id == job.id, child.c.owner == owner)
        free = update(jobs).where(jobs.c.id == job.parent, jobs.c.retried_by == job.id, ours).values(retried_by=None)
        await self._run(free, delete(jobs).where(jobs.c.id == job.id, jobs.c.owner == owner))

    async def get(self, id: str) -> Job | None:
        found = _jobs(await self._database.look(Do(GET, {"job": id})))
        return found[0] if found else None

    async def claim(self, id: str, owner: str) -> Job | None:
        """Take an unfinished row that nobody holds; None where it is finished or held."""
        filled = {"job": id, "by": owner, "now": _now(), "dead": self._dead_since()}
        found = _jobs(await self._database.run(Do(CLAIM, filled)))
        return found[0] if found else None

    async def save(self, job: Job, owner: str, fields: Iterable[str] | None = None, *, release: bool = False) -> bool:
        """Write the given fields, or all, of a held row, and let go of it if asked; False where another has it."""
        row = _row(job, fields)
        filled = {f"new_{name}": value for name, value in row.items()}
        statement = _save(tuple(row), release)
        return (await self._database.run(Do(statement, {**filled, "job": job.id, "by": owner}))).changed > 0

    async def release(self, id: str, owner: str) -> None:
        await self._database.run(Do(RELEASE, {"job": id, "by": owner}))

    async def beat(self, owners: Collection[str]) -> Sequence[str]:
        """Say that the holders of these rows are alive; which of the rows are wanted no more."""
        alive = update(jobs).where(jobs.c.owner.in_(owners)).values(heartbeat=_now())
        unwanted = select(jobs.c.id).where(jobs.c.owner.in_(owners), jobs.c.cancelled)
        return (await self._run(alive, unwanted)).scalars()

    async def disown(self) -> None:
        """Free every row: for a process that knows that it is the only one."""
        await self._run(update(jobs).where(jobs.c.owner.is_not(None)).values(owner=None, heartbeat=None))

    async def cancel(self, id: str) -> bool:
        """Tell whoever holds the row, or will, that it is wanted no more; False where it has its outcome."""
        notice = self._bulletin.notice(CANCELLED, id)
        mark = update(jobs).where(jobs.c.id == id, jobs.c.state.in_(UNDECIDED)).values(cancelled=True)
        return (await self._run(*notice, mark.returning(jobs.c.id))).scalar() is not None

    async def abandoned(self) -> Sequence[Left]:
        """Unfinished rows that nobody holds, oldest first."""
        return await self._left(self._nobodys())

    async def orphaned(self) -> Sequence[Left]:
        """Those of them whose holder has died, oldest first."""
        return await self._left(jobs.c.heartbeat < self._dead_since())

    async def _left(self, *where: ColumnElement[bool]) -> Sequence[Left]:
        columns = jobs.c.id, jobs.c.state, jobs.c.provider, jobs.c.user_id, jobs.c.cancelled, jobs.c.refused
        found = await self._run(select(*columns).where(UNDER_WAY, *where).order_by(jobs.c.created))
        return [Left(**row) for row in found.rows]

    async def unfinished(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """A member's or a server's jobs under way, oldest first."""
        return await self._read(_whose(user_id, guild_id), UNDER_WAY)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's pictures that Discord would not take: those least often refused first, then the oldest."""
        found = await self._read(jobs.c.user_id == user_id, jobs.c.parked.is_(True), jobs.c.state == State.DRAWN)
        return sorted(found, key=lambda job: job.refused.times if job.refused else 0)

    async def load(self) -> Load:
        """Of the jobs that are not drawn yet."""
        query = select(jobs.c.user_id, jobs.c.guild_id, func.count()).where(jobs.c.state.in_(UNDECIDED))
        load = Load(Counter(), Counter())
        for row in (await self._run(query.group_by(jobs.c.user_id, jobs.c.guild_id))).rows:
            user, guild, count = row.values()
            load.by_member[user] += count
            load.by_server[guild] += count
        return load

    async def uploads(self) -> set[str]:
        """The ids of the jobs whose images are wanted by what is under way: Again takes those of its parent."""
        key = jobs.c.request["image", "key"].as_string()
        keys = (await self._run(select(key).where(UNDER_WAY))).scalars()
        ids = (await self._run(select(jobs.c.id).where(UNDER_WAY))).scalars()
        return {*ids, *(key.split("/")[1] for key in keys if key)}

    async def depth(self) -> Sequence[tuple[str, str, int]]:
        """Provider, state and number of the unfinished jobs."""
        query = select(jobs.c.provider, jobs.c.state, func.count()).where(UNDER_WAY)
        rows = (await self._run(query.group_by(jobs.c.provider, jobs.c.state))).rows
        return [(provider, state, count) for provider, state, count in (row.values() for row in rows)]

    async def ended(self, since: datetime) -> Sequence[Ended]:
        """The latest jobs that are drawn or have failed, newest first, of all members."""
        columns = jobs.c.provider, jobs.c.state, jobs.c.seconds, jobs.c.tried, jobs.c.failure
        found = await self._run(
            select(*columns).where(OVER, jobs.c.created > since).order_by(jobs.c.created.desc()).limit(LATEST)
        )
        return [_ended(dict(row)) for row in found.rows]

    async def forget(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[str]:
        """Delete the finished and the parked rows of a member or a server; their ids."""
        return (await self._run(delete(jobs).where(_whose(user_id, guild_id), OVER).returning(jobs.c.id))).scalars()

    def _nobodys(self) -> ColumnElement[bool]:
        return or_(jobs.c.owner.is_(None), jobs.c.heartbeat < self._dead_since())

    def _dead_since(self) -> datetime:
        return _now() - STALE if self._database.steady() > STALE.total_seconds() else NEVER

    async def _read(self, *where: ColumnElement[bool]) -> list[Job]:
        return _jobs(await self._database.look(Do(select(jobs).where(*where).order_by(jobs.c.created))))

    async def expire(self) -> None:
        """Delete the finished and the parked rows that nobody will ask for any more, some at a time."""
        some = select(jobs.c.id).where(jobs.c.created < _now() - KEPT, OVER).limit(AT_ONCE)
        gone = AT_ONCE
        while gone == AT_ONCE:
            gone = (await self._run(delete(jobs).where(jobs.c.id.in_(some)))).changed

    async def _run(self, *statements: Executable) -> Done:
        return await self._database.run(*map(Do, statements))


@cache
def _add(dialect: str, retry: bool) -> Executable:
    """What is written twice, because a commit got lost on its way back, is still the owner's."""
    insert = insert_for(dialect)(jobs)
    if retry:
        row = [bindparam(name, type_=jobs.c[name].type).label(name) for name in WRITTEN]
        marked = jobs.c.id == bindparam("parent", type_=String), jobs.c.retried_by == bindparam("id", type_=String)
        insert = insert.from_select(WRITTEN, select(*row).where(exists().where(*marked)))
    ours = jobs.c.owner == insert.excluded.owner
    return insert.on_conflict_do_update(index_elements=["id"], set_={"owner": jobs.c.owner}, where=ours).returning(
        jobs.c.id
    )


@cache
def _save(names: tuple[str, ...], release: bool) -> Executable:
    free: dict[str, Any] = {"owner": None, "heartbeat": None} if release else {}
    filled: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return HELD.values(filled | free)


def _whose(user_id: int | None, guild_id: int | None) -> ColumnElement[bool]:
    return jobs.c.user_id == user_id if user_id is not None else jobs.c.guild_id == guild_id


def _row(job: Job, fields: Iterable[str] | None = None) -> dict[str, Any]:
    names = set(Job.model_fields if fields is None else fields) - NOT_THE_HOLDERS
    return job.model_dump(include=names - NESTED) | job.model_dump(mode="json", include=names & NESTED)


def _jobs(done: Done) -> list[Job]:
    return [Job.model_validate(readable(dict(row))) for row in done.rows]


def _ended(row: dict[str, Any]) -> Ended:
    failure = row["failure"]
    asked = failure is None or kind_of(failure) not in ("Down", "Paused")
    return Ended(row["provider"], row["state"], row["seconds"], row["tried"], failure is not None, asked)


def _now() -> datetime:
    return datetime.now(UTC)
