"""What the admins of each server have chosen."""

import asyncio
from collections.abc import Callable

from sqlalchemy import delete, select, update

from domain import Settings
from storage.bulletin import Bulletin
from storage.database import Database, Do, Done, Then
from storage.dialects import insert_for
from storage.tables import guild_settings

CHANGED = "settings"

Edit = Callable[[Settings], Settings]
"""From what is in force to what shall be; it may be called more than once."""


class SettingsStore:
    """Read from memory after the first time, written through, and forgotten when another process writes."""

    def __init__(self, database: Database, bulletin: Bulletin) -> None:
        self._database = database
        self._bulletin = bulletin
        self._known: dict[int, Settings] = {}
        self._loading: dict[int, asyncio.Task[Settings]] = {}
        """All who ask at once share one look; who asks after a change shares none from before it."""
        self._changes = 0
        """How many there were: what was being read while one came in may be old."""
        bulletin.on(CHANGED, self._changed)

    async def get(self, guild_id: int | None) -> Settings:
        """A server's settings; the bot's defaults in a direct message."""
        if guild_id is None:
            return Settings()
        if guild_id in self._known:
            return self._known[guild_id]
        if guild_id not in self._loading:
            self._loading[guild_id] = asyncio.create_task(self._remember(guild_id))
        return await asyncio.shield(self._loading[guild_id])

    async def change(self, guild_id: int, edit: Edit) -> None:
        """Edit what is in force at the moment of writing: of two who do so at once, in any process, neither loses."""
        mine = guild_settings.c.guild_id == guild_id
        none = insert_for(self._database.dialect)(guild_settings).values(guild_id=guild_id, settings={})

        def write(found: Done) -> Do:
            edited = edit(Settings.model_validate(found.scalar()))
            return Do(update(guild_settings).where(mine).values(settings=edited.model_dump(mode="json")))

        await self._database.run(
            *map(Do, self._bulletin.notice(CHANGED, str(guild_id))),
            Do(none.on_conflict_do_nothing()),
            Do(select(guild_settings.c.settings).where(mine).with_for_update()),
            Then(write),
        )
        self._changed(str(guild_id))

    async def set(self, guild_id: int, settings: Settings) -> None:
        """All of them, whatever they were."""
        await self.change(guild_id, lambda _: settings)

    async def forget(self, guild_id: int) -> None:
        away = delete(guild_settings).where(guild_settings.c.guild_id == guild_id)
        await self._database.run(Do(away), *map(Do, self._bulletin.notice(CHANGED, str(guild_id))))
        self._changed(str(guild_id))

    def _changed(self, guild_id: str | None) -> None:
        self._changes += 1
        if guild_id is None:
            self._known.clear()
            self._loading.clear()
        else:
            self._known.pop(int(guild_id), None)
            self._loading.pop(int(guild_id), None)

    async def _remember(self, guild_id: int) -> Settings:
        try:
            changes = self._changes
            settings = await self._load(guild_id)
            if changes == self._changes:
                self._known[guild_id] = settings
            return settings
        finally:
            if self._loading.get(guild_id) is asyncio.current_task():
                del self._loading[guild_id]

    async def _load(self, guild_id: int) -> Settings:
        query = select(guild_settings.c.settings).where(guild_settings.c.guild_id == guild_id)
        return Settings.model_validate((await self._database.read(Do(query))).scalar() or {})
