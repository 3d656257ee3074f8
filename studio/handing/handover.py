"""From the spool to where the picture was asked for."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from domain import BadResponse, Drawn, ImageRequest, Job, PicturesGone, Refusal, Refused, State, Upload
from domain.kinds import ending_of
from domain.outcomes import is_hosts_matter
from providers.kit.base import Provider
from storage.spool import PICTURE_DAYS, Spool
from studio import images
from studio.display import MOST_PICTURES, Delivery, Ready, Undeliverable
from studio.handing.receipts import facts
from studio.lease import Held, unwatched
from studio.work.looking import look

log = logging.getLogger(__name__)

MESSAGE_LIMIT = 24 * 1024 * 1024
"""All attachments of a message together; Discord refuses requests over 25 MiB."""
LIMITS = tuple(mebibytes * 1024 * 1024 for mebibytes in (500, 100, 50, 20, 10, 8))
"""What Discord lets a file have, by who sends it and where; a bot's own may have less than a member was told."""
TRIES = 8
"""From the largest message down to half a mebibyte."""
NOBODY_THERE = (Refusal.GONE, Refusal.EXPIRED)


class Parcel(NamedTuple):
    """What one message takes of a job, and what is left for the next."""

    pictures: Sequence[Ready]
    later: tuple[Drawn, ...] = ()


class Handover:
    """Tells a drawn job's outcome and finishes its row, or parks it."""

    def __init__(
        self,
        providers: Mapping[str, Provider],
        spool: Spool,
        delivery: Delivery,
        on_change: Callable[[Job], None] = unwatched,
    ) -> None:
        """on_change: called with a job that is finished or parked."""
        self._providers = providers
        self._spool = spool
        self._delivery = delivery
        self._on_change = on_change
        self._turn = asyncio.Lock()

    async def deliver(self, held: Held) -> None:
        """display.NotNow."""
        await self._deliver(held)
        self._on_change(held.job)

    async def _deliver(self, held: Held) -> None:
        await self._look(held)
        parcel = await self._ready(held.job, held.job.file_limit)
        if not parcel.pictures and held.job.failure is None:
            await held.update(failure=PicturesGone())
        try:
            parcel = await self._send(held.job, parcel)
        except Undeliverable as error:
            log.warning("job %s: not delivered, %s", held.job.id, error)
            if parcel.pictures or held.job.private:
                await self._park(held, _refused(held.job, error), parcel.pictures)
                return
        if parcel.later or any(each.kept for each in parcel.pictures):
            await self._keep_rest(held, parcel)
        else:
            await self._finish(held, _final_state(held.job, parcel.pictures))

    async def _look(self, held: Held) -> None:
        """At what nobody has looked at, because the drawing was cut."""
        if not any(drawn.way == "unread" for drawn in held.job.drawn):
            return
        try:
            await look(held, self._spool)
        except BadResponse as error:
            log.warning("job %s: one picture cannot be sent, %s", held.job.id, error)
        await held.update(drawn=held.job.drawn)

    async def _send(self, job: Job, parcel: Parcel) -> Parcel:
        """Send; smaller and smaller where less is taken than Discord said, each time by what has just been sent.

        What is too large is left out and told of, as long as there is another picture to show.
        """
        for _ in range(TRIES):
            pictures = parcel.pictures
            if pictures and all(each.kept for each in pictures):
                break
            try:
                await self._delivery.deliver(job, pictures, len(parcel.later))
            except Undeliverable as error:
                largest = max((len(each.data) for each in pictures), default=0)
                if error.kind is not Refusal.TOO_LARGE or not largest:
                    raise
                parcel = await self._ready(job, _below(largest))
            else:
                return parcel
        raise _too_large(parcel.pictures)

    async def _park(self, held: Held, refused: Refused, pictures: Sequence[Ready]) -> None:
        """Leave it to its owner to ask. Why is told first: a process that dies in between tells it again."""
        if pictures and refused.kind not in NOBODY_THERE:
            try:
                await self._delivery.excuse(held.job, refused)
            except Undeliverable as error:
                log.warning("job %s: nor could that be said, %s", held.job.id, error)
        await held.update(parked=True, refused=refused, reply_token=None, release=True)

    async def _keep_rest(self, held: Held, parcel: Parcel) -> None:
        """Some are shown: leave what is too large, or more than a message takes, to their owner to ask."""
        keys = {each.kept for each in parcel.pictures if each.kept}
        rest = tuple(drawn for drawn in held.job.drawn if drawn.key in keys or drawn in parcel.later)
        shown = [drawn.key for drawn in held.job.drawn if drawn.key and drawn not in rest]
        why = _too_large(parcel.pictures) if keys else Undeliverable(Refusal.TOO_MANY)
        refused = _refused(held.job, why).model_copy(update={"rest": True})
        await held.update(drawn=rest, parked=True, refused=refused, reply_token=None, release=True)
        await self._spool.delete(shown)

    async def _ready(self, job: Job, file_limit: int) -> Parcel:
        """The pictures as they are sent: marked, within the limits, and no more than a message takes.

        Each may have its share of the room that those before it leave.
        """
        made, room = list[Ready](), MESSAGE_LIMIT
        for number, drawn in enumerate(job.drawn):
            if len(made) == MOST_PICTURES:
                return Parcel(made, job.drawn[number:])
            share = room // min(len(job.drawn) - number, MOST_PICTURES - len(made))
            if ready := await self._one(job, drawn, min(file_limit, share)):
                made.append(ready)
                room -= len(ready.data)
        return Parcel(made)

    async def _one(self, job: Job, drawn: Drawn, limit: int) -> Ready | None:
        if drawn.link:
            return Ready(link=drawn.link)
        data = await self._spool.take_cached(drawn.key) if drawn.key else None
        if data is None:
            return None
        if drawn.way == "file":
            small = len(data) <= limit
            return Ready(data, ending_of(drawn.kind or "bin")) if small else _kept(job, drawn, data)
        provider = self._providers.get(job.provider)
        told = None if job.private else facts(job, drawn)
        try:
            async with self._turn:  # as in providers.http.transport: one in each turn of the loop
                await asyncio.sleep(0)
            marked = await images.marked(data, ai=provider is None or provider.ai, facts=told)
            fitted = await images.fit(marked, limit)
        except BadResponse as error:
            log.warning("job %s: one picture cannot be sent, %s", job.id, error)
            return None
        except images.TooLarge as reason:
            log.warning("job %s: one picture is too large for this place, %s", job.id, reason)
            return _kept(job, drawn, data)
        return Ready(fitted.data, ending_of(fitted.format), reduced=fitted.reduced, stilled=fitted.stilled)

    async def _finish(self, held: Held, state: State) -> None:
        """Drop what only an unfinished job needs: the token, the pictures, and the links to uploads.

        What is ordered and may yet be asked for needs its links: Retry asks for the same, and for the calls behind it.
        """
        job = held.job
        request = job.request if job.remote else _without_links(job.request)
        asked = _without_links(job.asked) if job.asked else None
        await held.update(state=state, reply_token=None, refused=None, request=request, asked=asked, release=True)
        await self._spool.delete([drawn.key for drawn in job.drawn if drawn.key])
        log.log(*_line(held.job))


