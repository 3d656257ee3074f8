"""The page of /privacy, and the deletion that it offers: what would go, asked once, and what went."""

from enum import Enum, auto

import discord

from domain.jobs import Finished
from studio.catalogue import Catalogue
from studio.job_control import JobControl
from views.interactions import Interaction
from views.pages import privacy_page
from views.panel import Page, Panel, PanelView
from views.providers_page import models_by_provider
from views.wording.deletion import deleted_sentences, question_sentences


class Step(Enum):
    TEXT = auto()
    QUESTION = auto()
    DELETED = auto()


class PrivacyPage(Panel):
    """The privacy text, the question before a deletion, or what was deleted."""

    def __init__(self, jobs: JobControl, catalogue: Catalogue, host: str, user_id: int) -> None:
        super().__init__()
        self._jobs = jobs
        self._catalogue = catalogue
        self._host = host
        self._user_id = user_id
        self._step = Step.TEXT
        self._deleted = Finished()

    async def go_to(self, interaction: Interaction, step: Step) -> None:
        await interaction.response.defer()
        self._step = step
        await self.redraw(interaction)

    async def delete(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        waiting = (await self._jobs.count_finished(self._user_id)).waiting
        requests = await self._jobs.delete_finished(user_id=self._user_id)
        self._deleted = Finished(self._deleted.requests + requests, self._deleted.waiting + waiting)
        self._step = Step.DELETED
        await self.redraw(interaction)

    async def draw(self) -> Page:
        match self._step:
            case Step.TEXT:
                text = privacy_page(await models_by_provider(self._catalogue.providers), self._host)
                return Page(text, [StepButton("Delete what is stored about me", Step.QUESTION, is_danger=True)])
            case Step.QUESTION:
                return await self._question()
            case Step.DELETED:
                return Page(deleted_sentences(self._deleted, await self._under_way()))

    async def _question(self) -> Page:
        found = await self._jobs.count_finished(self._user_id)
        back = StepButton("Keep it" if found.requests else "◀ Back", Step.TEXT)
        buttons = [ConfirmButton(), back] if found.requests else [back]
        return Page(question_sentences(found, await self._under_way()), buttons)

    async def _under_way(self) -> int:
        return len(await self._jobs.under_way(user_id=self._user_id))


class StepButton(discord.ui.Button[PanelView[PrivacyPage]]):
    def __init__(self, label: str, step: Step, *, is_danger: bool = False) -> None:
        style = discord.ButtonStyle.danger if is_danger else discord.ButtonStyle.secondary
        super().__init__(label=label, style=style, custom_id=f"privacy:{step.name.lower()}")
        self._step = step

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.go_to(interaction, self._step)


class ConfirmButton(discord.ui.Button[PanelView[PrivacyPage]]):
    def __init__(self) -> None:
        super().__init__(label="Yes, delete it", style=discord.ButtonStyle.danger, custom_id="privacy:delete")

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.delete(interaction)
