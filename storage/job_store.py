"""The jobs table, the source of truth about every job, and the leases on its rows."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
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
    case,
    delete,
    exists,
    func,
    or_,
    select,
    update,
)

from domain import UNFINISHED, Job, State
from domain.jobs import Finished
from storage.database import Database, Result, Statement
from storage.dialects import insert_for
from storage.notifications import Notifications
from storage.old_rows import read_job, with_images
from storage.tables import jobs

COLUMNS = [column.label(column.key) for column in jobs.c]
"""Labelled with the names of a job's fields, where a column has another name."""
JSON_COLUMNS = {column.key for column in jobs.c if isinstance(column.type, JSON)}
NOT_WRITTEN_BY_HOLDER = {"cancelled"}
"""Fields that other processes may write while a row is held."""
LEASE_TIMEOUT = timedelta(seconds=30)
"""A lease without a heartbeat for so long has expired, unless the database was unreachable meanwhile."""
DELETE_BATCH_SIZE = 500
"""Maximum number of rows deleted in one statement, during which other writers wait."""
RETENTION = timedelta(days=90)
"""How long finished jobs are kept, and so how long the buttons below a picture work."""
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
CANCELLED_TOPIC = "cancelled"
IS_UNDER_WAY = and_(jobs.c.state.in_(UNFINISHED), jobs.c.parked.is_(False))
IS_OVER = or_(jobs.c.state.not_in(UNFINISHED), jobs.c.parked.is_(True))
"""Finished, or parked: a parked job has its pictures, which wait until its owner asks for them."""
NOT_DRAWN = tuple(state for state in UNFINISHED if state is not State.DRAWN)

# Built once, with parameters for each job: building a statement takes longer than running it.
IS_FREE = or_(jobs.c.owner.is_(None), jobs.c.heartbeat < bindparam("stale_before"), jobs.c.owner == bindparam("holder"))
CLAIM = (
    update(jobs)
    .where(jobs.c.id == bindparam("job"), jobs.c.state.in_(UNFINISHED), IS_FREE)
    .values(owner=bindparam("holder"), heartbeat=bindparam("now"))
    .returning(*COLUMNS)
)
UPDATE_HELD = update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.owner == bindparam("holder"))
RELEASE = UPDATE_HELD.values(owner=None, heartbeat=None)
GET = select(*COLUMNS).where(jobs.c.id == bindparam("job"))
MARK_RETRIED = (
    update(jobs).where(jobs.c.id == bindparam("job"), jobs.c.retried_by.is_(None)).values(retried_by=bindparam("child"))
)
"""Changes a row only the first time: of several retries of a job, one is accepted."""
NEW_ROW_COLUMNS = tuple(name for name in jobs.c.keys() if name not in {*NOT_WRITTEN_BY_HOLDER, "retried_by"})  # noqa: SIM118
"""The columns that a new row sets."""


class Unfinished(NamedTuple):
    """The columns of an unheld row that are needed to queue it again; there may be thousands."""

    id: str
    state: str
    provider: str
    user_id: int
    cancelled: bool
    refused: dict[str, Any] | None