def _below(size: int) -> int:
    """The limit of the next try: the next that Discord is known to have, or half of what was too much."""
    return max((limit for limit in LIMITS if limit < size), default=size // 2)


def _kept(job: Job, drawn: Drawn, data: bytes) -> Ready:
    beyond = len(data) > MESSAGE_LIMIT
    if beyond:
        log.warning("job %s: no message takes %s, it is kept for %d days", job.id, drawn.key, PICTURE_DAYS)
    return Ready(kept=drawn.key, beyond=beyond)


def _too_large(pictures: Sequence[Ready]) -> Undeliverable:
    """What no message takes is no reason to try another place."""
    beyond = {each.beyond for each in pictures if each.kept} == {True}
    return Undeliverable(Refusal.TOO_LARGE_ANYWHERE if beyond else Refusal.TOO_LARGE)


def _refused(job: Job, error: Undeliverable) -> Refused:
    before = job.refused or Refused(kind=error.kind, times=0)
    return Refused(kind=error.kind, code=error.code, times=before.times + 1, rest=before.rest)


def _line(job: Job) -> tuple[int, str]:
    """What the log says of a job, once: louder where only the host can help."""
    why = f", {job.failure.kind}: {job.failure}" if job.failure else ""
    level = logging.WARNING if job.failure and is_hosts_matter(job.failure) else logging.INFO
    return level, f"job {job.id}: {job.state}, {job.provider} {job.model}, {job.seconds or 0:.1f} s{why}"


def _without_links(request: ImageRequest) -> ImageRequest:
    images = tuple(_without_link(each) for each in request.images)
    return request.model_copy(update={"images": images, "mask": request.mask and _without_link(request.mask)})


def _without_link(upload: Upload) -> Upload:
    return upload.model_copy(update={"url": None})


def _final_state(job: Job, pictures: Sequence[Ready]) -> State:
    if pictures or job.failure is None:
        return State.DELIVERED
    return job.failure.state
