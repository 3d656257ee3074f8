"""The buttons below a result. They live as long as the message: all that they know is a job's id."""

import re
from contextlib import suppress
from typing import Any, ClassVar, Literal, Self, assert_never

import discord

from domain import Job
from studio.job_control import JobControl
from views.card import button
from views.card_ids import TEMPLATE, Verb
from views.interactions import Interaction
from views.reporter import answer_privately, report_error
from views.requests import DiscordRequests

UNKNOWN = "I no longer know that picture."
TRIED = "That has been tried again already: look further down."
NOT_YOURS = "Only the member who asked for it, or someone who may manage messages, can do that."

Asking = Literal[Verb.AGAIN, Verb.UPSCALE, Verb.RETRY]


class CardButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """Again, Upscale, Retry or Delete."""

    requests: ClassVar[DiscordRequests]
    jobs: ClassVar[JobControl]

    def __init__(self, verb: Verb, job_id: str) -> None:
        super().__init__(button(verb, job_id))
        self.verb = verb
        self.job_id = job_id

    @classmethod
    async def from_custom_id(
        cls, interaction: Interaction, item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(Verb(match["verb"]), match["job"])

    async def callback(self, interaction: Interaction) -> None:
        try:
            await self._press(interaction)
        except Exception as error:  # noqa: BLE001 - an edge: discord.py would only log it
            await report_error(interaction, error)

    async def _press(self, interaction: Interaction) -> None:
        job = await self.jobs.find(self.job_id)
        if self.verb is Verb.DELETE:
            await self._delete(interaction, job)
        elif job is None or not _may_see(interaction, job):
            await answer_privately(interaction, UNKNOWN)
        else:
            await self._ask(interaction, job, self.verb)

    async def _ask(self, interaction: Interaction, job: Job, verb: Asking) -> None:
        match verb:
            case Verb.AGAIN:
                await self.requests.again(interaction, job)
            case Verb.UPSCALE:
                await self._upscale(interaction, job)
            case Verb.RETRY:
                await self._retry(interaction, job)
            case _:
                assert_never(verb)

    async def _delete(self, interaction: Interaction, job: Job | None) -> None:
        """The message, whose job may be gone or have moved; and what waits for its owner, if it is they who ask."""
        owner = job.user_id if job and _may_see(interaction, job) else _asked_by(interaction)
        if interaction.user.id != owner and not interaction.permissions.manage_messages:
            await answer_privately(interaction, NOT_YOURS)
            return
        await interaction.response.defer()
        with suppress(discord.NotFound):  # somebody else was quicker
            await interaction.delete_original_response()
        if job and interaction.user.id == job.user_id:
            await self.jobs.give_up(self.job_id)

    async def _retry(self, interaction: Interaction, job: Job) -> None:
        """Of what is ordered already, by its owner alone: it is theirs."""
        if job.remote is not None and interaction.user.id != job.user_id:
            await answer_privately(interaction, NOT_YOURS)
        elif not await self.requests.retry(interaction, job):
            await answer_privately(interaction, TRIED)

    async def _upscale(self, interaction: Interaction, job: Job) -> None:
        shown = interaction.message.attachments if interaction.message else []
        if shown:
            await self.requests.upscale(interaction, job, shown[0])
        else:
            await answer_privately(interaction, UNKNOWN)


def _may_see(interaction: Interaction, job: Job) -> bool:
    """A custom id is only text: it may name a job of another server, or one that its owner alone has seen."""
    mine = interaction.user.id == job.user_id
    return interaction.guild_id == job.guild_id and (mine or not (job.private or job.guild_id is None))


def _asked_by(interaction: Interaction) -> int | None:
    """Who asked for the message, as Discord itself remembers it."""
    asked = interaction.message.interaction_metadata if interaction.message else None
    return asked.user.id if asked else None


def card_buttons(requests: DiscordRequests, jobs: JobControl) -> type[CardButton]:
    """The class to register with the bot: discord.py makes its instances, so it has to know both."""

    class BoundCardButton(CardButton, template=TEMPLATE):
        pass

    BoundCardButton.requests = requests
    BoundCardButton.jobs = jobs
    return BoundCardButton
