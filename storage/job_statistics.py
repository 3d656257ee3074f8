"""Figures about the jobs table: for queue limits, the health of providers, and metrics."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Executable, func, select

from storage.database import Database, Result, Statement
from storage.job_store import IS_OVER, IS_UNDER_WAY, NOT_DRAWN
from storage.old_rows import failure_kind
from storage.tables import jobs

MAX_ENDED = 2000
"""Maximum number of rows that `ended_since` reads."""


class Load(NamedTuple):
    """How many jobs wait or are being drawn."""

    by_member: Counter[int]
    by_server: Counter[int]


class Ended(NamedTuple):
    """The columns of a finished row from which a provider's health is computed."""

    provider: str
    state: str
    seconds: float | None
    tried: list[dict[str, Any]]
    has_failed: bool
    asked: bool
    """False if its provider was known to be down and so was not asked."""


class JobStatistics:
    """Counts of jobs, and the outcomes of the latest ones."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_waiting(self) -> Load:
        """How many jobs of each member and of each server are not drawn yet."""
        query = select(jobs.c.user_id, jobs.c.guild_id, func.count()).where(jobs.c.state.in_(NOT_DRAWN))
        load = Load(Counter(), Counter())
        for row in (await self._run(query.group_by(jobs.c.user_id, jobs.c.guild_id))).rows:
            user, guild, count = row.values()
            load.by_member[user] += count
            load.by_server[guild] += count
        return load

    async def count_unfinished(self) -> Sequence[tuple[str, str, int]]:
        """Number of unfinished jobs, as (provider, state, number)."""
        query = select(jobs.c.provider, jobs.c.state, func.count()).where(IS_UNDER_WAY)
        rows = (await self._run(query.group_by(jobs.c.provider, jobs.c.state))).rows
        return [(provider, state, count) for provider, state, count in (row.values() for row in rows)]

    async def ended_since(self, since: datetime) -> Sequence[Ended]:
        """The latest jobs of all members that are finished or parked, newest first, at most `MAX_ENDED`."""
        columns = jobs.c.provider, jobs.c.state, jobs.c.seconds, jobs.c.tried, jobs.c.failure
        found = await self._run(
            select(*columns).where(IS_OVER, jobs.c.created > since).order_by(jobs.c.created.desc()).limit(MAX_ENDED)
        )
        return [_ended(dict(row)) for row in found.rows]

    async def _run(self, query: Executable) -> Result:
        return await self._database.run(Statement(query))


def _ended(row: dict[str, Any]) -> Ended:
    failure = row["failure"]
    asked = failure is None or failure_kind(failure) not in ("Down", "Paused")
    return Ended(row["provider"], row["state"], row["seconds"], row["tried"], failure is not None, asked)
