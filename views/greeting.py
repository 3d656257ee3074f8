"""The first message of the preview: what this is, what to type, and prompts to try."""

from collections.abc import Collection
from typing import Any

import discord

from domain import ImageRequest
from views.interactions import Interaction
from views.reporter import report_error
from views.requests import DiscordRequests

WELCOME = (
    "**Welcome to Easel.** This page is not Discord: it is the real bot on a simulated one, on your machine.\n"
    "Type `/imagine`, press Enter, write what you would like to see, and send."
)
HELP_LINE = "-# `/help` tells what else there is; *Viewing as* changes between an admin and a guest."
SKETCH = (
    "Or press one of these, which Sketch draws:\n-# Sketch paints by rules on this machine, and is no AI model. "
    "`/help` tells what else there is; *Viewing as* changes between an admin and a guest."
)
AI_HORDE = (
    "-# For a real AI picture, choose AI Horde as `provider`: it is free and needs a network. Volunteers draw there on "
    "their own machines, and can read the words."
)
OWN_PROVIDERS = "-# PREVIEW_PROVIDERS is on: `/imagine` asks the providers that you have set up, and may cost money."
PROMPTS = ("a lighthouse at dusk", "a red fox in the snow", "two boats on a lake, watercolour")


def greeting(providers: Collection[str], *, own: bool) -> str:
    """The text. own: the providers are those that the host has set up."""
    lines = [WELCOME, SKETCH if "sketch" in providers else HELP_LINE]
    if own:
        lines.append(OWN_PROVIDERS)
    elif "aihorde" in providers:
        lines.append(AI_HORDE)
    return "\n".join(lines)


class Greeting(discord.ui.View):
    """A button for each prompt, which Sketch draws as `/imagine` would; none without Sketch."""

    def __init__(self, requests: DiscordRequests, providers: Collection[str]) -> None:
        super().__init__(timeout=None)
        for number, prompt in enumerate(PROMPTS if "sketch" in providers else ()):
            self.add_item(PromptButton(requests, number, prompt))

    async def on_error(self, interaction: Interaction, error: Exception, item: discord.ui.Item[Any], /) -> None:
        await report_error(interaction, error)


class PromptButton(discord.ui.Button["Greeting"]):
    def __init__(self, requests: DiscordRequests, number: int, prompt: str) -> None:
        super().__init__(label=prompt, style=discord.ButtonStyle.primary, custom_id=f"greeting:{number}")
        self._requests = requests
        self._prompt = prompt

    async def callback(self, interaction: Interaction) -> None:
        await self._requests.take(interaction, ImageRequest(prompt=self._prompt, provider="sketch"))
