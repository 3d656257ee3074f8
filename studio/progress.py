"""A provider's thread back to the job that it draws for."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from domain import BadResponse, Drawn, Picture, State
from domain.kinds import ending_of
from domain.numbers import fraction as share
from domain.numbers import place, plain, seconds
from storage.spool import Spool
from studio import images
from studio.breakers import Breakers
from studio.delivery import Delivery, Ready, Report
from studio.holding import Held
from studio.rush import Rush

LARGEST_PREVIEW = 2 * 1024 * 1024
"""Bytes: an unfinished picture is sent again every few seconds."""


class JobProgress:
    """`providers.base.Progress` for one call of a held job."""

    def __init__(
        self,
        held: Held,
        spool: Spool,
        delivery: Delivery,
        rush: Rush,
        breakers: Breakers,
        accepted: Callable[[], None],
        deadline: asyncio.Timeout,
    ) -> None:
        """accepted: called when the provider has taken the call. deadline: the job's."""
        self._held = held
        self._deadline = deadline
        self._accepted = accepted
        self._breakers = breakers
        self._spool = spool
        self._delivery = delivery
        self._rush = rush
        self._call = held.job.calls_done
        self._place = sum(drawn.call < self._call for drawn in held.job.drawn)

    @property
    def remembered(self) -> Mapping[str, Any] | None:
        return self._held.job.remote

    async def remember(self, ref: Mapping[str, Any]) -> None:
        await self._held.update(remote=plain(dict(ref)), state=State.WAITING)
        self._accepted()

    async def forget(self) -> None:
        await self._held.update(remote=None)

    async def keep(self, picture: Picture) -> None:
        entry = Drawn(call=self._call, link=picture.link, seed=picture.seed, seconds=picture.seconds)
        try:
            await self._rush.over()
            made = await images.receive(picture.data) if picture.data else None
        except asyncio.CancelledError:
            if picture.data:  # it is paid for, and nobody sends it again
                await self._store(entry, images.undecoded(picture.data))
            raise
        await self._store(entry, made)

    async def _store(self, entry: Drawn, made: images.Received | None) -> None:
        drawn = self._held.job.drawn
        if made:
            told = {"size": made.size, "kind": made.kind, "way": made.way}
            entry = entry.model_copy(update={**told, "key": f"pictures/{self._held.job.id}/{self._place}"})
            await self._spool.put_fresh(entry.key or "", made.data)
            await self._breakers.accepted(self._held.job.id)
        # What an earlier try of the same call has kept stays until it is replaced: its link may be dead by now.
        await self._held.update(drawn=(*drawn[: self._place], entry, *drawn[self._place + 1 :]))
        self._place += 1

    def left(self) -> float:
        return (self._deadline.when() or 0) - asyncio.get_running_loop().time()

    async def report(
        self,
        fraction: float | None = None,
        position: int | None = None,
        eta: float | None = None,
        preview: bytes | None = None,
    ) -> None:
        fraction, position, eta = share(fraction), place(position), seconds(eta)
        if preview or fraction is not None or position is not None:  # an eta may be that of being let in
            await self._breakers.accepted(self._held.job.id)
        shown = await _shown(preview) if preview else None
        self._delivery.report(self._held.job, Report(fraction, position, eta, shown))


async def _shown(preview: bytes) -> Ready | None:
    """An unfinished picture as it may be shown; None where it is none, for nothing depends on it."""
    try:
        fitted = await images.fit(images.mark(preview, ai=True, facts=None), LARGEST_PREVIEW)
        return Ready(fitted.data, ending_of(fitted.format))
    except (BadResponse, images.TooLarge):
        return None
