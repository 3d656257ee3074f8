"""The settings of each server."""

import asyncio
from collections.abc import Callable

from sqlalchemy import delete, select, update

from domain import Settings
from storage.database import Database, FromResult, Result, Statement
from storage.dialects import insert_for
from storage.notifications import Notifications
from storage.tables import guild_settings

SETTINGS_TOPIC = "settings"

Edit = Callable[[Settings], Settings]
"""Returns the new settings for the current ones; must be idempotent, for it may be called more than once."""


class SettingsStore:
    """A write-through cache of the settings table, invalidated when another process writes."""

    def __init__(self, database: Database, notifications: Notifications) -> None:
        self._database = database
        self._notifications = notifications
        self._cache: dict[int, Settings] = {}
        self._loading: dict[int, asyncio.Task[Settings]] = {}
        """Concurrent callers share one query; one that starts after a change does not share an older query."""
        self._changes = 0
        """Number of changes so far: a query during which it grew may have read a stale row."""
        notifications.subscribe(SETTINGS_TOPIC, self._invalidate)

    async def get(self, guild_id: int | None) -> Settings:
        """A server's settings; the bot's defaults in a direct message."""
        if guild_id is None:
            return Settings()
        if guild_id in self._cache:
            return self._cache[guild_id]
        if guild_id not in self._loading:
            self._loading[guild_id] = asyncio.create_task(self._load_into_cache(guild_id))
        return await asyncio.shield(self._loading[guild_id])

    async def change(self, guild_id: int, edit: Edit) -> None:
        """Edit the settings under a row lock: of two concurrent edits, in any process, neither is lost."""
        is_guild = guild_settings.c.guild_id == guild_id
        default_row = insert_for(self._database.dialect)(guild_settings).values(guild_id=guild_id, settings={})

        def write(found: Result) -> Statement:
            edited = edit(Settings.model_validate(found.scalar()))
            return Statement(update(guild_settings).where(is_guild).values(settings=edited.model_dump(mode="json")))

        await self._database.run(
            *map(Statement, self._notifications.notify(SETTINGS_TOPIC, str(guild_id))),
            Statement(default_row.on_conflict_do_nothing()),
            Statement(select(guild_settings.c.settings).where(is_guild).with_for_update()),
            FromResult(write),
        )
        self._invalidate(str(guild_id))

    async def set(self, guild_id: int, settings: Settings) -> None:
        """Replace all settings of a server."""
        await self.change(guild_id, lambda _: settings)

    async def delete(self, guild_id: int) -> None:
        deleted = delete(guild_settings).where(guild_settings.c.guild_id == guild_id)
        await self._database.run(
            Statement(deleted), *map(Statement, self._notifications.notify(SETTINGS_TOPIC, str(guild_id)))
        )
        self._invalidate(str(guild_id))

    def _invalidate(self, guild_id: str | None) -> None:
        self._changes += 1
        if guild_id is None:
            self._cache.clear()
            self._loading.clear()
        else:
            self._cache.pop(int(guild_id), None)
            self._loading.pop(int(guild_id), None)

    async def _load_into_cache(self, guild_id: int) -> Settings:
        try:
            changes = self._changes
            settings = await self._load(guild_id)
            if changes == self._changes:
                self._cache[guild_id] = settings
            return settings
        finally:
            if self._loading.get(guild_id) is asyncio.current_task():
                del self._loading[guild_id]

    async def _load(self, guild_id: int) -> Settings:
        query = select(guild_settings.c.settings).where(guild_settings.c.guild_id == guild_id)
        return Settings.model_validate((await self._database.read(Statement(query))).scalar() or {})
