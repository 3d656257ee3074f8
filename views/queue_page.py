"""The page of /queue: running and waiting jobs, and a menu to cancel them."""

from collections.abc import Sequence

import discord

from domain import Job, State
from studio.catalogue import Catalogue
from studio.job_control import JobControl
from views.interactions import Interaction
from views.limits import LABEL_CHARACTERS, MAX_CHOICES
from views.panel import Page, Panel, PanelView
from views.reporter import NO_RIGHT, answer_privately
from views.wording.text import code_span, say

LISTED_JOBS = 12
QUEUE_EMPTY = "Nothing is being drawn, and nothing waits."
CANCELLED_SENTENCE = "Cancelled."
CANCEL_TOO_LATE = "That one is drawn or over already."
PRIVATE_REQUEST = "a private request"
BEGUN_JOB = "🖌️ being drawn · {prompt} · {member} · {provider} · asked {since}"
WAITING_JOB = "⏳ waiting · {prompt} · {member} · {provider} · asked {since}"
MORE_JOBS = "-# and {count} more"


class QueuePage(Panel):
    """All jobs of a server for its managers, else the member's own jobs."""

    def __init__(self, jobs: JobControl, catalogue: Catalogue, *, user_id: int, guild_id: int | None) -> None:
        """guild_id: the server whose jobs are all listed; None: only the member's own."""
        super().__init__()
        self._jobs = jobs
        self._catalogue = catalogue
        self._user_id = user_id
        self._guild_id = guild_id
        self._last_result = ""
        """A sentence about the last click; empty if there is nothing to say."""

    async def allows(self, interaction: Interaction) -> bool:
        """Checks the right again: it may have been revoked since the page was opened."""
        if self._guild_id is None or interaction.permissions.manage_guild:
            return True
        await answer_privately(interaction, NO_RIGHT)
        return False

    async def cancel(self, interaction: Interaction, job_id: str) -> None:
        """Cancel a job that this member may see; the id from the menu can be forged."""
        await interaction.response.defer()
        is_listed = job_id in {job.id for job in await self._cancellable_jobs()}
        if is_listed and await self._jobs.cancel(job_id):
            self._last_result = CANCELLED_SENTENCE
        else:
            self._last_result = ""
            await answer_privately(interaction, CANCEL_TOO_LATE)
        await self.redraw(interaction)

    async def _cancellable_jobs(self) -> Sequence[Job]:
        whose = {"user_id": self._user_id} if self._guild_id is None else {"guild_id": self._guild_id}
        jobs = await self._jobs.under_way(**whose)
        return [job for job in jobs if job.state is not State.DRAWN and not job.cancelled]

    async def draw(self) -> Page:
        jobs = await self._cancellable_jobs()
        lines = [self._line(job) for job in jobs[:LISTED_JOBS]]
        more = [say(MORE_JOBS, count=len(jobs) - LISTED_JOBS)] if len(jobs) > LISTED_JOBS else []
        text = "\n".join([*filter(None, [self._last_result]), *(lines or [QUEUE_EMPTY]), *more])
        menu = [CancelMenu([self._option(job) for job in jobs[:MAX_CHOICES]])] if jobs else []
        return Page(text, menu)

    def _line(self, job: Job) -> str:
        return say(
            BEGUN_JOB if job.started else WAITING_JOB,
            prompt=code_span(job.request.prompt, 60) if self._may_see_prompt(job) else PRIVATE_REQUEST,
            member=f"<@{job.user_id}>",
            provider=self._catalogue.title(job.provider),
            since=f"<t:{job.created.timestamp():.0f}:R>",
        )

    def _option(self, job: Job) -> discord.SelectOption:
        words = code_span(job.request.prompt, LABEL_CHARACTERS)[1:-1] if self._may_see_prompt(job) else PRIVATE_REQUEST
        return discord.SelectOption(
            label=words,
            value=job.id,
            description=f"{self._catalogue.title(job.provider)}, {job.model_title}"[:LABEL_CHARACTERS],
        )

    def _may_see_prompt(self, job: Job) -> bool:
        return not job.private or job.user_id == self._user_id


class CancelMenu(discord.ui.Select[PanelView[QueuePage]]):
    def __init__(self, options: list[discord.SelectOption]) -> None:
        super().__init__(placeholder="Cancel a request…", options=options, custom_id="queue:cancel")

    async def callback(self, interaction: Interaction) -> None:
        if self.view:
            await self.view.panel.cancel(interaction, self.values[0])
