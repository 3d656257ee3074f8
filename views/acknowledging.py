"""Answering an interaction in time, first of all by telling its member to wait, and knowing whether that was done."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta

import aiohttp
import discord

from studio.intake.pending import AnsweredElsewhere, Unclear
from views.discord_errors import ALREADY_ANSWERED, UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK
from views.interactions import Interaction

ACKNOWLEDGEMENT_DEADLINE = timedelta(seconds=3)
"""An interaction that is older is not answered any more."""
REQUEST_SECONDS = 10.0
"""For all tries together, and for asking what became of them."""
REQUEST_ERRORS = (discord.HTTPException, aiohttp.ClientError, OSError)
"""What Discord, or the way there, has against a request; discord.py does not repeat it after a cut connection."""
LOOKUP_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError)
DEFERRED_KEY = "waits"
"""Among an interaction's extras: its member was told to wait, though discord.py did not learn so."""


class DeadlinePassed(Exception):
    """Discord would not take another try."""


class Attempts:
    """The HTTP requests that answer one interaction: discord.py makes another by itself after a 5xx."""

    def __init__(self, interaction_id: int, now: Callable[[], datetime]) -> None:
        """now: Discord's time."""
        self._deadline = discord.utils.snowflake_time(interaction_id) + ACKNOWLEDGEMENT_DEADLINE
        self._now = now
        self._has_begun = False
        self.may_be_accepted = False
        """Whether Discord may have taken one of them."""

    def begin(self) -> None:
        """TooLate, for any but the first, after the time to answer."""
        if self._has_begun and self._now() > self._deadline:
            raise DeadlinePassed
        self._has_begun = True

    def record_status(self, status: int) -> None:
        self.may_be_accepted |= not 400 <= status < 500

    def record_lost(self) -> None:
        """One was sent, and no answer came."""
        self.may_be_accepted = True


ATTEMPTS: ContextVar[Attempts | None] = ContextVar("tries", default=None)
"""Of the interaction that this task is about; whoever watches the requests counts them here."""


async def defer(interaction: Interaction, *, private: bool) -> int | None:
    """Say that an answer is on its way, and who will see it; the id of the answer's message, if Discord tells.

    AnsweredElsewhere; Unclear; any other error means that the member was not told.
    """
    attempts = ATTEMPTS.get()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await _defer(interaction, private)
    except discord.HTTPException as error:
        if error.code == ALREADY_ANSWERED:
            # What surely never arrived, or was refused, cannot be what has answered.
            if attempts and not attempts.may_be_accepted:
                raise AnsweredElsewhere from None
            return await _reply_id_after_lost_answer(interaction)
        if error.code == UNKNOWN_INTERACTION or not (attempts and attempts.may_be_accepted):
            raise
        return await _confirm_reply(interaction, error)
    except (aiohttp.ClientError, TimeoutError, DeadlinePassed) as error:
        if not (attempts and attempts.may_be_accepted):
            raise
        return await _confirm_reply(interaction, error)


async def _defer(interaction: Interaction, private: bool) -> int | None:
    """discord.py does not try again after a cut connection."""
    try:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    except aiohttp.ClientError:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    return answer.message_id if answer else None


async def _reply_id_after_lost_answer(interaction: Interaction) -> int | None:
    """Fetch the reply's id where the defer's answer was lost: it edits the reply when the token has expired."""
    interaction.extras[DEFERRED_KEY] = True
    try:
        return await _fetch_reply_id(interaction)
    except LOOKUP_ERRORS:
        return None


async def _confirm_reply(interaction: Interaction, failed: Exception) -> int:
    """The id of the reply, if a request did arrive; what has failed, where none did; Unclear."""
    try:
        found = await _fetch_reply_id(interaction)
    except LOOKUP_ERRORS as error:
        if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_WEBHOOK:
            raise failed from None
        raise Unclear from None
    interaction.extras[DEFERRED_KEY] = True
    return found


async def _fetch_reply_id(interaction: Interaction) -> int:
    async with asyncio.timeout(REQUEST_SECONDS):
        return (await interaction.original_response()).id
