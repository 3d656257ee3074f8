"""/recover: pictures that could not be delivered, to their owner alone."""

import logging

import discord
from discord import app_commands
from discord.ext import commands

from domain import Job
from studio.studio import Studio
from views.acknowledging import defer
from views.delivery import TRANSIENT
from views.origins import Interaction, origin_of
from views.wording.text import code

log = logging.getLogger(__name__)

AT_ONCE = 5
"""As many follow-ups as Discord allows where the bot is not a member."""
NOTHING = "Nothing of yours is waiting."
SENDING = "-# on its way…"
ON_ITS_WAY = "It is on its way already."
NAMELESS = "One of your requests"
LEFT_OUT = "{} could not be tried just now; use `/recover` again in a minute."


class Recover(commands.Cog):
    def __init__(self, studio: Studio) -> None:
        self._studio = studio

    @app_commands.command(description="Get pictures of yours that could not be delivered")
    async def recover(self, interaction: Interaction) -> None:
        await defer(interaction, private=True)
        jobs = await self._studio.parked(interaction.user.id)
        summary = _summary(len(jobs))
        await interaction.edit_original_response(content=summary)
        tried = [await self._try(interaction, job) for job in jobs[:AT_ONCE]]
        if left := tried.count(False):
            await interaction.edit_original_response(content=f"{summary}\n{LEFT_OUT.format(left)}")

    async def _try(self, interaction: Interaction, job: Job) -> bool:
        """Give it a message, which its outcome fills: the pictures, or why they are refused. False: there is none."""
        try:
            message = await _place(interaction, job)
            if not await self._studio.redeliver(job, origin_of(interaction, message.id)):
                await message.edit(content=f"{code(job.request.prompt)}\n{ON_ITS_WAY}")
        except (*TRANSIENT, discord.HTTPException) as error:
            log.warning("job %s: not recovered, %s", job.id, type(error).__name__)
            return False
        return True


async def _place(interaction: Interaction, job: Job) -> discord.WebhookMessage:
    """A message that only its owner sees; without their words, where a filter refuses them."""
    send = interaction.followup.send
    try:
        return await send(f"{code(job.request.prompt)}\n{SENDING}", ephemeral=True, wait=True)
    except discord.HTTPException as error:
        if error.status not in (400, 403):
            raise
        return await send(f"{NAMELESS}\n{SENDING}", ephemeral=True, wait=True)


def _summary(waiting: int) -> str:
    if waiting == 0:
        return NOTHING
    if waiting == 1:
        return "1 request of yours could not be answered. This is what becomes of it now:"
    if waiting <= AT_ONCE:
        return f"{waiting} requests of yours could not be answered. This is what becomes of them now:"
    return (
        f"{waiting} requests of yours could not be answered. This is what becomes of {AT_ONCE} of them now; "
        "use `/recover` again for the others."
    )
