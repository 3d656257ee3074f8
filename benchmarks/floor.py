"""The minimal bot: defer, fetch, edit. It checks, stores, queues and reports nothing."""

import base64
import os
from io import BytesIO

import aiohttp
import discord
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from yarl import URL

API, PROVIDER = os.environ["DISCORD_API_URL"], os.environ["PROVIDER_URL"]


class Floor(discord.Client):
    async def setup_hook(self) -> None:
        self.http_out = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        tree = app_commands.CommandTree(self)

        @tree.command(description="Draw a picture from words")
        async def imagine(interaction: discord.Interaction, prompt: str, provider: str = "nebulablock") -> None:
            await interaction.response.defer(thinking=True)
            data = await (self.from_link if provider == "popcord" else self.from_base64)(prompt)
            await interaction.edit_original_response(attachments=[discord.File(BytesIO(data), "picture.png")])

        await tree.sync()
        async with self.http_out.get(f"{API}/gateway") as answer:
            DiscordWebSocket.DEFAULT_GATEWAY = URL((await answer.json())["url"])

    async def from_base64(self, prompt: str) -> bytes:
        async with self.http_out.post(f"{PROVIDER}/api/v1/images/generation", json={"prompt": prompt}) as answer:
            return base64.b64decode((await answer.json())["data"][0]["b64_json"])

    async def from_link(self, prompt: str) -> bytes:
        async with self.http_out.post(f"{PROVIDER}/image/generate", json={"prompt": prompt}) as answer:
            link = (await answer.json())["image_url"]
        async with self.http_out.get(link) as answer:
            return await answer.read()


def main() -> None:
    Route.BASE = API
    intents = discord.Intents.none()
    intents.guilds = True
    Floor(intents=intents, max_messages=None, chunk_guilds_at_startup=False).run(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    main()
