"""The commands /providers, /help and /privacy."""

import discord
from discord import app_commands
from discord.ext import commands

from storage.settings import SettingsStore
from studio.catalogue import Catalogue
from studio.job_control import JobControl
from views.interactions import Interaction
from views.pages import help_page
from views.privacy_page import PrivacyPage
from views.providers_page import ProvidersPage


class Info(commands.Cog):
    def __init__(self, jobs: JobControl, catalogue: Catalogue, settings: SettingsStore) -> None:
        self._jobs = jobs
        self._catalogue = catalogue
        self._settings = settings

    @app_commands.command(description="Which providers and models can draw here, and how well they work today")
    async def providers(self, interaction: Interaction) -> None:
        await ProvidersPage(self._catalogue, self._settings, interaction.guild_id).open(interaction)

    @app_commands.command(description="How to use this bot: each command, with examples")
    async def help(self, interaction: Interaction) -> None:
        await interaction.response.send_message(help_page(list(self._catalogue.providers.values())), ephemeral=True)

    @app_commands.command(description="What is stored, where your words and images go, and how to have it deleted")
    async def privacy(self, interaction: Interaction) -> None:
        application = interaction.client.application
        host = _host_name(application.owner if application else None)
        await PrivacyPage(self._jobs, self._catalogue, host, interaction.user.id).open(interaction)


def _host_name(host: discord.User | None) -> str:
    return f"{host.display_name} ({host.name})" if host else "whoever added it"
