"""One answer for everything that goes wrong in a command, a button or a menu."""

import logging

import discord
from discord import app_commands

from domain import EaselError
from views.origins import Interaction
from views.words import explain

log = logging.getLogger(__name__)

NO_RIGHT = "That needs the right to manage this server."
OURS = "Something went wrong in Easel itself. The bot's host finds it in the log under `{}`."
NOT_REDRAWN = (
    "Discord did not take the page's new look, so what it shows may be old; what you chose is done. "
    "The page still works: click again, or send its command again."
)
LOST = (10062, 40060)
"""The interaction is too old, or has been answered: there is nobody to tell."""


class NotRedrawn(Exception):
    """Discord has refused a page's new look; the old one still works."""


async def report(interaction: Interaction, error: BaseException) -> None:
    """Tell the member privately; log what is ours with a traceback."""
    original = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if isinstance(original, discord.HTTPException) and original.code in LOST:
        log.warning("interaction %s: came too late to be answered", interaction.id)
        return
    try:
        await tell(interaction, _words(interaction, original))
    except (discord.HTTPException, OSError) as failed:
        log.warning("interaction %s: the member could not be told, %s", interaction.id, type(failed).__name__)


async def tell(interaction: Interaction, text: str) -> None:
    """Answer privately, unless the answer has been promised to all: who sees it is fixed by the defer."""
    if not interaction.response.is_done():
        await interaction.response.send_message(text, ephemeral=True)
    elif interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await interaction.edit_original_response(content=text)  # or it would say "thinking" for ever
    else:
        await interaction.followup.send(text, ephemeral=True)


def _words(interaction: Interaction, error: BaseException) -> str:
    match error:
        case EaselError():
            log.info("interaction %s: %s", interaction.id, error.failure)
            return explain(error)
        case NotRedrawn():
            log.warning("interaction %s: a page could not be redrawn, %s", interaction.id, error)
            return NOT_REDRAWN
        case _:
            log.error("interaction %s: an error in Easel itself", interaction.id, exc_info=error)
            return OURS.format(interaction.id)
