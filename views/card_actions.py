"""The buttons below a result: of each, its id, its label, when a card has it, and what a click does."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

import discord

from domain import Job, State
from domain.outcomes import is_hosts_matter
from studio.display import ReadyPicture
from studio.job_control import JobControl
from views.interactions import Interaction
from views.reporter import answer_privately
from views.requests import DiscordRequests

JOB_UNKNOWN = "I no longer know that picture."
RETRIED_ALREADY = "That has been tried again already: look further down."
NOT_ALLOWED = "Only the member who asked for it, or someone who may manage messages, can do that."


class Click(NamedTuple):
    """A member's click on a button below a result."""

    interaction: Interaction
    job_id: str
    number: int | None
    """Which picture, cell or vote, for a button that is about one of several."""
    requests: DiscordRequests
    jobs: JobControl


class CardAction(NamedTuple):
    """What one button does."""

    verb: str
    """Its name in custom ids, which stay valid for as long as the message."""
    label: str
    emoji: str
    is_offered: Callable[[Job, Sequence[ReadyPicture]], bool]
    """Whether the card for this job with these pictures has the button."""
    perform: Callable[[Click], Awaitable[None]]


async def _visible_job(click: Click) -> Job | None:
    """The job, if the member may see it; if not, that has been answered."""
    job = await click.jobs.find(click.job_id)
    if job and _may_see(click.interaction, job):
        return job
    await answer_privately(click.interaction, JOB_UNKNOWN)
    return None


async def _again(click: Click) -> None:
    if job := await _visible_job(click):
        await click.requests.again(click.interaction, job)


async def _upscale(click: Click) -> None:
    job, message = await _visible_job(click), click.interaction.message
    if job is None:
        return
    if message and message.attachments:
        await click.requests.upscale(click.interaction, job, message.attachments[0])
    else:
        await answer_privately(click.interaction, JOB_UNKNOWN)


async def _retry(click: Click) -> None:
    """A job that the provider has accepted is its owner's alone to retry."""
    job = await _visible_job(click)
    if job is None:
        return
    if job.remote is not None and click.interaction.user.id != job.user_id:
        await answer_privately(click.interaction, NOT_ALLOWED)
    elif not await click.requests.retry(click.interaction, job):
        await answer_privately(click.interaction, RETRIED_ALREADY)


async def _delete(click: Click) -> None:
    """Delete the message, even if its job is gone; where the owner clicks, also the pictures that are kept for them."""
    interaction = click.interaction
    await interaction.response.defer()  # first: the database may be busy
    found = await click.jobs.find(click.job_id)
    job = found if found and _may_see(interaction, found) else None
    owner = job.user_id if job else _author_of_command(interaction)
    if interaction.user.id != owner and not interaction.permissions.manage_messages:
        await answer_privately(interaction, NOT_ALLOWED)
        return
    with suppress(discord.NotFound):  # a click before this one has deleted it
        await interaction.delete_original_response()
    if job and interaction.user.id == job.user_id:
        await click.jobs.give_up(click.job_id)


def _may_see(interaction: Interaction, job: Job) -> bool:
    """A custom id can be forged: it may name a job of another message, or another member's private job."""
    is_owner = interaction.user.id == job.user_id
    return _is_shown_here(interaction, job) and (is_owner or not (job.private or job.guild_id is None))


def _is_shown_here(interaction: Interaction, job: Job) -> bool:
    """Whether the clicked message is the job's: its reply, or a message that was posted in place of that."""
    message = interaction.message
    is_in_place = interaction.guild_id == job.guild_id and job.channel_id in (None, interaction.channel_id)
    if message is None or not is_in_place:
        return False
    return job.message_id in (None, message.id) or message.interaction_metadata is None


def _author_of_command(interaction: Interaction) -> int | None:
    """The member whose command made the message, according to Discord."""
    metadata = interaction.message.interaction_metadata if interaction.message else None
    return metadata.user.id if metadata else None


def _always(_job: Job, _pictures: Sequence[ReadyPicture]) -> bool:
    return True


def _has_pictures(_job: Job, pictures: Sequence[ReadyPicture]) -> bool:
    return bool(pictures)


def _can_upscale(job: Job, pictures: Sequence[ReadyPicture]) -> bool:
    has_one_image = len(pictures) == 1 and bool(pictures[0].data) and all(each.way != "file" for each in job.drawn)
    return has_one_image and job.upscales and not job.request.upscale


def _can_retry(job: Job, pictures: Sequence[ReadyPicture]) -> bool:
    """Below some of the pictures too, if the provider may still deliver the others, which are paid for."""
    return job.remote is not None or (not pictures and _is_retryable(job))


def _is_retryable(job: Job) -> bool:
    """False for a refused request, and for what only the host can mend."""
    return job.failure is None or not (job.failure.state is State.REFUSED or is_hosts_matter(job.failure))


AGAIN_ACTION = CardAction("again", "Again", "🔁", _has_pictures, _again)
UPSCALE_ACTION = CardAction("upscale", "Upscale", "🔍", _can_upscale, _upscale)
RETRY_ACTION = CardAction("retry", "Retry", "🔁", _can_retry, _retry)
DELETE_ACTION = CardAction("delete", "Delete", "🗑️", _always, _delete)
ACTIONS: Mapping[str, CardAction] = {
    each.verb: each for each in (AGAIN_ACTION, UPSCALE_ACTION, RETRY_ACTION, DELETE_ACTION)
}
"""By verb, in the order of the buttons."""
TEMPLATE = (
    rf"easel:(?:2:)?(?P<verb>{'|'.join(ACTIONS)})"
    r":(?P<job>[0-9]{1,20}(?:-[0-9]{1,3})?)(?::(?P<number>[0-9]{1,2}))?"
)
"""Matches custom ids. Those of earlier versions have no 2."""


def custom_id(verb: str, job_id: str, number: int | None = None) -> str:
    """number: which picture, cell or vote, for a verb that is about one of several."""
    return f"easel:2:{verb}:{job_id}" if number is None else f"easel:2:{verb}:{job_id}:{number}"


def card_button(action: CardAction, job_id: str, number: int | None = None) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=action.label, emoji=action.emoji, custom_id=custom_id(action.verb, job_id, number))
