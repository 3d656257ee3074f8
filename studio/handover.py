"""Delivers drawn pictures from the spool to Discord."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from domain import BadResponse, DeliveryRefusal, Drawn, FailedDelivery, Job, PicturesGone, State
from domain.kinds import ending_of
from domain.outcomes import is_hosts_matter
from domain.requests import COMMAND_NAMES, OPTIONS
from providers.kit.base import Provider
from storage.spool import PICTURE_DAYS, Spool
from studio import images
from studio.display import MOST_PICTURES, Delivery, ReadyPicture, Undeliverable
from studio.lease import HeldJob, ignore_change
from studio.work.inspection import inspect_unread

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 24 * 1024 * 1024
"""Bytes of all attachments of a message together; Discord refuses requests over 25 MiB."""
FILE_LIMITS = tuple(mebibytes * 1024 * 1024 for mebibytes in (500, 100, 50, 20, 10, 8))
"""Discord's file size limits, by server and subscription; a bot's limit may be lower than the interaction states."""
DELIVERY_TRIES = 8
"""Enough to halve the largest message down to half a mebibyte."""
UNREACHABLE = (DeliveryRefusal.GONE, DeliveryRefusal.EXPIRED)


class Message(NamedTuple):
    """The pictures of one message, and those left for later messages."""

    pictures: Sequence[ReadyPicture]
    later: tuple[Drawn, ...] = ()


class Handover:
    """Delivers a drawn job's outcome, and finishes its row or parks it."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        spool: Spool,
        delivery: Delivery,
        on_change: Callable[[Job], None] = ignore_change,
    ) -> None:
        """on_change: called with a job that is finished or parked."""
        self._providers = providers
        self._spool = spool
        self._delivery = delivery
        self._on_change = on_change
        self._mark_lock = asyncio.Lock()

    async def deliver(self, held: HeldJob) -> None:
        """Send the outcome and finish the row, or park it if it is refused; raises TemporarilyUndeliverable."""
        await self._deliver(held)
        self._on_change(held.job)

    async def _deliver(self, held: HeldJob) -> None:
        await self._inspect_unread(held)
        message = await self._prepare(held.job, held.job.file_limit)
        if not message.pictures and held.job.failure is None:
            await held.update(failure=PicturesGone())
        try:
            message = await self._send(held.job, message)
        except Undeliverable as error:
            log.warning("job %s: not delivered, %s", held.job.id, error)
            if message.pictures or held.job.private:
                await self._park(held, _refused(held.job, error), message.pictures)
                return
        if message.later or any(each.kept_key for each in message.pictures):
            await self._park_rest(held, message)
        else:
            await self._finish(held, _final_state(held.job, message.pictures))

    async def _inspect_unread(self, held: HeldJob) -> None:
        """Inspect pictures that were stored but not inspected, because the drawing was interrupted."""
        if not any(drawn.way == "unread" for drawn in held.job.drawn):
            return
        try:
            await inspect_unread(held, self._spool)
        except BadResponse as error:
            log.warning("job %s: one picture cannot be sent, %s", held.job.id, error)
        await held.update(drawn=held.job.drawn)

    async def _send(self, job: Job, message: Message) -> Message:
        """Send, with a smaller size limit after each "too large"; the message as it was sent.

        Pictures that exceed the limit are left out and mentioned, as long as one picture remains.
        """
        for _ in range(DELIVERY_TRIES):
            pictures = message.pictures
            if pictures and all(each.kept_key for each in pictures):
                break
            try:
                await self._delivery.deliver(job, pictures, len(message.later))
            except Undeliverable as error:
                largest = max((len(each.data) for each in pictures), default=0)
                if error.kind is not DeliveryRefusal.TOO_LARGE or not largest:
                    raise
                message = await self._prepare(job, _next_limit(largest))
            else:
                return message
        raise _too_large(message.pictures)

    async def _park(self, held: HeldJob, refused: FailedDelivery, pictures: Sequence[ReadyPicture]) -> None:
        """Keep the pictures until the owner asks; the reason is sent first, so a crash in between sends it again."""
        if pictures and refused.kind not in UNREACHABLE:
            try:
                await self._delivery.explain_refusal(held.job, refused)
            except Undeliverable as error:
                log.warning("job %s: the reason could not be sent either, %s", held.job.id, error)
        await held.update(parked=True, refused=refused, reply_token=None, release=True)

    async def _park_rest(self, held: HeldJob, message: Message) -> None:
        """After a partial delivery, keep the remaining pictures until the owner asks for them."""
        keys = {each.kept_key for each in message.pictures if each.kept_key}
        rest = tuple(drawn for drawn in held.job.drawn if drawn.key in keys or drawn in message.later)
        shown = [drawn.key for drawn in held.job.drawn if drawn.key and drawn not in rest]
        why = _too_large(message.pictures) if keys else Undeliverable(DeliveryRefusal.TOO_MANY)
        refused = _refused(held.job, why, rest=True)
        await held.update(drawn=rest, parked=True, refused=refused, reply_token=None, release=True)
        await self._spool.delete(shown)

    async def _prepare(self, job: Job, file_limit: int) -> Message:
        """The pictures of one message: marked, within the size limits, and at most `MOST_PICTURES`.

        Each may use an equal share of the bytes that the previous ones left.
        """
        ready_pictures, room = list[ReadyPicture](), MESSAGE_LIMIT
        for number, drawn in enumerate(job.drawn):
            if len(ready_pictures) == MOST_PICTURES:
                return Message(ready_pictures, job.drawn[number:])
            share = room // min(len(job.drawn) - number, MOST_PICTURES - len(ready_pictures))
            if ready := await self._prepare_one(job, drawn, min(file_limit, share)):
                ready_pictures.append(ready)
                room -= len(ready.data)
        return Message(ready_pictures)

    async def _prepare_one(self, job: Job, drawn: Drawn, limit: int) -> ReadyPicture | None:
        if drawn.link:
            return ReadyPicture(link=drawn.link)
        data = await self._spool.take_cached(drawn.key) if drawn.key else None
        if data is None:
            return None
        if drawn.way == "file":
            small = len(data) <= limit
            return ReadyPicture(data, ending_of(drawn.kind or "bin")) if small else _left_out(job, drawn, data)
        provider = self._providers.get(job.provider)
        picture_facts = None if job.private else _facts(job, drawn)
        try:
            async with self._mark_lock:  # at most one per iteration of the event loop, which it blocks
                await asyncio.sleep(0)
            ai = provider is None or provider.uses_ai
            marked = await images.marked(data, ai=ai, facts=picture_facts, credit=drawn.credit)
            fitted = await images.fit(marked, limit)
        except BadResponse as error:
            log.warning("job %s: one picture cannot be sent, %s", job.id, error)
            return None
        except images.TooLarge as reason:
            log.warning("job %s: one picture is too large for this channel, %s", job.id, reason)
            return _left_out(job, drawn, data)
        return ReadyPicture(
            fitted.data, ending_of(fitted.format), reduced=fitted.reduced, first_frame_only=fitted.first_frame_only
        )

    async def _finish(self, held: HeldJob, state: State) -> None:
        """Write the final state; delete the token, the pictures, and the links to uploads.

        The links stay while a remote job may still be fetched: Retry needs them for the remaining calls.
        """
        job = held.job
        request = job.request if job.remote else job.request.without_links()
        asked = job.asked and job.asked.without_links()
        await held.update(state=state, reply_token=None, refused=None, request=request, asked=asked, release=True)
        await self._spool.delete([drawn.key for drawn in job.drawn if drawn.key])
        log.log(*_log_line(held.job))


