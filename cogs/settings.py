"""The command /settings, for a server's admins."""

from discord import app_commands
from discord.ext import commands

from storage.settings import SettingsStore
from studio.catalogue import Catalogue
from views.interactions import Interaction
from views.reporter import NO_RIGHT, answer_privately
from views.settings.panel import SettingsPanel
from views.settings.sections import SECTIONS


class SettingsCog(commands.Cog, name="Settings"):
    def __init__(self, settings: SettingsStore, catalogue: Catalogue) -> None:
        self._settings = settings
        self._catalogue = catalogue

    @app_commands.command(
        description="Choose this server's provider, model and size, its fallback providers, and who sees results"
    )
    @app_commands.guild_only()
    @app_commands.allowed_contexts(guilds=True, dms=False, private_channels=False)
    @app_commands.default_permissions(manage_guild=True)
    async def settings(self, interaction: Interaction) -> None:
        """Checks the right itself, as a server can allow the command to any member."""
        if interaction.guild_id is None or not interaction.permissions.manage_guild:
            await answer_privately(interaction, NO_RIGHT)
        else:
            await SettingsPanel(interaction.guild_id, self._settings, self._catalogue, SECTIONS).open(interaction)
