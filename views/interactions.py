"""Discord's interactions, and the domain's record of where one came from."""

import discord

from domain import Origin

Interaction = discord.Interaction[discord.Client]


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
