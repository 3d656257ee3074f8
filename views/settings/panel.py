"""The message of /settings: a start page with all values, and a page for each section."""

from collections.abc import Sequence
from typing import Any

import discord

from domain import find_model
from storage.settings import Edit, SettingsStore
from studio.catalogue import Catalogue
from views.interactions import Interaction
from views.limits import MESSAGE_CHARACTERS
from views.panel import PAGE_EXPIRED, Page, Panel, PanelView
from views.reporter import NO_RIGHT, answer_privately
from views.settings.setting import Context, Section
from views.wording.text import escape, fit_lines, say

TITLE = "Settings of this server"
NOT_SUPPORTED = "-# {model} does not have: {settings}."
NAVIGATION_ROW = 4
"""The last of a message's five rows of items."""


class SettingsPanel(Panel):
    """The settings of one server; each choice is saved at once and the page is redrawn."""

    def __init__(self, guild_id: int, store: SettingsStore, catalogue: Catalogue, sections: Sequence[Section]) -> None:
        super().__init__()
        self._guild_id = guild_id
        self._store = store
        self._catalogue = catalogue
        self._sections = sections
        self._open_section: Section | None = None
        """None: the start page."""
        self._menu_pages: dict[str, int] = {}

    async def allows(self, interaction: Interaction) -> bool:
        """Checks the right again: it may have been revoked since the panel was opened."""
        if interaction.permissions.manage_guild and interaction.guild_id == self._guild_id:
            return True
        await answer_privately(interaction, NO_RIGHT)
        return False

    async def save(self, interaction: Interaction, edit: Edit) -> None:
        await interaction.response.defer()
        await self._store.change(self._guild_id, edit)
        self._menu_pages.clear()
        await self.redraw(interaction)

    async def refuse(self, interaction: Interaction) -> None:
        """Answer a choice that is not on offer: it is forged, or of an older look of the page, which is redrawn."""
        await interaction.response.defer()
        await self.redraw(interaction)
        await answer_privately(interaction, PAGE_EXPIRED)

    async def turn_page(self, interaction: Interaction, name: str, page: int) -> None:
        """Show another page of a long menu."""
        await interaction.response.defer()
        self._menu_pages[name] = page
        await self.redraw(interaction)

    async def open_section(self, interaction: Interaction, section: Section | None) -> None:
        await interaction.response.defer()
        self._open_section = section
        self._menu_pages.clear()
        await self.redraw(interaction)

    async def draw(self) -> Page:
        context = await self._context()
        return (
            _section_page(self._open_section, context) if self._open_section else _start_page(self._sections, context)
        )

    async def _context(self) -> Context:
        settings = await self._store.get(self._guild_id)
        provider = self._catalogue.default_for(settings)
        offered = await provider.models()
        models = [model for model in offered if model.capabilities.text_to_image] or list(offered)
        return Context(
            settings=settings,
            providers=self._catalogue.providers,
            bot_default=self._catalogue.default,
            provider=provider,
            models=models,
            model=find_model(models, settings.model or "") or models[0],
            menu_pages=self._menu_pages,
        )


class OpenSectionButton(discord.ui.Button[PanelView[SettingsPanel]]):
    """Opens a section's page."""

    def __init__(self, section: Section) -> None:
        super().__init__(label=f"{section.title}…", custom_id=f"settings:open:{section.name}")
        self._section = section

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.open_section(interaction, self._section)


class BackButton(discord.ui.Button[PanelView[SettingsPanel]]):
    """Returns to the start page."""

    def __init__(self) -> None:
        super().__init__(label="◀ all settings", custom_id="settings:start", row=NAVIGATION_ROW)

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.open_section(interaction, None)


def _start_page(sections: Sequence[Section], context: Context) -> Page:
    supported = [each for section in sections for each in section.settings if each.is_supported(context)]
    shortcuts = [item for section in sections for each in section.shortcuts for item in each.items(context)]
    return _page(TITLE, [each.summary(context) for each in supported], [*shortcuts, *map(OpenSectionButton, sections)])


def _section_page(section: Section, context: Context) -> Page:
    supported = [each for each in section.settings if each.is_supported(context)]
    missing = [each.title for each in section.settings if not each.is_supported(context)]
    lines = [each.details(context) for each in supported]
    if missing:
        lines.append(say(NOT_SUPPORTED, model=escape(context.model.title), settings=", ".join(missing)))
    items = [item for each in supported for item in each.items(context)]
    return _page(f"{TITLE} · {section.title}", lines, [BackButton(), *items])


def _page(title: str, lines: Sequence[str], items: Sequence[discord.ui.Item[Any]]) -> Page:
    return Page("\n".join(fit_lines([f"**{title}**", *lines], MESSAGE_CHARACTERS)), items)
