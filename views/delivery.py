"""Sends outcomes to Discord: with the interaction's token while it is valid, then with the bot's own."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

import aiohttp
import discord

from domain import DeliveryRefusal, FailedDelivery, Job
from studio.display import ReadyPicture, Report, TemporarilyUndeliverable, Undeliverable
from views.card import Card, card_without_external_text, preview_files, progress_text, result_card
from views.discord_errors import INVALID_TOKEN, TOO_MANY_EDITS, UNKNOWN_WEBHOOK, classify
from views.refusal_card import refusal_card, refusal_card_without_external_text

log = logging.getLogger(__name__)

SEND_SECONDS = 120.0
REPORT_SECONDS = 10.0
REPORT_PAUSE = 2.5
"""Seconds before the first progress edit, as most pictures are done by then, and between two edits."""
TOKEN_MARGIN = timedelta(seconds=5)
TEXT_REFUSALS = (DeliveryRefusal.BLOCKED, DeliveryRefusal.INVALID)
SAME_IN_NEW_MESSAGE = (DeliveryRefusal.TOO_LARGE, DeliveryRefusal.EXPLICIT, DeliveryRefusal.BLOCKED)
"""A new message in the same channel would be refused for the same reason."""
TRANSIENT = (aiohttp.ClientError, TimeoutError, ConnectionError, discord.DiscordServerError, discord.RateLimited)


class DiscordDelivery:
    """`studio.display.Delivery` for Discord; a private picture is never sent to a channel."""

    def __init__(
        self,
        client: discord.Client,
        title: Callable[[str], str],
        on_shown: Callable[[Job], None] = lambda _: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """on_shown: called with a job each time that its progress has been shown. now: Discord's time."""
        self._client = client
        self._title = title
        self._on_shown = on_shown
        self._now = now
        self._reports: dict[str, tuple[Job, Report]] = {}
        """The latest progress of each job, to be shown at its next edit."""
        self._showing: dict[str, asyncio.Task[None]] = {}
        self._preparing: dict[str, asyncio.Future[ReadyPicture | None]] = {}
        """Previews being prepared, by job; cancelled when the job is settled."""

    async def deliver(self, job: Job, pictures: Sequence[ReadyPicture], later: int = 0) -> None:
        await self.stop_reports(job)
        title = self._title(job.provider)
        card = result_card(job, pictures, title, later)
        await self._send_or_without_text(job, card, partial(card_without_external_text, job, pictures, title, later))

    async def explain_refusal(self, job: Job, refused: FailedDelivery) -> None:
        card = refusal_card(job, refused, self._title(job.provider))
        await self._send_or_without_text(job, card, partial(refusal_card_without_external_text, job, refused))

    async def find_acknowledgement(self, job: Job) -> Job | None:
        # To verify: Discord answers 10015 (unknown webhook) for an interaction that has not been acknowledged. Any
        # other answer counts as acknowledged.
        if not self._has_valid_token(job):
            return job
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                return job.having(message_id=(await self._reply_webhook(job).fetch_message(_message_id(job))).id)
        except TRANSIENT as error:
            raise TemporarilyUndeliverable(type(error).__name__) from None
        except discord.HTTPException as error:
            if error.status == 429:
                raise TemporarilyUndeliverable("429") from None
            return None if error.code == UNKNOWN_WEBHOOK else job

    def report(self, job: Job, report: Report) -> None:
        if job.id not in self._reports:
            asyncio.get_running_loop().call_later(REPORT_PAUSE, self._show_newest, job.id)
        self._reports[job.id] = (job, report)

    async def show(self, job: Job, report: Report) -> None:
        await self.stop_reports(job)
        self._reports[job.id] = (job, report)
        self._show_newest(job.id)
        await self.stop_reports(job)

    async def stop_reports(self, job: Job) -> None:
        self._reports.pop(job.id, None)
        if job.id in self._showing:
            await asyncio.sleep(0)  # lets a task that was just created start its preview, which is cancelled below
        if preparing := self._preparing.get(job.id):
            preparing.cancel()
        if showing := self._showing.get(job.id):
            await asyncio.wait({showing})

    def _show_newest(self, job_id: str) -> None:
        newest = self._reports.pop(job_id, None)
        if newest and self._has_valid_token(newest[0]) and job_id not in self._showing:
            self._showing[job_id] = task = asyncio.create_task(self._show(*newest))
            task.add_done_callback(lambda _: self._showing.pop(job_id, None))

    async def _show(self, job: Job, report: Report) -> None:
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                await self._show_line(job, report)
            self._on_shown(job)
        except (*TRANSIENT, discord.HTTPException) as error:
            log.info("job %s: progress not shown, %s", job.id, type(error).__name__)

    async def _show_line(self, job: Job, report: Report) -> None:
        """Edit in the progress, with the preview if Discord accepts it."""
        message, line = self._reply_webhook(job), progress_text(job, report, self._title(job.provider))
        preview = await self._prepare_preview(job, report.preview) if report.preview else None
        if preview:
            try:
                files = preview_files(job, preview)
                await message.edit_message(_message_id(job), content=line, attachments=files)
            except discord.HTTPException as error:
                if isinstance(classify(error), TemporarilyUndeliverable):
                    raise
                log.info("job %s: preview refused, %s", job.id, error.code)
            else:
                return
        await message.edit_message(_message_id(job), content=line)

    async def _prepare_preview(
        self, job: Job, prepare: Callable[[], Awaitable[ReadyPicture | None]]
    ) -> ReadyPicture | None:
        """The preview as a file; None if it cannot be prepared, or was cancelled."""
        self._preparing[job.id] = preparing = asyncio.ensure_future(prepare())
        try:
            await asyncio.wait({preparing})
        finally:
            del self._preparing[job.id]
            preparing.cancel()
        return None if preparing.cancelled() else preparing.result()

    async def _send_or_without_text(self, job: Job, card: Card, without_text: Callable[[], Card]) -> None:
        """without_text: makes the card without external text, for when that text may be what Discord refuses."""
        try:
            await self._send_once(job, card)
        except Undeliverable as error:
            if error.kind not in TEXT_REFUSALS:
                raise
            log.warning("job %s: refused, %s; retried without external text", job.id, error)
            fallback = without_text()
            await self._send_once(
                job, fallback if error.kind is DeliveryRefusal.BLOCKED else fallback._replace(view=None)
            )

    async def _send_once(self, job: Job, card: Card) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send(job, card)
        except TRANSIENT as error:
            raise TemporarilyUndeliverable(type(error).__name__) from None
        except discord.HTTPException as error:
            raise classify(error) from None

    async def _send(self, job: Job, card: Card) -> None:
        if self._has_valid_token(job):
            try:
                await self._edit_reply(job, card)
            except discord.HTTPException as error:
                if error.code not in (INVALID_TOKEN, UNKNOWN_WEBHOOK):
                    raise
            else:
                return
        if job.private or job.channel_id is None:
            raise Undeliverable(DeliveryRefusal.EXPIRED)
        await self._edit_or_post(job, job.channel_id, card)

    async def _edit_reply(self, job: Job, card: Card) -> None:
        await self._reply_webhook(job).edit_message(
            _message_id(job), content=card.content, attachments=card.files(), view=card.view
        )

    def _has_valid_token(self, job: Job) -> bool:
        return job.reply_token is not None and self._now() < job.reply_deadline - TOKEN_MARGIN

    def _reply_webhook(self, job: Job) -> discord.Webhook:
        webhook = discord.Webhook.partial(job.application_id, job.reply_token or "", client=self._client)
        # discord.py gives them to its own webhooks alone.
        webhook.proxy, webhook.proxy_auth = self._client.http.proxy, self._client.http.proxy_auth
        return webhook

    async def _edit_or_post(self, job: Job, channel_id: int, card: Card) -> None:
        channel = self._client.get_partial_messageable(channel_id, guild_id=job.guild_id)
        if job.message_id:
            try:
                message = channel.get_partial_message(job.message_id)
                await message.edit(content=card.content, attachments=card.files(), view=card.view)
            except discord.HTTPException as error:
                if not _needs_new_message(error):
                    raise  # a later attempt may succeed, or this one did: a new message would show the picture twice
                log.warning("job %s: its message cannot be edited (%s), posting another", job.id, error.code)
            else:
                return
        # Idempotent: within minutes, the same nonce returns the existing message.
        view = card.view or discord.utils.MISSING
        await channel.send(card.content, files=card.files(), view=view, nonce=job.id)


def _message_id(job: Job) -> int:
    """The reply's id, or Discord's alias for it."""
    return job.message_id or cast("int", "@original")


def _needs_new_message(error: discord.HTTPException) -> bool:
    """Whether Discord will always refuse this edit, but may accept a new message."""
    if error.code == TOO_MANY_EDITS:
        return True
    refusal = classify(error)
    return error.status == 400 and isinstance(refusal, Undeliverable) and refusal.kind not in SAME_IN_NEW_MESSAGE
