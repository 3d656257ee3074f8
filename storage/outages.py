"""Which providers are down: one truth for all processes on a database."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Executable, and_, delete, or_, select, update

from domain.errors import OutageKind
from storage.bulletin import Bulletin
from storage.database import Database, Do, Done
from storage.dialects import insert_for
from storage.tables import outages

CHANGED = "outages"


class Outage(NamedTuple):
    """A provider that is not asked before `until`, and then by one job."""

    provider: str
    kind: OutageKind
    """The error's."""
    since: datetime
    until: datetime
    pause: float
    """Seconds; the next is longer. 0 where the provider has said itself when to come again."""
    turn: int = 0
    """Generation of the outage; a probe with an older one is stale."""
    trying: bool = False
    """A job has been let in, and `until` is how long the others wait for it."""


class OutageStore:
    def __init__(self, database: Database, bulletin: Bulletin) -> None:
        self._database = database
        self._bulletin = bulletin

    async def all(self) -> Sequence[Outage]:
        return [Outage(**row) for row in (await self._database.run(Do(select(outages)))).rows]

    async def write(self, outage: Outage) -> Outage | None:
        """A new one, or a later end of one that is known, as it is now; None where another has written later news."""
        row = outage._asdict()
        later = {name: row[name] for name in ("kind", "until", "pause", "turn", "trying")}
        insert = insert_for(self._database.dialect)(outages).values(row)
        new, old = insert.excluded, outages.c
        is_news = or_(old.turn < new.turn, and_(old.turn == new.turn, old.until <= new.until))
        upsert = insert.on_conflict_do_update(index_elements=["provider"], set_=later, where=is_news)
        written = await self._change(outage.provider, upsert.returning(outages))
        return Outage(**written.rows[0]) if written.rows else None

    async def let_in(self, outage: Outage, now: datetime) -> bool:
        """The next may try at once; False where another has written since."""
        where = (getattr(outages.c, name) == getattr(outage, name) for name in ("provider", "since", "turn", "until"))
        mine = update(outages).where(*where).values(until=now, trying=False).returning(outages.c.provider)
        return (await self._change(outage.provider, mine)).scalar() is not None

    async def disown(self, now: datetime) -> None:
        """Nobody tries any more: for a process that knows that it is the only one."""
        await self._database.run(Do(update(outages).where(outages.c.trying).values(until=now, trying=False)))

    async def begin_probe(self, outage: Outage, until: datetime) -> bool:
        """True for the first who asks after the outage's end; the others wait until the new one."""
        # A commit whose answer got lost is made again, and finds its own mark.
        where = outages.c.provider == outage.provider, outages.c.until.in_((outage.until, until))
        mine = update(outages).where(*where).values(until=until, trying=True).returning(outages.c.provider)
        return (await self._change(outage.provider, mine)).scalar() is not None

    async def end(self, outage: Outage) -> bool:
        """False where it was told of again, or is another one."""
        where = (getattr(outages.c, name) == getattr(outage, name) for name in ("provider", "since", "turn"))
        gone = delete(outages).where(*where).returning(outages.c.provider)
        return (await self._change(outage.provider, gone)).scalar() is not None

    async def _change(self, provider: str, statement: Executable) -> Done:
        """In one transaction with the notice of it."""
        return await self._database.run(*map(Do, self._bulletin.notice(CHANGED, provider)), Do(statement))
