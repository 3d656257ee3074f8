"""Answering an interaction in time, first of all by telling its member to wait, and knowing whether that was done."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta

import aiohttp
import discord

from studio.intake.pending import AcknowledgementUnknown, AnsweredElsewhere
from views.origins import Interaction
from views.verdicts import ALREADY_ANSWERED, UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK

ANSWER_TIME = timedelta(seconds=3)
"""An interaction that is older is not answered any more."""
REQUEST_SECONDS = 10.0
"""For all tries together, and for asking what became of them."""
UNTOLD = (discord.HTTPException, aiohttp.ClientError, OSError)
"""What Discord, or the way there, has against a request; discord.py does not repeat it after a cut connection."""
ASKED_IN_VAIN = (discord.DiscordException, aiohttp.ClientError, TimeoutError)
WAITS = "waits"
"""Among an interaction's extras: its member was told to wait, though discord.py did not learn so."""


class TooLate(Exception):
    """Discord would not take another try."""


class Tries:
    """The HTTP requests that answer one interaction: discord.py makes another by itself after a 5xx."""

    def __init__(self, interaction_id: int, now: Callable[[], datetime]) -> None:
        """now: Discord's time."""
        self._until = discord.utils.snowflake_time(interaction_id) + ANSWER_TIME
        self._now = now
        self._begun = False
        self.maybe_taken = False
        """Whether Discord may have taken one of them."""

    def begin(self) -> None:
        """TooLate, for any but the first, after the time to answer."""
        if self._begun and self._now() > self._until:
            raise TooLate
        self._begun = True

    def answered(self, status: int) -> None:
        self.maybe_taken |= not 400 <= status < 500

    def lost(self) -> None:
        """One was sent, and no answer came."""
        self.maybe_taken = True


TRIES: ContextVar[Tries | None] = ContextVar("tries", default=None)
"""Of the interaction that this task is about; whoever watches the requests counts them here."""


async def defer(interaction: Interaction, *, private: bool) -> int | None:
    """Say that an answer is on its way, and who will see it; the id of the answer's message, if Discord tells.

    AnsweredElsewhere; AcknowledgementUnknown; any other error means that the member was not told.
    """
    tries = TRIES.get()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await _defer(interaction, private)
    except discord.HTTPException as error:
        if error.code == ALREADY_ANSWERED:
            # What surely never arrived, or was refused, cannot be what has answered.
            if tries and not tries.maybe_taken:
                raise AnsweredElsewhere from None
            return await _reply_id(interaction)
        if error.code == UNKNOWN_INTERACTION or not (tries and tries.maybe_taken):
            raise
        return await _find_reply(interaction, error)
    except (aiohttp.ClientError, TimeoutError, TooLate) as error:
        if not (tries and tries.maybe_taken):
            raise
        return await _find_reply(interaction, error)


async def _defer(interaction: Interaction, private: bool) -> int | None:
    """discord.py does not try again after a cut connection."""
    try:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    except aiohttp.ClientError:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    return answer.message_id if answer else None


async def _reply_id(interaction: Interaction) -> int | None:
    """Fetch the reply's id where the defer's answer was lost: it edits the reply when the token has expired."""
    interaction.extras[WAITS] = True
    try:
        return await _ask(interaction)
    except ASKED_IN_VAIN:
        return None


async def _find_reply(interaction: Interaction, failed: Exception) -> int:
    """The id of the reply, if a request did arrive; what has failed, where none did; AcknowledgementUnknown."""
    try:
        found = await _ask(interaction)
    except ASKED_IN_VAIN as error:
        if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_WEBHOOK:
            raise failed from None
        raise AcknowledgementUnknown from None
    interaction.extras[WAITS] = True
    return found


async def _ask(interaction: Interaction) -> int:
    async with asyncio.timeout(REQUEST_SECONDS):
        return (await interaction.original_response()).id
