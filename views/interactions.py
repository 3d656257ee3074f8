"""Discord's interactions: where one comes from, and how it is acknowledged before its deadline."""

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime, timedelta

import aiohttp
import discord

from domain import Origin
from studio.intake.pending import AcknowledgementUnknown, AnsweredElsewhere
from views.discord_errors import ALREADY_ANSWERED, UNKNOWN_INTERACTION, UNKNOWN_WEBHOOK

Interaction = discord.Interaction[discord.Client]

ACKNOWLEDGEMENT_DEADLINE = timedelta(seconds=3)
"""From the interaction's creation; Discord refuses a later first answer."""
REQUEST_SECONDS = 10.0
"""Timeout for all attempts together, and for each look-up of the reply."""
REQUEST_ERRORS = (discord.HTTPException, aiohttp.ClientError, OSError)
"""How a request to Discord fails; discord.py does not retry one after a cut connection."""
LOOKUP_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError)
DEFERRED_KEY = "deferred"
"""Key of an interaction's extras: Discord has deferred it, but discord.py has not seen the answer."""


class DeadlinePassed(Exception):
    """The time to acknowledge is over, so a retry is not sent."""


class Attempts:
    """The HTTP requests that acknowledge one interaction; discord.py retries by itself after a 5xx."""

    def __init__(self, interaction_id: int, now: Callable[[], datetime]) -> None:
        """now: Discord's time."""
        self._deadline = discord.utils.snowflake_time(interaction_id) + ACKNOWLEDGEMENT_DEADLINE
        self._now = now
        self._has_begun = False
        self.may_be_accepted = False
        """Whether Discord may have accepted one of them."""

    def begin(self) -> None:
        """Called before each request; a retry after the deadline raises DeadlinePassed."""
        if self._has_begun and self._now() > self._deadline:
            raise DeadlinePassed
        self._has_begun = True

    def record_status(self, status: int) -> None:
        self.may_be_accepted |= not 400 <= status < 500

    def record_lost(self) -> None:
        """A request was sent, but its answer was lost."""
        self.may_be_accepted = True


ATTEMPTS: ContextVar[Attempts | None] = ContextVar("attempts", default=None)
"""Attempts for the interaction that this task handles; trace hooks of the HTTP client update them."""


def origin_of(interaction: Interaction, message_id: int | None = None) -> Origin:
    return Origin(
        id=str(interaction.id),
        application_id=interaction.application_id,
        guild_id=interaction.guild_id,
        channel_id=interaction.channel_id,
        user_id=interaction.user.id,
        reply_token=interaction.token,
        reply_deadline=interaction.expires_at,
        file_limit=interaction.filesize_limit,
        message_id=message_id,
    )


async def defer(interaction: Interaction, *, private: bool) -> int | None:
    """Acknowledge with a deferred reply, and return the reply's message id, or None if Discord does not give it.

    private: only the member sees the reply.
    AnsweredElsewhere; AcknowledgementUnknown; any other error means: not acknowledged.
    """
    attempts = ATTEMPTS.get()
    try:
        async with asyncio.timeout(REQUEST_SECONDS):
            return await _defer(interaction, private)
    except discord.HTTPException as error:
        if error.code == ALREADY_ANSWERED:
            # If no request of ours can have arrived, another process has answered.
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
    """Retries once after a cut connection, which discord.py does not."""
    try:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    except aiohttp.ClientError:
        answer = await interaction.response.defer(thinking=True, ephemeral=private)
    return answer.message_id if answer else None


async def _reply_id_after_lost_answer(interaction: Interaction) -> int | None:
    """Fetch the reply's id, as the defer's answer was lost: editing after the token has expired needs it."""
    interaction.extras[DEFERRED_KEY] = True
    try:
        return await _fetch_reply_id(interaction)
    except LOOKUP_ERRORS:
        return None


async def _confirm_reply(interaction: Interaction, failed: Exception) -> int:
    """The reply's id, if Discord has deferred the interaction, else raises `failed`; AcknowledgementUnknown."""
    try:
        found = await _fetch_reply_id(interaction)
    except LOOKUP_ERRORS as error:
        if isinstance(error, discord.HTTPException) and error.code == UNKNOWN_WEBHOOK:
            raise failed from None
        raise AcknowledgementUnknown from None
    interaction.extras[DEFERRED_KEY] = True
    return found


async def _fetch_reply_id(interaction: Interaction) -> int:
    async with asyncio.timeout(REQUEST_SECONDS):
        return (await interaction.original_response()).id
