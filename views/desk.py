"""The desk where requests come in: from `/imagine` and from the buttons below a result."""

import asyncio
import logging
from collections.abc import Collection
from functools import partial

import discord
from yarl import URL

from domain import BadUpload, Defect, ImageRequest, Job, Size, Upload
from storage.settings import SettingsStore
from studio import images
from studio.intake.promises import AnsweredElsewhere
from studio.studio import Studio
from views.acknowledging import UNTOLD, defer
from views.origins import Interaction, origin_of

log = logging.getLogger(__name__)

UPLOAD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""A provider that fetches an upload itself is given links to these only."""

READ_SECONDS = 60.0
"""How long an upload may take to be read: others wait for their turn."""


class Desk:
    """Plans first, so that a refusal is private and costs nothing; then defers; then hands over to the studio."""

    def __init__(self, studio: Studio, settings: SettingsStore, upload_hosts: Collection[str] = UPLOAD_HOSTS) -> None:
        self.studio = studio
        self.settings = settings
        self._upload_hosts = upload_hosts
        self._warned = False

    async def take(
        self,
        interaction: Interaction,
        request: ImageRequest,
        image: discord.Attachment | None = None,
        mask: discord.Attachment | None = None,
        parent: Job | None = None,
    ) -> None:
        """A member's new request, with the files that belong to it; domain errors are answered privately.

        parent: the job whose picture it is.
        """
        request = request.model_copy(update={"image": self._upload(image, "image"), "mask": self._upload(mask, "mask")})
        with self.studio.rush:
            planned = await self._plan(interaction, request)
            job = await self._promise(interaction, planned.having(parent=parent.id) if parent else planned)
        if job is None:
            return
        try:
            if image is not None:
                kept = await self._keep(job, request, image, mask)
                job = await self._reshaped(interaction, job, kept)
        except Exception as error:
            await self.studio.withdraw(job, error)
            raise
        await self.studio.submit(job)

    async def upscale(self, interaction: Interaction, parent: Job, picture: discord.Attachment) -> None:
        """The same picture, larger."""
        request = ImageRequest(
            prompt=parent.request.prompt, provider=parent.provider, private=parent.private, upscale=True
        )
        await self.take(interaction, request, picture, parent=parent)

    async def again(self, interaction: Interaction, parent: Job) -> None:
        """The same request with a new seed."""
        request = (parent.asked or parent.request).model_copy(update={"seed": None, "private": parent.private})
        with self.studio.rush:
            job = await self._plan(interaction, request)
            await self._needs_upload(job)
            promised = await self._promise(interaction, job.having(parent=parent.id))
        if promised is not None:
            await self.studio.submit(promised)

    async def retry(self, interaction: Interaction, parent: Job) -> bool:
        """The same request; where the provider has accepted it and was late, ask for that result and pay nothing.

        False where somebody has asked before.
        """
        if parent.remote is None:
            asked = (parent.asked or parent.request).model_copy(update={"private": parent.private})
            job = await self._plan(interaction, asked)
        else:
            job = self.studio.plan_rest(parent, origin_of(interaction))
        await self._needs_upload(job)
        with self.studio.rush:
            promised = await self._promise(interaction, job.having(parent=parent.id), retry=True)
        if promised is None:
            return False
        await self.studio.submit(promised)
        return True

    async def _plan(self, interaction: Interaction, request: ImageRequest) -> Job:
        settings = await self.settings.get(interaction.guild_id)
        return await self.studio.plan(request, settings, origin_of(interaction))

    async def _promise(self, interaction: Interaction, job: Job, *, retry: bool = False) -> Job | None:
        """Within Discord's three seconds; it also fixes for good who sees the answer."""
        try:
            return await self.studio.promise(job, partial(defer, interaction, private=job.private), retry=retry)
        except AnsweredElsewhere:
            self._warn()
            raise

    def _warn(self) -> None:
        """Once: it would be said at every request."""
        if not self._warned:
            log.warning("another process uses this bot's token, and answers its members: let only one run")
        self._warned = True

    async def _reshaped(self, interaction: Interaction, job: Job, request: ImageRequest) -> Job:
        """Planned anew, now that the image's own shape is known."""
        settings = await self.settings.get(interaction.guild_id)
        shaped = await self.studio.planner.plan(request, settings, origin_of(interaction))
        return shaped.having(message_id=job.message_id, private=job.private, created=job.created, parent=job.parent)

    async def _keep(
        self, job: Job, request: ImageRequest, image: discord.Attachment, mask: discord.Attachment | None
    ) -> ImageRequest:
        """Read the files in their turn: the member has been told to wait, and others go first who have not."""
        async with self.studio.intake.turn(image.size + (mask.size if mask else 0)):
            await self.studio.rush.over()
            files = await _read(image, "image"), await _read(mask, "mask") if mask else None
            return await self.studio.keep_uploads(job, request, *files)

    async def _needs_upload(self, job: Job) -> None:
        if job.request.image is not None:
            await self.studio.check_uploads(job)

    def _upload(self, attachment: discord.Attachment | None, field: str) -> Upload | None:
        if attachment is None:
            return None
        size = Size(attachment.width, attachment.height) if attachment.width and attachment.height else None
        images.check_announced(attachment.size, attachment.content_type, size, field)
        known = URL(attachment.url).host in self._upload_hosts
        return Upload(url=attachment.url if known else None, size=size)


async def _read(attachment: discord.Attachment, field: str) -> bytes:
    """All of it, and no more than was announced."""
    try:
        async with asyncio.timeout(READ_SECONDS):
            data = await attachment.read()
    except UNTOLD:
        raise BadUpload(option=field, defect=Defect.NOT_HANDED_OVER) from None
    if len(data) > attachment.size:
        raise BadUpload(option=field, defect=Defect.NOT_AS_ANNOUNCED)
    return data
