"""Bringing outcomes to Discord: by the interaction's token while it lives, by the bot's own after that."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import cast

import aiohttp
import discord

from domain import Job, Refusal, Refused
from studio.display import ReadyPicture, Report, TemporarilyUndeliverable, Undeliverable
from views.card import Card, drawing_line, preview_files, result_card, wordless_card
from views.excuse import excuse_card, wordless_excuse
from views.verdicts import INVALID_TOKEN, TOO_MANY_EDITS, UNKNOWN_WEBHOOK, verdict

log = logging.getLogger(__name__)

SEND_SECONDS = 120.0
REPORT_SECONDS = 10.0
REPORT_PAUSE = 2.5
"""The least seconds before a message is first edited, for most pictures are there by then, and between two edits."""
TOKEN_MARGIN = timedelta(seconds=5)
ABOUT_THE_WORDS = (Refusal.BLOCKED, Refusal.INVALID)
NO_USE_ELSEWHERE = (Refusal.TOO_LARGE, Refusal.EXPLICIT, Refusal.BLOCKED)
"""Another message in the same channel would meet the same."""
TRANSIENT = (aiohttp.ClientError, TimeoutError, ConnectionError, discord.DiscordServerError, discord.RateLimited)


class DiscordDelivery:
    """`studio.display.Delivery` for Discord. A private picture never reaches a channel."""

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
        """The newest of each job that is to be shown at the next turn."""
        self._showing: dict[str, asyncio.Task[None]] = {}
        self._preparing: dict[str, asyncio.Future[ReadyPicture | None]] = {}
        """The unfinished pictures of those that are being shown: nobody waits for one."""

    async def deliver(self, job: Job, pictures: Sequence[ReadyPicture], later: int = 0) -> None:
        await self.stop_reports(job)
        title = self._title(job.provider)
        card = result_card(job, pictures, title, later)
        await self._say(job, card, partial(wordless_card, job, pictures, title, later))

    async def explain_refusal(self, job: Job, refused: Refused) -> None:
        card = excuse_card(job, refused, self._title(job.provider))
        await self._say(job, card, partial(wordless_excuse, job, refused))

    async def find_acknowledgement(self, job: Job) -> Job | None:
        # To verify: that Discord knows no webhook (10015) behind an interaction that nobody has answered. Whatever
        # else it says is taken for a member who waits.
        if not self._token_lives(job):
            return job
        try:
            async with asyncio.timeout(REPORT_SECONDS):
                return job.having(message_id=(await self._reply(job).fetch_message(_message(job))).id)
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
            await asyncio.sleep(0)  # what has only just been taken up is being prepared then
        if preparing := self._preparing.get(job.id):
            preparing.cancel()
        if showing := self._showing.get(job.id):
            await asyncio.wait({showing})

    def _show_newest(self, job_id: str) -> None:
        newest = self._reports.pop(job_id, None)
        if newest and self._token_lives(newest[0]) and job_id not in self._showing:
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
        """With the unfinished picture, if it is taken."""
        message, line = self._reply(job), drawing_line(job, report, self._title(job.provider))
        preview = await self._prepared(job, report.preview) if report.preview else None
        if preview:
            try:
                files = preview_files(job, preview)
                await message.edit_message(_message(job), content=line, attachments=files)
            except discord.HTTPException as error:
                if isinstance(verdict(error), TemporarilyUndeliverable):
                    raise
                log.info("job %s: its unfinished picture is refused, %s", job.id, error.code)
            else:
                return
        await message.edit_message(_message(job), content=line)

    async def _prepared(self, job: Job, prepare: Callable[[], Awaitable[ReadyPicture | None]]) -> ReadyPicture | None:
        """None, too, where something else comes next meanwhile."""
        self._preparing[job.id] = preparing = asyncio.ensure_future(prepare())
        try:
            await asyncio.wait({preparing})
        finally:
            del self._preparing[job.id]
            preparing.cancel()
        return None if preparing.cancelled() else preparing.result()

    async def _say(self, job: Job, card: Card, wordless: Callable[[], Card]) -> None:
        """wordless: makes the same without words from outside, for where these may be what is refused."""
        try:
            await self._try(job, card)
        except Undeliverable as error:
            if error.kind not in ABOUT_THE_WORDS:
                raise
            log.warning("job %s: refused, %s; tried again without words from outside", job.id, error)
            plain = wordless()
            await self._try(job, plain if error.kind is Refusal.BLOCKED else plain._replace(view=None))

    async def _try(self, job: Job, card: Card) -> None:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._send(job, card)
        except TRANSIENT as error:
            raise TemporarilyUndeliverable(type(error).__name__) from None
        except discord.HTTPException as error:
            raise verdict(error) from None

    async def _send(self, job: Job, card: Card) -> None:
        if self._token_lives(job):
            try:
                await self._edit_reply(job, card)
            except discord.HTTPException as error:
                if error.code not in (INVALID_TOKEN, UNKNOWN_WEBHOOK):
                    raise
            else:
                return
        if job.private or job.channel_id is None:
            raise Undeliverable(Refusal.EXPIRED)
        await self._edit_or_post(job, job.channel_id, card)

    async def _edit_reply(self, job: Job, card: Card) -> None:
        await self._reply(job).edit_message(
            _message(job), content=card.content, attachments=card.files(), view=card.view
        )

    def _token_lives(self, job: Job) -> bool:
        return job.reply_token is not None and self._now() < job.reply_deadline - TOKEN_MARGIN

    def _reply(self, job: Job) -> discord.Webhook:
        return discord.Webhook.partial(job.application_id, job.reply_token or "", client=self._client)

    async def _edit_or_post(self, job: Job, channel_id: int, card: Card) -> None:
        channel = self._client.get_partial_messageable(channel_id, guild_id=job.guild_id)
        if job.message_id:
            try:
                message = channel.get_partial_message(job.message_id)
                await message.edit(content=card.content, attachments=card.files(), view=card.view)
            except discord.HTTPException as error:
                if not _is_beyond_editing(error):
                    raise  # the same edit may do later, or already has: another message would show the picture twice
                log.warning("job %s: its message cannot be edited (%s), posting another", job.id, error.code)
            else:
                return
        # The same nonce again within minutes gives the message that is there already.
        view = card.view or discord.utils.MISSING
        await channel.send(card.content, files=card.files(), view=view, nonce=job.id)


def _message(job: Job) -> int:
    """The reply's own id, or the word by which Discord knows it too."""
    return job.message_id or cast("int", "@original")


def _is_beyond_editing(error: discord.HTTPException) -> bool:
    """Whether another message may be taken where this edit never is."""
    if error.code == TOO_MANY_EDITS:
        return True
    told = verdict(error)
    return error.status == 400 and isinstance(told, Undeliverable) and told.kind not in NO_USE_ELSEWHERE
