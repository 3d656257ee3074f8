"""/recover: pictures that could not be delivered, to their owner alone."""

from discord import app_commands
from discord.ext import commands

from studio.studio import Studio
from views.acknowledging import defer
from views.origins import Interaction, origin_of
from views.words import code

AT_ONCE = 5
"""As many follow-ups as Discord allows where the bot is not a member."""
NOTHING = "Nothing of yours is waiting."
ON_ITS_WAY = "It is on its way already."


class Recover(commands.Cog):
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @app_commands.command(description="Get pictures of yours that could not be delivered")
    @app_commands.allowed_installs(guilds=True, users=False)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=False)
    async def recover(self, interaction: Interaction) -> None:
        await defer(interaction, private=True)
        jobs = await self._studio.parked(interaction.user.id)
        await interaction.edit_original_response(content=_summary(len(jobs)))
        for job in jobs[:AT_ONCE]:
            message = await interaction.followup.send(code(job.request.prompt), ephemeral=True, wait=True)
            if not await self._studio.redeliver(job, origin_of(interaction, message.id)):
                await message.edit(content=f"{code(job.request.prompt)}\n{ON_ITS_WAY}")


def _summary(waiting: int) -> str:
    if waiting == 0:
        return NOTHING
    if waiting <= AT_ONCE:
        return f"{waiting} request{'s' if waiting > 1 else ''} of yours could not be answered. Here you are:"
    return f"{waiting} of your requests could not be answered. Here are {AT_ONCE}; ask again for the rest."