def _next_limit(size: int) -> int:
    """The size limit of the next attempt: Discord's next lower limit, or else half the size."""
    return max((limit for limit in FILE_LIMITS if limit < size), default=size // 2)


def _facts(job: Job, drawn: Drawn) -> dict[str, str]:
    """The metadata of a public picture's file, without options that were not set."""
    values = {"prompt": job.request.prompt, "provider": job.provider, "model": job.model, "size": drawn.size}
    options = {COMMAND_NAMES.get(option.name, option.name): option.value(job.request) for option in OPTIONS}
    known = values | options | {"seed": drawn.seed}
    return {name: str(value) for name, value in known.items() if value is not None}


def _left_out(job: Job, drawn: Drawn, data: bytes) -> ReadyPicture:
    beyond = len(data) > MESSAGE_LIMIT
    if beyond:
        log.warning("job %s: %s is too large for any message, kept for %d days", job.id, drawn.key, PICTURE_DAYS)
    return ReadyPicture(kept_key=drawn.key, exceeds_every_limit=beyond)


def _too_large(pictures: Sequence[ReadyPicture]) -> Undeliverable:
    """TOO_LARGE_ANYWHERE if another channel would not help either."""
    beyond = {each.exceeds_every_limit for each in pictures if each.kept_key} == {True}
    return Undeliverable(DeliveryRefusal.TOO_LARGE_ANYWHERE if beyond else DeliveryRefusal.TOO_LARGE)


def _refused(job: Job, error: Undeliverable, *, rest: bool = False) -> FailedDelivery:
    """rest: some of the job's pictures are delivered."""
    before = job.refused or FailedDelivery(kind=error.kind, times=0)
    return FailedDelivery(kind=error.kind, code=error.code, times=before.times + 1, rest=rest or before.rest)


def _log_line(job: Job) -> tuple[int, str]:
    """Level and text of the job's final log line: a warning if only the host can fix the cause."""
    why = f", {job.failure.kind}: {job.failure}" if job.failure else ""
    level = logging.WARNING if job.failure and is_hosts_matter(job.failure) else logging.INFO
    return level, f"job {job.id}: {job.state}, {job.provider} {job.model}, {job.seconds or 0:.1f} s{why}"


def _final_state(job: Job, pictures: Sequence[ReadyPicture]) -> State:
    if pictures or job.failure is None:
        return State.DELIVERED
    return job.failure.state
