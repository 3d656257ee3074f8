"""From the spool to where the picture was asked for."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from domain import (
    AuthError,
    BadResponse,
    Drawn,
    EaselError,
    ImageRequest,
    Job,
    QuotaError,
    Refusal,
    Refused,
    State,
    Upload,
)
from domain.kinds import ending_of
from providers.base import Provider
from storage.spool import Spool
from studio import images
from studio.delivery import MOST_PICTURES, Delivery, Ready, Undeliverable
from studio.holding import Held
from studio.receipts import facts

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 24 * 1024 * 1024
"""All attachments of a message together; Discord refuses requests over 25 MiB."""
LIMITS = tuple(mebibytes * 1024 * 1024 for mebibytes in (500, 100, 50, 20, 10, 8))
"""What Discord lets a file have, by who sends it and where; a bot's own may have less than a member was told."""
TRIES = 8
"""From the largest message down to half a mebibyte."""
NOBODY_THERE = (Refusal.GONE, Refusal.EXPIRED)
HOSTS_MATTER = (AuthError.__name__, QuotaError.__name__)


class Handful(NamedTuple):
    """A job's pictures for one try to send them."""

    pictures: Sequence[Ready]
    over: Sequence[Drawn]
    """Those that are there, and cannot be made small enough for this place."""

    @property
    def all(self) -> int:
        return len(self.pictures) + len(self.over)


