"""One answer for everything that goes wrong in a command, a button or a menu."""

import logging
from typing import Any

import discord
from discord import app_commands

from domain import EaselError
from studio.promises import AnsweredElsewhere, Unclear
from views.acknowledging import WAITS, TooLate
from views.limits import VIEW_SECONDS
from views.origins import Interaction
from views.words import explain

log = logging.getLogger(__name__)

NO_RIGHT = "That needs the right to manage this server."
OURS = "Something went wrong in Easel itself. The bot's host finds it in the log under `{}`."
LOST = (10062, 40060)
"""The interaction is too old, or has been answered: there is nobody to tell."""


async def report(interaction: Interaction, error: BaseException) -> None:
    """Tell the member privately; log what is ours with a traceback."""
    original = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(original, TooLate) or (isinstance(original, discord.HTTPException) and original.code in LOST):
        log.warning("interaction %s: came too late to be answered", interaction.id)
        return
    if isinstance(original, AnsweredElsewhere | Unclear):
        log.info("interaction %s: not answered here, %s", interaction.id, type(original).__name__)
        return
    try:
        await tell(interaction, _words(interaction, original))
    except (discord.HTTPException, OSError) as failed:
        log.warning("interaction %s: the member could not be told, %s", interaction.id, type(failed).__name__)


async def tell(interaction: Interaction, text: str) -> None:
    """Answer privately, unless the answer has been promised to all: who sees it is fixed by the defer."""
    promised = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    if not (interaction.response.is_done() or WAITS in interaction.extras):
        await interaction.response.send_message(text, ephemeral=True)
    elif promised or WAITS in interaction.extras:
        await interaction.edit_original_response(content=text)  # or it would say "thinking" for ever
    else:
        await interaction.followup.send(text, ephemeral=True)


def _words(interaction: Interaction, error: BaseException) -> str:
    match error:
        case EaselError():
            log.info("interaction %s: %s", interaction.id, error.failure)
            return explain(error)
        case _:
            log.error("interaction %s: an error in Easel itself", interaction.id, exc_info=error)
            return OURS.format(interaction.id)


class ReportingView(discord.ui.View):
    """A view whose errors reach the member; it lives as long as its message can be redrawn."""

    def __init__(self) -> None:
        super().__init__(timeout=VIEW_SECONDS)

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        await report(interaction, error)
