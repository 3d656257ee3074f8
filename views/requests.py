"""Passes requests from `/imagine` and from result buttons to the studio."""

import logging
from collections.abc import Collection, Sequence
from functools import partial

import discord
from yarl import URL

from domain import ImageRequest, Job, Size
from studio.intake.files import Files, IncomingFile, Unreadable
from studio.intake.intake import Intake
from studio.intake.pending import Acknowledge, AnsweredElsewhere
from views.attachments import read_attachment
from views.interactions import REQUEST_ERRORS, Interaction, defer, origin_of

log = logging.getLogger(__name__)

UPLOAD_HOSTS = frozenset({"cdn.discordapp.com", "media.discordapp.net"})
"""Discord's; only links to these are given to providers that fetch uploads themselves."""


class DiscordRequests:
    """Converts interactions and attachments for the studio's intake; raises its errors."""

    def __init__(self, intake: Intake, upload_hosts: Collection[str] = UPLOAD_HOSTS) -> None:
        self._intake = intake
        self._upload_hosts = upload_hosts
        self._warned = False

    async def take(
        self,
        interaction: Interaction,
        request: ImageRequest,
        images: Sequence[discord.Attachment] = (),
        mask: discord.Attachment | None = None,
    ) -> None:
        files = Files(images=tuple(map(self._file, images)), mask=mask and self._file(mask))
        await self._intake.take(request, files, origin_of(interaction), self._acknowledger(interaction))

    async def upscale(self, interaction: Interaction, parent: Job, picture: discord.Attachment) -> None:
        await self._intake.upscale(parent, self._file(picture), origin_of(interaction), self._acknowledger(interaction))

    async def again(self, interaction: Interaction, parent: Job) -> None:
        await self._intake.again(parent, origin_of(interaction), self._acknowledger(interaction))

    async def retry(self, interaction: Interaction, parent: Job) -> bool:
        """False if the job has been retried already."""
        return await self._intake.retry(parent, origin_of(interaction), self._acknowledger(interaction))

    def _acknowledger(self, interaction: Interaction) -> Acknowledge:
        return partial(self._acknowledge, interaction)

    async def _acknowledge(self, interaction: Interaction, private: bool) -> int | None:
        """Defer the reply, which also fixes who sees it."""
        try:
            return await defer(interaction, private=private)
        except AnsweredElsewhere:
            self._warn()
            raise

    def _warn(self) -> None:
        """Log once that another process uses the token."""
        if not self._warned:
            log.warning("another process uses this bot's token and answers interactions: run only one")
        self._warned = True

    def _file(self, attachment: discord.Attachment) -> IncomingFile:
        is_discords = URL(attachment.url).host in self._upload_hosts
        return IncomingFile(
            length=attachment.size,
            media_type=attachment.content_type,
            size=Size(attachment.width, attachment.height) if attachment.width and attachment.height else None,
            url=attachment.url if is_discords else None,
            read=partial(_read, attachment),
        )


async def _read(attachment: discord.Attachment) -> bytes:
    try:
        return await read_attachment(attachment)
    except REQUEST_ERRORS as error:
        raise Unreadable(type(error).__name__) from None