class Handover:
    """Tells a drawn job's outcome and finishes its row, or parks it."""

    def __init__(self, providers: Mapping[str, Provider], spool: Spool, delivery: Delivery) -> None:
        self._providers = providers
        self._spool = spool
        self._delivery = delivery
        self._turn = asyncio.Lock()

    async def deliver(self, held: Held) -> None:
        """Deliver; queue.TryLater goes through to the queue."""
        ready = await self._ready(held.job, held.job.upload_limit)
        if not ready.all and held.job.failure is None:
            await held.update(failure=BadResponse("none of its pictures can be sent", field="pictures").failure)
        try:
            ready = await self._send(held.job, ready)
        except Undeliverable as error:
            log.warning("job %s: not delivered, %s", held.job.id, error)
            if ready.all or held.job.private:
                await self._park(held, _refused(held.job, error), told=not ready.all)
                return
        if ready.over:
            await self._keep(held, ready.over)
        else:
            await self._finish(held, _final_state(held.job, ready.pictures))

    async def _send(self, job: Job, ready: Handful) -> Handful:
        """Send; smaller and smaller where less is taken than Discord said, each time by what has just been sent.

        What has been sent at last; Undeliverable, also where nothing can be made small enough.
        """
        for _ in range(TRIES):
            if ready.over and not ready.pictures:
                break
            try:
                await self._delivery.deliver(_told_of(job, ready), ready.pictures)
            except Undeliverable as error:
                largest = max((len(each.data) for each in ready.pictures), default=0)
                if error.kind is not Refusal.TOO_LARGE or not largest:
                    raise
                ready = await self._ready(job, _below(largest))
            else:
                return ready
        raise Undeliverable(Refusal.TOO_LARGE)

    async def _park(self, held: Held, refused: Refused, *, told: bool) -> None:
        """Leave it to its owner to ask. Why is told first: a process that dies in between tells it again.

        told: what has to be said stands there already, or there is nothing that waits.
        """
        if not told and refused.kind not in NOBODY_THERE:
            try:
                await self._delivery.excuse(held.job, refused)
            except Undeliverable as error:
                log.warning("job %s: nor could that be said, %s", held.job.id, error)
        await held.update(parked=True, refused=refused, token=None, release=True)

    async def _keep(self, held: Held, over: Sequence[Drawn]) -> None:
        """Leave those that were too large to their owner; the others have been delivered."""
        log.warning("job %s: %d of its pictures are too large for this place, and wait", held.job.id, len(over))
        shown = [drawn.key for drawn in held.job.drawn if drawn.key and drawn not in over]
        refused = _refused(held.job, Undeliverable(Refusal.TOO_LARGE))
        await held.update(drawn=tuple(over), parked=True, refused=refused, token=None, release=True)
        await self._spool.delete(shown)

    async def _ready(self, job: Job, upload_limit: int) -> Handful:
        """The pictures as they are sent: marked, within the limits, and no more than a message takes."""
        limit = min(upload_limit, MESSAGE_LIMIT // min(max(len(job.drawn), 1), MOST_PICTURES))
        made, over = list[Ready](), list[Drawn]()
        for drawn in job.drawn:
            if len(made) == MOST_PICTURES:
                break
            try:
                made += await self._one(job, drawn, limit)
            except BadResponse as error:
                log.warning("job %s: one picture cannot be sent, %s", job.id, error)
                over.append(drawn)
        return Handful(made, over)

    async def _one(self, job: Job, drawn: Drawn, limit: int) -> Sequence[Ready]:
        """None where it has been cleared away, or is no picture; BadResponse where it cannot be made small enough."""
        if drawn.link:
            return [Ready(link=drawn.link)]
        data = await self._spool.take(drawn.key) if drawn.key else None
        if data is None:
            return []
        if drawn.way == "file":
            return [_as_file(drawn, data, limit)]
        provider = self._providers.get(job.provider)
        told = None if job.private else facts(job, drawn)
        async with self._turn:  # as in providers.transport: one in each turn of the loop
            await asyncio.sleep(0)
        try:
            marked = images.mark(data, ai=provider is None or provider.ai, facts=told)
        except BadResponse as error:
            log.warning("job %s: one picture cannot be read, %s", job.id, error)
            return []
        fitted = await images.fit(marked, limit)
        return [Ready(fitted.data, ending_of(fitted.format), reduced=fitted.reduced, stilled=fitted.stilled)]

    async def _finish(self, held: Held, state: State) -> None:
        """Drop what only an unfinished job needs: the token, the pictures, and the links to uploads.

        What is ordered and may yet be asked for needs its links: Retry asks for the same, and for the calls behind it.
        """
        job = held.job
        request = job.request if job.remote else _without_links(job.request)
        asked = _without_links(job.asked) if job.asked else None
        await held.update(state=state, token=None, refused=None, request=request, asked=asked, release=True)
        await self._spool.delete([drawn.key for drawn in job.drawn if drawn.key])
        log.log(*_line(held.job))


def _below(size: int) -> int:
    """The limit of the next try: the next that Discord is known to have, or half of what was too much."""
    return max((limit for limit in LIMITS if limit < size), default=size // 2)


def _refused(job: Job, error: Undeliverable) -> Refused:
    before = job.refused.times if job.refused else 0
    return Refused(kind=error.kind, code=error.code, times=before + 1)


def _told_of(job: Job, ready: Handful) -> Job:
    """With what its receipt has to say of pictures that are left out, now and not at an earlier try."""
    return job.having(refused=Refused(kind=Refusal.TOO_LARGE) if ready.over else None)


def _as_file(drawn: Drawn, data: bytes, limit: int) -> Ready:
    """What nothing here decodes goes as it is, or not at all."""
    if len(data) > limit:
        raise BadResponse(f"a file of {len(data)} bytes is over the limit")
    return Ready(data, ending_of(drawn.kind or "bin"))


def _line(job: Job) -> tuple[int, str]:
    """What the log says of a job, once: louder where only the host can help."""
    why = f", {job.failure.kind}: {job.failure.detail}" if job.failure else ""
    level = logging.WARNING if job.failure and job.failure.kind in HOSTS_MATTER else logging.INFO
    return level, f"job {job.id}: {job.state}, {job.provider} {job.model}, {job.seconds or 0:.1f} s{why}"


def _without_links(request: ImageRequest) -> ImageRequest:
    return request.model_copy(update={"image": _without_link(request.image), "mask": _without_link(request.mask)})


def _without_link(upload: Upload | None) -> Upload | None:
    return upload.model_copy(update={"url": None}) if upload else None


def _final_state(job: Job, pictures: Sequence[Ready]) -> State:
    if pictures or job.failure is None:
        return State.DELIVERED
    return EaselError.revive(job.failure).state
