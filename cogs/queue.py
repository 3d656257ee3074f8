"""/queue: what runs and what waits, to see and to cancel."""

from discord import app_commands
from discord.ext import commands

from studio.studio import Studio
from views.lineup import LineUp
from views.origins import Interaction


class Queue(commands.Cog):
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @app_commands.command(description="What is being drawn and what waits: yours, or for its managers the server's")
    async def queue(self, interaction: Interaction) -> None:
        manages = interaction.guild_id is not None and interaction.permissions.manage_guild
        guild_id = interaction.guild_id if manages else None
        await LineUp(self._studio, user_id=interaction.user.id, guild_id=guild_id).open(interaction)
