"""Small facts under a key, such as which commands Discord knows."""

from sqlalchemy import Executable, delete, select

from storage.database import Database, Do
from storage.dialects import insert_for
from storage.tables import meta


class Meta:
    """Small facts that outlive a restart, such as the hash of the commands that Discord knows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, key: str) -> str | None:
        return (await self._database.read(Do(_value(key)))).scalar()

    async def ping(self) -> None:
        """Ask the database something through its writers; raises where it does not answer."""
        await self._database.run(Do(_value("")))

    async def set(self, key: str, value: str) -> None:
        insert = insert_for(self._database.dialect)(meta).values(key=key, value=value)
        await self._database.run(Do(insert.on_conflict_do_update(index_elements=[meta.c.key], set_={"value": value})))

    async def expire(self, prefix: str, before: str) -> None:
        """Delete the keys that begin with the prefix and have a smaller value."""
        old = delete(meta).where(meta.c.key.startswith(prefix, autoescape=True), meta.c.value < before)
        await self._database.run(Do(old))


def _value(key: str) -> Executable:
    return select(meta.c.value).where(meta.c.key == key)
