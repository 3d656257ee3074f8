"""A key-value table."""

from sqlalchemy import Executable, delete, select

from storage.database import Database, Statement
from storage.dialects import insert_for
from storage.tables import meta


class Meta:
    """Key-value pairs that survive a restart, such as the hash of the commands registered with Discord."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        return (await self._database.read(Statement(_value(key)))).scalar()

    async def ping(self) -> None:
        """Run a query through the writers; raises if the database does not answer."""
        await self._database.run(Statement(_value("")))

    async def set(self, key: str, value: str) -> None:
        insert = insert_for(self._database.dialect)(meta).values(key=key, value=value)
        await self._database.run(
            Statement(insert.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value}))
        )

    async def expire(self, prefix: str, before: str) -> None:
        """Delete the keys with the prefix whose value sorts below `before`."""
        old = delete(meta).where(meta.c.key.startswith(prefix, autoescape=True), meta.c.value < before)
        await self._database.run(Statement(old))


def _value(key: str) -> Executable:
    return select(meta.c.value).where(meta.c.key == key)
