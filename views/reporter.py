"""One answer for everything that goes wrong in a command, a button or a menu."""

import logging

import discord
from discord import app_commands

from domain import EaselError
from studio.intake.pending import AcknowledgementUnknown, AnsweredElsewhere, ShuttingDown
from views.acknowledging import UNTOLD, WAITS, TooLate
from views.origins import Interaction
from views.verdicts import is_too_late
from views.wording.outcomes import explain

log = logging.getLogger(__name__)

NO_RIGHT = "That needs the right to manage this server."
OURS = "Something went wrong in Easel itself. The bot's host finds it in the log under `{}`."
CHANGED = (
    "I no longer know this command, or it has just changed. Try again in a minute; if that does not help, restart "
    "Discord, for it still shows the old one."
)
OLD = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch, app_commands.TransformerError)
"""What Discord has of a command is not what this process has: one of the two is older."""
NOT_REDRAWN = (
    "Discord did not take the page's new look, so what it shows may be old; what you chose is done. "
    "The page still works: click again, or send its command again."
)


class NotRedrawn(Exception):
    """Discord has refused a page's new look; the old one still works."""


async def report(interaction: Interaction, error: BaseException) -> None:
    """Tell the member privately; log what is ours with a traceback."""
    original = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if is_too_late(original) or isinstance(original, TooLate):
        log.warning("interaction %s: came too late to be answered", interaction.id)
        return
    if isinstance(original, AnsweredElsewhere | AcknowledgementUnknown | ShuttingDown):
        log.info("interaction %s: not answered here, %s", interaction.id, type(original).__name__)
        return
    if interaction.type is discord.InteractionType.autocomplete:
        log.info("interaction %s: nothing to suggest, %s", interaction.id, type(original).__name__)
        return  # Discord takes nothing but suggestions there
    try:
        await tell(interaction, _words(interaction, original))
    except UNTOLD as failed:
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
            log.info("interaction %s: %r", interaction.id, error)
            return explain(error)
        case _ if isinstance(error, OLD):
            log.info("interaction %s: %s", interaction.id, error)
            return CHANGED
        case NotRedrawn():
            log.warning("interaction %s: a page could not be redrawn, %s", interaction.id, error)
            return NOT_REDRAWN
        case _:
            log.error("interaction %s: an error in Easel itself", interaction.id, exc_info=error)
            return OURS.format(interaction.id)


def is_worth_a_traceback(record: logging.LogRecord) -> bool:
    """A filter for discord.py's own log, to which it reports what fails in a suggestion, and to nobody else."""
    error = record.exc_info[1] if record.exc_info else None
    if is_too_late(error) or isinstance(error, OLD):
        log.info("suggestions came to nothing, %s", type(error).__name__)
        return False
    return True
