"""The first message of the preview: what this is, what to type, and prompts to try."""

import discord

from domain import EaselError, ImageRequest
from views.interactions import Interaction
from views.reporter import report_error
from views.requests import DiscordRequests

GREETING = (
    "**Welcome to Easel.** This page is not Discord: it is the real bot on a simulated one, on your machine.\n"
    "Type `/imagine`, press Enter, write what you would like to see, and send. Or press one of these:\n"
    "-# The pictures come from Sketch, which paints by rules and is no AI model. `/help` tells what else there is; "
    "*Viewing as* changes between an admin and a guest."
)
AI_HORDE = (
    "-# For a real AI picture, choose AI Horde as `provider`: it is free and needs a network. Volunteers draw there on "
    "their own machines, and can read the words."
)
PROMPTS = ("a lighthouse at dusk", "a red fox in the snow", "two boats on a lake, watercolour")


def greeting(*, has_ai_horde: bool) -> str:
    return f"{GREETING}\n{AI_HORDE}" if has_ai_horde else GREETING


class Greeting(discord.ui.View):
    """A button for each prompt, which draws it as `/imagine` would."""

    def __init__(self, requests: DiscordRequests) -> None:
        super().__init__(timeout=None)
        for number, prompt in enumerate(PROMPTS):
            self.add_item(PromptButton(requests, number, prompt))


class PromptButton(discord.ui.Button["Greeting"]):
    def __init__(self, requests: DiscordRequests, number: int, prompt: str) -> None:
        super().__init__(label=prompt, style=discord.ButtonStyle.primary, custom_id=f"greeting:{number}")
        self._requests = requests
        self._prompt = prompt

    async def callback(self, interaction: Interaction) -> None:
        try:
            await self._requests.take(interaction, ImageRequest(prompt=self._prompt))
        except EaselError as error:
            await report_error(interaction, error)
