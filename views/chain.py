"""Who takes over when a provider cannot draw: a server's chain, put together link by link."""

from collections.abc import Awaitable, Callable, Mapping

import discord

from domain import Settings
from providers.kit.base import Provider
from storage.settings import Edit, SettingsStore
from views.limits import CHOICES
from views.origins import Interaction
from views.panels import Look, ManagersPanel, Page

EMPTY = "Nobody: what a provider cannot draw ends with a sentence that says why."
RULES = (
    "-# They are asked in this order when a provider is down, over its limit or late, and can draw what was asked for. "
    "The result says who drew. What may have been paid for is never ordered twice, and what one has refused for its "
    "content is not handed to another."
)


class ChainPanel(ManagersPanel):
    """The links of one chain; each change is saved, and told to whoever showed the old one."""

    def __init__(
        self,
        guild_id: int,
        settings: SettingsStore,
        providers: Mapping[str, Provider],
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__(guild_id)
        self._settings = settings
        self._providers = providers
        self._changed = changed

    async def save(self, interaction: Interaction, edit: Edit) -> None:
        await interaction.response.defer()
        await self._settings.change(self._guild_id, edit)
        try:
            await self.redraw(interaction)
        finally:
            await self._changed()

    async def draw(self) -> Page:
        now = await self._settings.get(self._guild_id)
        rest = {name: each.title for name, each in self._providers.items() if name not in now.chain}
        items = [
            *([Next(rest)] if rest else []),
            Shorten("Remove the last", keep=-1, disabled=not now.chain),
            Shorten("Remove all", keep=0, disabled=not now.chain),
        ]
        lines = [f"{place}. {name}" for place, name in enumerate(titles(now, self._providers), 1)]
        return Page("\n".join(["**Who takes over on this server**", *(lines or [EMPTY]), RULES]), items)


class Next(discord.ui.Select[Look[ChainPanel]]):
    """Adds one to the end."""

    def __init__(self, offered: Mapping[str, str]) -> None:
        super().__init__(custom_id="chain:next", placeholder="Add who is asked next")
        for name, title in list(offered.items())[:CHOICES]:
            self.add_option(label=title, value=name)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            name = self.values[0]
            await self.view.panel.save(interaction, lambda now: now.having(chain=(*_without(now, name), name)))


class Shorten(discord.ui.Button[Look[ChainPanel]]):
    def __init__(self, label: str, *, keep: int, disabled: bool) -> None:
        super().__init__(label=label, custom_id=f"chain:keep:{keep}", disabled=disabled)
        self._keep = keep

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.save(interaction, lambda now: now.having(chain=now.chain[: self._keep]))


def _without(now: Settings, name: str) -> list[str]:
    return [each for each in now.chain if each != name]


def titles(now: Settings, providers: Mapping[str, Provider]) -> list[str]:
    """The chain in words; what the host has switched off since is passed over when somebody has to take over."""
    return [providers[name].title if name in providers else f"`{name}` (switched off)" for name in now.chain]
