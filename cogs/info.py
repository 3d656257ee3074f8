"""/providers, /help and /privacy: what is on, how it is used, and what becomes of what members type."""

import asyncio
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from domain import Model
from providers.base import Provider
from storage.settings import SettingsStore
from studio.studio import Studio
from views.origins import Interaction
from views.pages import ForgetMe, help_page, privacy_page, providers_pages


class Info(commands.Cog):
    def __init__(self, studio: Studio, settings: SettingsStore) -> None:
        self._studio = studio
        self._settings = settings

    @app_commands.command(description="Who can draw here, with which models, and what each takes")
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    async def providers(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        settings = await self._settings.get(interaction.guild_id)
        default = self._studio.planner.default_for(settings)
        for page in providers_pages(await self._listed(), default, await self._studio.standings()):
            await interaction.followup.send(page, ephemeral=True)

    @app_commands.command(description="What each command does, with an example")
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    async def help(self, interaction: Interaction) -> None:
        await interaction.response.send_message(help_page(self._providers()), ephemeral=True)

    @app_commands.command(description="What is stored, where your words and images go, and how to have it deleted")
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    async def privacy(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        application = interaction.client.application
        host = application.owner if application else None
        page = privacy_page(await self._listed(), _name(host))
        await interaction.edit_original_response(content=page, view=ForgetMe(self._studio))

    async def _listed(self) -> list[tuple[Provider, Sequence[Model]]]:
        """Who is on, with what each offers now; within 1.5 s."""
        models = await asyncio.gather(*(provider.models() for provider in self._providers()))
        return list(zip(self._providers(), models, strict=True))

    def _providers(self) -> list[Provider]:
        return list(self._studio.providers.values())


def _name(host: discord.User | None) -> str:
    return f"{host.display_name} ({host.name})" if host else "whoever added it"
