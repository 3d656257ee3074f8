"""Private messages with menus, redrawn after each click.

Each redraw makes a view of its own, from what is in force. The view before it answers clicks until Discord has taken
the new one: so a second click finds somebody, and a message whose redraw was refused still works.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import discord

from views.acknowledging import REQUEST_ERRORS, defer
from views.interactions import Interaction
from views.limits import VIEW_SECONDS
from views.reporter import RedrawRefused, answer_privately, report_error

P = TypeVar("P", bound="Panel")
PREFIXES = ("settings:", "chain:", "providers:", "queue:", "privacy:")
"""How the custom ids on panels begin; `chain:` was that of earlier versions, whose messages may still be open."""
HANDLED_KEY = "heard"
"""Marks a click that a page has taken."""
PAGE_EXPIRED = "This page has changed or is too old, so that did nothing. Send its command again."


class Page(NamedTuple):
    """What a panel shows: text, and the menus and buttons below it."""

    content: str
    items: Sequence[discord.ui.Item[Any]] = ()
    """Their custom ids stay the same from redraw to redraw: a click on an old one means the new one."""


async def answer_expired_page(interaction: Interaction) -> None:
    """Tell whoever has clicked on a page that answers no more: too old, from before a restart, or just changed."""
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    if custom_id.startswith(PREFIXES) and HANDLED_KEY not in interaction.extras:
        try:
            await answer_privately(interaction, PAGE_EXPIRED)
        except REQUEST_ERRORS as error:
            await report_error(interaction, error)


class Panel(ABC):
    """A message for one member alone. `open` sends it."""

    def __init__(self) -> None:
        self._redrawing = asyncio.Lock()
        self._view: PanelView[Any] | None = None
        self._timeout: asyncio.TimerHandle | None = None

    @abstractmethod
    async def draw(self) -> Page:
        """The page for what is in force now."""

    async def allows(self, interaction: Interaction) -> bool:
        """Whether the member may click; if not, that has been told."""
        return True

    async def open(self, interaction: Interaction) -> None:
        await defer(interaction, private=True)
        await self.redraw(interaction)

    async def redraw(self, interaction: Interaction) -> None:
        """For a deferred interaction; one after the other, so that what is drawn last is what is in force."""
        async with self._redrawing:
            page = await self.draw()
            view = PanelView(self, page.items)
            try:
                message = await interaction.edit_original_response(content=page.content, view=view)
            except REQUEST_ERRORS as error:
                if self._view is None:
                    raise
                raise RedrawRefused(type(error).__name__) from error
            self._activate(interaction, view, message.id)

    def restart_timeout(self) -> None:
        """From now on for as long as a page that nobody uses lives."""
        if self._timeout:
            self._timeout.cancel()
        self._timeout = asyncio.get_running_loop().call_later(VIEW_SECONDS, self._stop)

    def _activate(self, interaction: Interaction, view: "PanelView[Any]", message_id: int) -> None:
        """Let the new view answer clicks from now on."""
        self._stop()
        # discord.py finds a click's item by its custom id: stopping the old view later would take the new one's away.
        interaction.client.add_view(view, message_id=message_id)
        self._view = view
        self.restart_timeout()

    def _stop(self) -> None:
        if self._view:
            self._view.stop()


class PanelView(discord.ui.View, Generic[P]):
    """What a panel shows at one time, as discord.py keeps it; the panel decides how long it lives."""

    def __init__(self, panel: P, items: Sequence[discord.ui.Item[Any]]) -> None:
        super().__init__(timeout=None)
        self.panel = panel
        for item in items:
            self.add_item(item)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        interaction.extras[HANDLED_KEY] = True
        self.panel.restart_timeout()
        return await self.panel.allows(interaction)

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        await report_error(interaction, error)