class JobStore:
    """Only the holder of a row's lease writes it: `claim` first, then `save`, then `release`."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._notifications = notifications

    async def add(self, job: Job, owner: str | None = None, *, retry: bool = False) -> bool:
        """Write a new row, held by its owner; False if the id is taken, as when Discord replays an interaction.

        retry: the job repeats its parent; False also if another job repeats it already.
        """
        row = _row(job) | {"owner": owner, "heartbeat": _now() if owner else None}
        insert = _insert_statement(self._database.dialect, retry)
        mark = [Statement(MARK_RETRIED, {"job": job.parent, "child": job.id})] if retry else []
        return (await self._database.run(*mark, Statement(insert, row))).scalar() is not None

    async def take_promised(self, id: str, owner: str) -> bool:
        """Take the lease of a promised row, even from its holder; False if there is no such row."""
        promised = update(jobs).where(jobs.c.id == id, jobs.c.state == State.PROMISED)
        return (await self._run(promised.values(owner=owner, heartbeat=_now()))).changed > 0

    async def discard(self, job: Job, owner: str) -> None:
        """Delete a held row; if it was a retry, its parent may be retried again."""
        child = jobs.alias()
        is_held = exists().where(child.c.id == job.id, child.c.owner == owner)
        free = update(jobs).where(jobs.c.id == job.parent, jobs.c.retried_by == job.id, is_held).values(retried_by=None)
        await self._run(free, delete(jobs).where(jobs.c.id == job.id, jobs.c.owner == owner))

    async def get(self, id: str) -> Job | None:
        found = _jobs(await self._database.read(Statement(GET, {"job": id})))
        return found[0] if found else None

    async def claim(self, id: str, owner: str) -> Job | None:
        """Take the lease of an unfinished row; None if it is finished or held."""
        filled = {"job": id, "holder": owner, "now": _now(), "stale_before": self._stale_before()}
        result = await self._database.run(Statement(CLAIM, filled))
        if found := _jobs(result):
            return found[0]
        if result.rows:  # unreadable: parked, or it would be claimed again and again; its pictures stay in the spool
            ours = update(jobs).where(jobs.c.id == id, jobs.c.owner == owner)
            await self._run(ours.values(parked=True, reply_token=None, owner=None, heartbeat=None))
        return None

    async def save(self, job: Job, owner: str, fields: Iterable[str] | None = None, *, release: bool = False) -> bool:
        """Write the given fields, or all, of a held row; False if another owner holds it. release: end the lease."""
        row = _row(job, fields)
        filled = {f"new_{name}": value for name, value in row.items()}
        statement = _update_statement(tuple(row), release)
        return (await self._database.run(Statement(statement, {**filled, "job": job.id, "holder": owner}))).changed > 0

    async def release(self, id: str, owner: str) -> None:
        await self._database.run(Statement(RELEASE, {"job": id, "holder": owner}))

    async def heartbeat(self, owners: Collection[str]) -> Sequence[str]:
        """Renew the leases of these owners; the ids of their rows that have been cancelled."""
        renewed = update(jobs).where(jobs.c.owner.in_(owners)).values(heartbeat=_now())
        cancelled = select(jobs.c.id).where(jobs.c.owner.in_(owners), jobs.c.cancelled)
        return (await self._run(renewed, cancelled)).scalars()

    async def release_all(self) -> None:
        """End every lease; only for a process that has the database to itself."""
        await self._run(update(jobs).where(jobs.c.owner.is_not(None)).values(owner=None, heartbeat=None))

    async def cancel(self, id: str) -> bool:
        """Mark a row as cancelled and notify its holder; False if its outcome is decided."""
        notice = self._notifications.notify(CANCELLED_TOPIC, id)
        mark = update(jobs).where(jobs.c.id == id, jobs.c.state.in_(NOT_DRAWN)).values(cancelled=True)
        return (await self._run(*notice, mark.returning(jobs.c.id))).scalar() is not None

    async def unheld(self) -> Sequence[Unfinished]:
        """Unfinished rows without a lease, oldest first."""
        return await self._unfinished(self._is_unheld())

    async def orphaned(self) -> Sequence[Unfinished]:
        """Unfinished rows whose lease has expired, oldest first."""
        return await self._unfinished(jobs.c.heartbeat < self._stale_before())

    async def _unfinished(self, *where: ColumnElement[bool]) -> Sequence[Unfinished]:
        columns = jobs.c.id, jobs.c.state, jobs.c.provider, jobs.c.user_id, jobs.c.cancelled, jobs.c.refused
        found = await self._run(select(*columns).where(IS_UNDER_WAY, *where).order_by(jobs.c.created))
        return [Unfinished(**row) for row in found.rows]

    async def unfinished(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[Job]:
        """The jobs under way of a member or a server, oldest first."""
        return await self._read(_belongs_to(user_id, guild_id), IS_UNDER_WAY)

    async def parked(self, user_id: int) -> Sequence[Job]:
        """A member's jobs whose pictures Discord has refused: those least often refused first, then the oldest."""
        found = await self._read(jobs.c.user_id == user_id, jobs.c.parked.is_(True), jobs.c.state == State.DRAWN)
        return sorted(found, key=lambda job: job.refused.times if job.refused else 0)

    async def ids_with_needed_uploads(self) -> set[str]:
        """Ids of the jobs whose stored images a job under way needs: Again uses those of its parent."""
        files = (jobs.c.request[name].label(name) for name in ("images", "image", "mask"))
        rows = (await self._run(select(jobs.c.id, *files).where(IS_UNDER_WAY))).rows
        return {row["id"] for row in rows} | {key.split("/")[1] for row in rows for key in _upload_keys(dict(row))}

    async def delete_finished(self, *, user_id: int | None = None, guild_id: int | None = None) -> Sequence[str]:
        """Delete the finished and the parked rows of a member or a server; their ids."""
        return (
            await self._run(delete(jobs).where(_belongs_to(user_id, guild_id), IS_OVER).returning(jobs.c.id))
        ).scalars()

    async def count_finished(self, user_id: int) -> Finished:
        """The rows of a member that `delete_finished` would delete."""
        waiting = func.sum(case((jobs.c.parked.is_(True), 1), else_=0))
        mine = select(func.count().label("requests"), waiting.label("waiting")).where(
            jobs.c.user_id == user_id, IS_OVER
        )
        (row,) = (await self._run(mine)).rows
        return Finished(row["requests"], row["waiting"] or 0)

    def _is_unheld(self) -> ColumnElement[bool]:
        return or_(jobs.c.owner.is_(None), jobs.c.heartbeat < self._stale_before())

    def _stale_before(self) -> datetime:
        return (
            _now() - LEASE_TIMEOUT if self._database.seconds_since_failure() > LEASE_TIMEOUT.total_seconds() else NEVER
        )

    async def _read(self, *where: ColumnElement[bool]) -> list[Job]:
        return _jobs(await self._database.read(Statement(select(*COLUMNS).where(*where).order_by(jobs.c.created))))

    async def delete_old(self) -> None:
        """Delete the finished and the parked rows that are older than `RETENTION`, in batches."""
        batch = select(jobs.c.id).where(jobs.c.created < _now() - RETENTION, IS_OVER).limit(DELETE_BATCH_SIZE)
        deleted = DELETE_BATCH_SIZE
        while deleted == DELETE_BATCH_SIZE:
            deleted = (await self._run(delete(jobs).where(jobs.c.id.in_(batch)))).changed

    async def _run(self, *statements: Executable) -> Result:
        return await self._database.run(*map(Statement, statements))


