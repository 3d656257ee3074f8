"""Outages of providers, shared by all processes on a database."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Executable, RowMapping, and_, delete, or_, select, update

from domain.errors import OutageKind
from storage.database import Database, Result, Statement
from storage.dialects import insert_for
from storage.notifications import Notifications
from storage.tables import outages

OUTAGES_TOPIC = "outages"
"""Topic of the notifications."""


class Outage(NamedTuple):
    """An open circuit: no job asks the provider before `until`, and then one job does, the probe."""

    provider: str
    kind: OutageKind
    """Of the error that it failed with."""
    since: datetime
    until: datetime
    pause: float
    """Back-off in seconds, longer after each failed probe; 0 if the provider named the pause itself."""
    generation: int = 0
    """Grows with each failure that extends the outage; a probe of an older one is stale."""
    probing: bool = False
    """Half-open: a probe is under way, and other jobs wait for it until `until`."""


class OutageStore:
    """The table of outages."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._notifications = notifications

    async def all(self) -> Sequence[Outage]:
        return [_outage(row) for row in (await self._database.run(Statement(select(outages)))).rows]

    async def write(self, outage: Outage) -> Outage | None:
        """Store an outage unless a newer one is stored; the stored outage, or None if it was not written."""
        row = outage._asdict()
        later = {name: row[name] for name in ("kind", "until", "pause", "generation", "probing")}
        insert = insert_for(self._database.dialect)(outages).values(row)
        new, old = insert.excluded, outages.c
        same_generation = old.generation == new.generation
        is_newer = or_(old.generation < new.generation, and_(same_generation, old.until <= new.until))
        upsert = insert.on_conflict_do_update(index_elements=["provider"], set_=later, where=is_newer)
        written = await self._change(outage.provider, upsert.returning(outages))
        return _outage(written.rows[0]) if written.rows else None

    async def begin_probe(self, outage: Outage, until: datetime) -> bool:
        """True for the first caller after the back-off, whose job is the probe until `until`."""
        # Idempotent: a commit whose response was lost is retried, and finds its own mark.
        where = outages.c.provider == outage.provider, outages.c.until.in_((outage.until, until))
        probing = update(outages).where(*where).values(until=until, probing=True).returning(outages.c.provider)
        return (await self._change(outage.provider, probing)).scalar() is not None

    async def allow_probe(self, outage: Outage, now: datetime) -> bool:
        """End the probe, so that the next may begin at once; False if the stored outage has changed."""
        where = _same(outage, "provider", "since", "generation", "until")
        freed = update(outages).where(*where).values(until=now, probing=False).returning(outages.c.provider)
        return (await self._change(outage.provider, freed)).scalar() is not None

    async def end_probes(self, now: datetime) -> None:
        """End all probes; only for a process that has the database to itself."""
        await self._database.run(Statement(update(outages).where(outages.c.probing).values(until=now, probing=False)))

    async def end(self, outage: Outage) -> bool:
        """Delete an outage; False if the stored one has a newer generation, or is another."""
        deleted = delete(outages).where(*_same(outage, "provider", "since", "generation"))
        return (await self._change(outage.provider, deleted.returning(outages.c.provider))).scalar() is not None

    async def _change(self, provider: str, statement: Executable) -> Result:
        """Run the statement, and notify the other processes in the same transaction."""
        return await self._database.run(
            *map(Statement, self._notifications.notify(OUTAGES_TOPIC, provider)), Statement(statement)
        )


def _outage(row: RowMapping) -> Outage:
    return Outage(**{key: row[column.name] for key, column in outages.c.items()})


def _same(outage: Outage, *fields: str) -> list[ColumnElement[bool]]:
    return [outages.c[field] == getattr(outage, field) for field in fields]
