"""Panels for those who manage a server."""

from views.origins import Interaction
from views.reporter import NO_RIGHT, ReportingView, tell

PANEL_SECONDS = 14 * 60.0
"""An interaction's token lives 15 minutes; after that the panel could not be redrawn."""


class ManagersPanel(ReportingView):
    """Answers only to them, and only on their own server."""

    def __init__(self, guild_id: int) -> None:
        super().__init__(timeout=PANEL_SECONDS)
        self._guild_id = guild_id

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """The right may have been taken away since the panel was opened."""
        if interaction.permissions.manage_guild and interaction.guild_id == self._guild_id:
            return True
        await tell(interaction, NO_RIGHT)
        return False
