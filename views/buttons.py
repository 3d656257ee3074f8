"""Runs the action of a clicked button below a result; its custom id carries the job's id, also after a restart."""

import re
from typing import Any, ClassVar, Self

import discord

from studio.job_control import JobControl
from views.card_actions import ACTIONS, TEMPLATE, CardAction, Click, card_button
from views.interactions import Interaction
from views.reporter import report_error
from views.requests import DiscordRequests


class CardButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """Any button of `ACTIONS`; discord.py makes one for each click."""

    requests: ClassVar[DiscordRequests]
    jobs: ClassVar[JobControl]

    def __init__(self, action: CardAction, job_id: str, number: int | None = None) -> None:
        super().__init__(card_button(action, job_id, number))
        self._action = action
        self._job_id = job_id
        self._number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        number = match["number"]
        return cls(ACTIONS[match["verb"]], match["job"], int(number) if number else None)

    async def callback(self, interaction: Interaction) -> None:
        try:
            await self._action.perform(Click(interaction, self._job_id, self._number, self.requests, self.jobs))
        except Exception as error:  # noqa: BLE001 - an edge: discord.py would only log it
            await report_error(interaction, error)


def card_buttons(requests: DiscordRequests, jobs: JobControl) -> type[CardButton]:
    """The class to register with the bot, bound to what clicks need: discord.py makes the instances."""

    class BoundCardButton(CardButton, template=TEMPLATE):
        pass

    BoundCardButton.requests = requests
    BoundCardButton.jobs = jobs
    return BoundCardButton
