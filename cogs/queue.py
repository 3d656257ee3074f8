"""The command /queue, which lists and cancels jobs."""

from discord import app_commands
from discord.ext import commands

from studio.catalogue import Catalogue
from studio.job_control import JobControl
from views.interactions import Interaction
from views.queue_page import QueuePage


class Queue(commands.Cog):
    def __init__(self, jobs: JobControl, catalogue: Catalogue) -> None:
        self._jobs = jobs
        self._catalogue = catalogue

    @app_commands.command(
        description="Requests that are being drawn or wait: yours, or all of the server's if you manage it"
    )
    async def queue(self, interaction: Interaction) -> None:
        manages = interaction.guild_id is not None and interaction.permissions.manage_guild
        guild_id = interaction.guild_id if manages else None
        await QueuePage(self._jobs, self._catalogue, user_id=interaction.user.id, guild_id=guild_id).open(interaction)
