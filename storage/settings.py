"""What the admins of each server have chosen, and the bot's own notes."""

from collections.abc import Mapping

from sqlalchemy import Table, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from domain import Settings
from storage.statements import run
from storage.tables import guild_settings, meta


class SettingsStore:
    """Read from memory after the first time, written through."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._known: dict[int, Settings] = {}

    async def get(self, guild_id: int | None) -> Settings:
        """A server's settings; the bot's defaults in a direct message."""
        if guild_id is None:
            return Settings()
        if guild_id not in self._known:
            self._known[guild_id] = await self._load(guild_id)
        return self._known[guild_id]

    async def set(self, guild_id: int, settings: Settings) -> None:
        row = {"guild_id": guild_id, "settings": settings.model_dump(mode="json")}
        await _replace(self._engine, guild_settings, row)
        self._known[guild_id] = settings

    async def forget(self, guild_id: int) -> None:
        await run(self._engine, delete(guild_settings).where(guild_settings.c.guild_id == guild_id))
        self._known.pop(guild_id, None)

    async def _load(self, guild_id: int) -> Settings:
        query = select(guild_settings.c.settings).where(guild_settings.c.guild_id == guild_id)
        return Settings.model_validate((await run(self._engine, query)).scalar() or {})


class Meta:
    """Small facts that outlive a restart, such as the hash of the commands that Discord knows."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def get(self, key: str) -> str | None:
        return (await run(self._engine, select(meta.c.value).where(meta.c.key == key))).scalar()

    async def set(self, key: str, value: str) -> None:
        await _replace(self._engine, meta, {"key": key, "value": value})


async def _replace(engine: AsyncEngine, table: Table, row: Mapping[str, object]) -> None:
    key = next(iter(table.primary_key))
    await run(engine, delete(table).where(key == row[key.name]), insert(table).values(row))
