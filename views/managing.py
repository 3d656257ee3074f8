"""Panels for those who manage a server."""

from views.origins import Interaction
from views.reporter import NO_RIGHT, ReportingView, tell


class ManagersPanel(ReportingView):
    """Answers only to them, and only on their own server."""

    def __init__(self, guild_id: int) -> None:
        super().__init__()
        self._guild_id = guild_id

    async def interaction_check(self, interaction: Interaction, /) -> bool:
        """The right may have been taken away since the panel was opened."""
        if interaction.permissions.manage_guild and interaction.guild_id == self._guild_id:
            return True
        await tell(interaction, NO_RIGHT)
        return False
