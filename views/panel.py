"""Private messages with menus, redrawn after each click.

Each redraw makes a new view from the current state. While Discord redraws the message, the old view and the new one
handle clicks: a quick second click may come from either look, and a message whose redraw was refused still works.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import discord

from views.interactions import REQUEST_ERRORS, Interaction, defer
from views.limits import VIEW_SECONDS
from views.reporter import RedrawRefused, answer_privately, report_error

P = TypeVar("P", bound="Panel")
CUSTOM_ID_PREFIXES = ("settings:", "chain:", "providers:", "queue:", "privacy:")
"""Of the custom ids on panels; earlier versions used `chain:`, and their messages may still be open."""
HANDLED_KEY = "handled"
"""Key of an interaction's extras: a panel handles this click."""
PAGE_EXPIRED = "This page has changed or is too old, so that did nothing. Send its command again."


class Page(NamedTuple):
    """The content of a panel: text, and the menus and buttons below it."""

    content: str
    items: Sequence[discord.ui.Item[Any]] = ()
    """Custom ids stay the same in each redraw, so that a click on an old item reaches the new one."""


async def answer_expired_page(interaction: Interaction) -> None:
    """Answer a click that no panel handles: the page has timed out, was replaced, or is from before a restart."""
    custom_id = str((interaction.data or {}).get("custom_id", ""))
    if custom_id.startswith(CUSTOM_ID_PREFIXES) and HANDLED_KEY not in interaction.extras:
        try:
            await answer_privately(interaction, PAGE_EXPIRED)
        except REQUEST_ERRORS as error:
            await report_error(interaction, error)


class Panel(ABC):
    """An ephemeral message with menus and buttons."""

    def __init__(self) -> None:
        self._redrawing = asyncio.Lock()
        self._view: PanelView[Any] | None = None
        self._message_id: int | None = None
        self._opened_by: tuple[int, int | None, int | None] | None = None
        self._timeout: asyncio.TimerHandle | None = None

    @abstractmethod
    async def draw(self) -> Page:
        """The page for the current state."""

    async def allows(self, interaction: Interaction) -> bool:
        """Whether the member may click; if not, that has been answered."""
        return True

    async def open(self, interaction: Interaction) -> None:
        self._opened_by = _place_of(interaction)
        self._message_id = await defer(interaction, private=True)
        await self.redraw(interaction)

    def belongs_to(self, interaction: Interaction) -> bool:
        """Whether a click comes from the member that has opened the page, and from where that was."""
        return self._opened_by == _place_of(interaction)

    async def redraw(self, interaction: Interaction) -> None:
        """Redraw the message of a deferred interaction; serialized, so that the last redraw shows the current state."""
        async with self._redrawing:
            page = await self.draw()
            old, new = self._view, PanelView(self, page.items)
            self._activate(interaction, new)
            try:
                message = await interaction.edit_original_response(content=page.content, view=new)
            except BaseException as error:
                self._replace(interaction, new, old)
                if old is None or not isinstance(error, REQUEST_ERRORS):
                    raise
                raise RedrawRefused(type(error).__name__) from error
            self._message_id = message.id
            self._replace(interaction, old, new)

    def restart_timeout(self) -> None:
        """Expire the page VIEW_SECONDS from now."""
        if self._timeout:
            self._timeout.cancel()
        self._timeout = asyncio.get_running_loop().call_later(VIEW_SECONDS, self._stop)

    def _replace(self, interaction: Interaction, old: "PanelView[Any] | None", new: "PanelView[Any] | None") -> None:
        """Let only the new view handle clicks."""
        # discord.py looks items up by custom id: stopping one view removes the items that the other one shares with it.
        if old:
            old.stop()
        if new:
            self._activate(interaction, new)
        self._view = new
        self.restart_timeout()

    def _activate(self, interaction: Interaction, view: "PanelView[Any]") -> None:
        if self._message_id is not None:
            interaction.client.add_view(view, message_id=self._message_id)

    def _stop(self) -> None:
        if self._view:
            self._view.stop()


def _place_of(interaction: Interaction) -> tuple[int, int | None, int | None]:
    """Member, server and channel."""
    return interaction.user.id, interaction.guild_id, interaction.channel_id


class PanelView(discord.ui.View, Generic[P]):
    """The items of one redraw, registered with discord.py; the panel stops it."""

    def __init__(self, panel: P, items: Sequence[discord.ui.Item[Any]]) -> None:
        super().__init__(timeout=None)
        self.panel = panel
        for item in items:
            custom_id = getattr(item, "custom_id", None)
            if custom_id is not None and not custom_id.startswith(CUSTOM_ID_PREFIXES):
                raise ValueError("missing in CUSTOM_ID_PREFIXES", custom_id)
            self.add_item(item)

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        interaction.extras[HANDLED_KEY] = True
        if not self.panel.belongs_to(interaction):
            await answer_privately(interaction, PAGE_EXPIRED)
            return False
        self.panel.restart_timeout()
        return await self.panel.allows(interaction)

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        await report_error(interaction, error)
