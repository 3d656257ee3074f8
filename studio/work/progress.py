"""The interface through which a provider reports on, and stores pictures of, the job that it draws."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from domain import BadResponse, Drawn, Picture, State
from domain.jobs import DrawnChanges
from domain.kinds import ending_of, kind_of
from domain.numbers import fraction as share
from domain.numbers import place, plain, seconds
from storage.shielding import shielded
from storage.spool import Spool
from studio import images
from studio.display import Delivery, ReadyPicture, Report
from studio.lease import HeldJob
from studio.work.breakers import Breakers
from studio.work.inspection import inspected

MAX_PREVIEW_BYTES = 2 * 1024 * 1024
"""Size limit of an unfinished picture, because one is sent every few seconds."""
PREVIEW_SECONDS = 5.0
"""Time limit for making an unfinished picture so small; one that takes longer is not shown."""


class JobProgress:
    """`providers.kit.base.Progress` for one call of a held job."""

    def __init__(
        self,
        held: HeldJob,
        spool: Spool,
        delivery: Delivery,
        breakers: Breakers,
        accepted: Callable[[], None],
        deadline: asyncio.Timeout,
    ) -> None:
        """accepted: called when the provider has accepted the call. deadline: the job's."""
        self._held = held
        self._deadline = deadline
        self._accepted = accepted
        self._breakers = breakers
        self._spool = spool
        self._delivery = delivery
        self._call = held.job.calls_done
        self._item = 0

    @property
    def remembered(self) -> Mapping[str, Any] | None:
        return self._held.job.remote

    async def remember(self, ref: Mapping[str, Any]) -> None:
        await self._held.update(remote=plain(dict(ref)), state=State.WAITING)
        self._accepted()

    async def forget(self) -> None:
        await self._held.update(remote=None)

    async def keep(self, picture: Picture) -> None:
        entry = Drawn(call=self._call, item=self._item, **picture.model_dump(exclude={"data"}))
        earlier, data = self._earlier(), picture.data
        if earlier and earlier.key and not data:
            self.skip()
            return
        if data:
            entry = entry.having(**self._unread(data))
        if data and earlier:
            # A picture of an earlier attempt is replaced only by valid data.
            entry, data = await inspected(entry, data)
        await shielded(asyncio.ensure_future(self._store(entry, data)))
        if data:
            await self._breakers.accepted(self._held.job.id)

    def skip(self) -> None:
        self._item += 1

    def _position(self) -> int:
        """The index of the next picture, if an earlier attempt of this call has stored it, else the end."""
        places = (at for at, drawn in enumerate(self._held.job.drawn) if self._is_next(drawn))
        return next(places, len(self._held.job.drawn))

    def _earlier(self) -> Drawn | None:
        return next(filter(self._is_next, self._held.job.drawn), None)

    def _is_next(self, drawn: Drawn) -> bool:
        return (drawn.call, drawn.item) == (self._call, self._item)

    def _unread(self, data: bytes) -> DrawnChanges:
        """The fields of a picture that is stored but not inspected; BadResponse."""
        kind = kind_of(data)
        if kind is None:
            raise BadResponse("bytes that are no picture")
        return DrawnChanges(kind=kind, way="unread", key=f"pictures/{self._held.job.id}/{self._call}-{self._item}")

    async def _store(self, entry: Drawn, data: bytes) -> None:
        if entry.key:
            is_fetchable = self._held.job.remote is not None
            await (self._spool.put_cached if is_fetchable else self._spool.put_or_keep)(entry.key, data)
        # An earlier attempt's picture stays until it is replaced: its link may have expired.
        drawn, place = self._held.job.drawn, self._position()
        await self._held.update(drawn=(*drawn[:place], entry, *drawn[place + 1 :]))
        self._item += 1

    def seconds_left(self) -> float:
        return (self._deadline.when() or 0) - asyncio.get_running_loop().time()

    async def report(
        self,
        fraction: float | None = None,
        position: int | None = None,
        eta: float | None = None,
        preview: bytes | None = None,
    ) -> None:
        fraction, position, eta = share(fraction), place(position), seconds(eta)
        if preview or fraction is not None or position is not None:  # an eta alone does not prove acceptance
            await self._breakers.accepted(self._held.job.id)
        shown = partial(_prepare_preview, preview) if preview else None
        self._delivery.report(self._held.job, Report(fraction, position, eta, shown))


async def _prepare_preview(preview: bytes) -> ReadyPicture | None:
    """An unfinished picture, marked and reduced; None if it is invalid or takes too long."""
    try:
        async with asyncio.timeout(PREVIEW_SECONDS):
            marked = await images.marked(preview, ai=True, facts=None)
            # The same limit ends the work of the decoder process.
            fitted = await images.fit(marked, MAX_PREVIEW_BYTES, PREVIEW_SECONDS, images.Lane.OTHERS)
        return ReadyPicture(fitted.data, ending_of(fitted.format))
    except (BadResponse, images.TooLarge, TimeoutError):
        return None