@cache
def _insert_statement(dialect: str, retry: bool) -> Executable:
    """Idempotent: after a commit whose response was lost, the same owner's insert succeeds again."""
    insert = insert_for(dialect)(jobs)
    if retry:
        row = [bindparam(name, type_=jobs.c[name].type).label(name) for name in NEW_ROW_COLUMNS]
        marked = jobs.c.id == bindparam("parent", type_=String), jobs.c.retried_by == bindparam("id", type_=String)
        insert = insert.from_select(NEW_ROW_COLUMNS, select(*row).where(exists().where(*marked)))
    is_same = jobs.c.owner == insert.excluded.owner
    return insert.on_conflict_do_update(index_elements=["id"], set_={"owner": jobs.c.owner}, where=is_same).returning(
        jobs.c.id
    )


@cache
def _update_statement(names: tuple[str, ...], release: bool) -> Executable:
    lease: dict[str, Any] = {"owner": None, "heartbeat": None} if release else {}
    fields: dict[str, Any] = {name: bindparam(f"new_{name}") for name in names}
    return UPDATE_HELD.values(fields | lease)


def _belongs_to(user_id: int | None, guild_id: int | None) -> ColumnElement[bool]:
    return jobs.c.user_id == user_id if user_id is not None else jobs.c.guild_id == guild_id


def _row(job: Job, fields: Iterable[str] | None = None) -> dict[str, Any]:
    names = set(Job.model_fields if fields is None else fields) - NOT_WRITTEN_BY_HOLDER
    return job.model_dump(include=names - JSON_COLUMNS) | job.model_dump(mode="json", include=names & JSON_COLUMNS)


def _jobs(result: Result) -> list[Job]:
    """The jobs in their order, without rows that cannot be read."""
    return [job for row in result.rows if (job := read_job(dict(row)))]


def _upload_keys(request: Mapping[str, Any]) -> Iterator[str]:
    """The spool's keys of a request's files."""
    upgraded = with_images(request)
    for upload in (*upgraded["images"], upgraded["mask"]):
        if upload and upload["key"]:
            yield upload["key"]


def _now() -> datetime:
    return datetime.now(UTC)
