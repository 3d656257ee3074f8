"""The command /recover, which sends a member the pictures that could not be delivered."""

import logging

import discord
from discord import app_commands
from discord.ext import commands

from domain import Job
from studio.job_control import JobControl
from views.delivery import TRANSIENT
from views.interactions import Interaction, defer, origin_of
from views.wording.recovery import (
    ALREADY_SENDING,
    PROMPTLESS,
    RECOVER_FAILED,
    SENDING_NOTE,
    recovery_summary,
)
from views.wording.text import code_span, say

log = logging.getLogger(__name__)

MAX_RECOVERED = 5
"""Discord's limit of follow-ups where the bot is not a member of the server."""


class Recover(commands.Cog):
    def __init__(self, jobs: JobControl) -> None:
        self._jobs = jobs

    @app_commands.command(description="Get your pictures that could not be delivered")
    async def recover(self, interaction: Interaction) -> None:
        await defer(interaction, private=True)
        jobs = await self._jobs.parked(interaction.user.id)
        summary = recovery_summary(len(jobs), MAX_RECOVERED)
        await interaction.edit_original_response(content=summary)
        redelivered = [await self._redeliver(interaction, job) for job in jobs[:MAX_RECOVERED]]
        if failed := redelivered.count(False):
            await interaction.edit_original_response(content=f"{summary}\n{say(RECOVER_FAILED, count=failed)}")

    async def _redeliver(self, interaction: Interaction, job: Job) -> bool:
        """Open a message and queue its delivery into it; False if Discord did not take the message."""
        try:
            message = await _open_message(interaction, job)
            if not await self._jobs.redeliver(job, origin_of(interaction, message.id)):
                await message.edit(content=f"{code_span(job.request.prompt)}\n{ALREADY_SENDING}")
        except (*TRANSIENT, discord.HTTPException) as error:
            log.warning("job %s: not recovered, %s", job.id, type(error).__name__)
            return False
        return True


async def _open_message(interaction: Interaction, job: Job) -> discord.WebhookMessage:
    """An ephemeral follow-up with the prompt, or without it if Discord refuses the prompt."""
    send = interaction.followup.send
    try:
        return await send(f"{code_span(job.request.prompt)}\n{SENDING_NOTE}", ephemeral=True, wait=True)
    except discord.HTTPException as error:
        if error.status not in (400, 403):
            raise
        return await send(f"{PROMPTLESS}\n{SENDING_NOTE}", ephemeral=True, wait=True)
