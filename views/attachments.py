"""Reads members' attachments from Discord, and never more of one than was announced."""

from typing import Any

import discord


async def read_attachment(attachment: discord.Attachment) -> bytes:
    """The file, or, of one that is longer than announced, its beginning with one byte too many.

    discord.py itself reads a whole body into memory, whatever its length.
    """
    http: Any = attachment._http  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
    session: Any = getattr(http, "_HTTPClient__session", None)
    if not session:  # a simulated Discord
        return await attachment.read()
    async with session.get(attachment.url, proxy=http.proxy, proxy_auth=http.proxy_auth) as response:
        if response.status != 200:
            raise discord.HTTPException(response, "no attachment")
        return await _beginning(response, attachment.size + 1)


async def _beginning(response: Any, length: int) -> bytes:
    data = bytearray()
    async for chunk in response.content.iter_any():
        data += chunk
        if len(data) >= length:
            break
    return bytes(data[:length])
