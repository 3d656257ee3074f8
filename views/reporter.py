"""Answers and logs the errors of commands, buttons and menus."""

import logging

import discord
from discord import app_commands

from domain import EaselError
from domain.characters import is_blank
from studio.intake.pending import AcknowledgementUnknown, AnsweredElsewhere, ShuttingDown
from views.discord_errors import is_unanswerable
from views.interactions import DEFERRED_KEY, REQUEST_ERRORS, DeadlinePassed, Interaction
from views.limits import MESSAGE_CHARACTERS
from views.wording.outcomes import explain
from views.wording.text import code_span, say

log = logging.getLogger(__name__)

NO_RIGHT = "Only those who may manage this server can do that."
INTERNAL_ERROR = "Something went wrong in Easel itself. The bot's host finds it in the log under `{interaction_id}`."
COMMAND_CHANGED = (
    "This command has changed, or is gone. Try again in a minute; if that does not help, restart Discord, which may "
    "still show the old one."
)
VERSION_MISMATCH = (app_commands.CommandNotFound, app_commands.CommandSignatureMismatch, app_commands.TransformerError)
"""Discord's version of a command differs from this process's."""
REDRAW_REFUSED = (
    "What you chose is done, but Discord did not redraw this page, so it may show old values. "
    "Click again, or send its command again."
)


class RedrawRefused(Exception):
    """Discord has refused to redraw a page; the page shown before still works."""


async def report_error(interaction: Interaction, error: BaseException) -> None:
    """Answer the member privately; log an internal error with its traceback."""
    original = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    if is_unanswerable(original) or isinstance(original, DeadlinePassed):
        log.warning("interaction %s: can no longer be answered", interaction.id)
        return
    if isinstance(original, AnsweredElsewhere | AcknowledgementUnknown | ShuttingDown):
        log.info("interaction %s: not answered by this process, %s", interaction.id, type(original).__name__)
        return
    if interaction.type is discord.InteractionType.autocomplete:
        log.info("interaction %s: no suggestions, %s", interaction.id, type(original).__name__)
        return  # Discord accepts only suggestions as the answer
    sentence = _sentence(interaction, original)
    try:
        await _answer_with_prompt(interaction, sentence)
    except REQUEST_ERRORS as failed:
        log.warning("interaction %s: the error could not be shown, %s", interaction.id, type(failed).__name__)


async def _answer_with_prompt(interaction: Interaction, sentence: str) -> None:
    """The sentence, and below it the prompt, so that it can be copied; without it if Discord refuses its words."""
    prompt = _typed_prompt(interaction)
    if not prompt:
        await answer_privately(interaction, sentence)
        return
    room = MESSAGE_CHARACTERS - len(sentence) - len("\n``")
    try:
        await answer_privately(interaction, f"{sentence}\n{code_span(prompt, room)}")
    except discord.HTTPException as refused:
        if refused.status not in (400, 403):
            raise
        await answer_privately(interaction, sentence)


def _typed_prompt(interaction: Interaction) -> str:
    """The prompt of /imagine; empty for other interactions, and where nothing of it can be seen."""
    if interaction.type is not discord.InteractionType.application_command:
        return ""
    prompt = interaction.namespace.prompt  # None where the command has no such option
    return "" if prompt is None or is_blank(prompt) else prompt


async def answer_privately(interaction: Interaction, text: str) -> None:
    """Answer the member alone; if the interaction is deferred, fill its reply, whose visibility the defer has fixed."""
    is_deferred = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    if not (interaction.response.is_done() or DEFERRED_KEY in interaction.extras):
        await interaction.response.send_message(text, ephemeral=True)
    elif is_deferred or DEFERRED_KEY in interaction.extras:
        await interaction.edit_original_response(content=text)  # it would say "thinking" until it expires
    else:
        await interaction.followup.send(text, ephemeral=True)


def _sentence(interaction: Interaction, error: BaseException) -> str:
    match error:
        case EaselError():
            log.info("interaction %s: %r", interaction.id, error)
            return explain(error)
        case _ if isinstance(error, VERSION_MISMATCH):
            log.info("interaction %s: %s", interaction.id, error)
            return COMMAND_CHANGED
        case RedrawRefused():
            log.warning("interaction %s: page not redrawn, %s", interaction.id, error)
            return REDRAW_REFUSED
        case _:
            log.error("interaction %s: internal error", interaction.id, exc_info=error)
            return say(INTERNAL_ERROR, interaction_id=interaction.id)


def is_real_autocomplete_error(record: logging.LogRecord) -> bool:
    """Log filter for discord.py, which only logs the errors of autocompletion: drops the expected ones."""
    error = record.exc_info[1] if record.exc_info else None
    if is_unanswerable(error) or isinstance(error, VERSION_MISMATCH):
        log.info("autocompletion: no suggestions, %s", type(error).__name__)
        return False
    return True
