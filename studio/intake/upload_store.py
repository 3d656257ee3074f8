"""Room for members' images: few are read at once, and what is kept of them stays within the host's quota."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from domain import NoRoom, Room
from providers.http.budget import Budget
from storage.job_store import JobStore
from storage.spool import SPOOL_ERRORS, Spool, StoredUpload

log = logging.getLogger(__name__)

AT_ONCE = 4
BYTES_AT_ONCE = 48 * 2**20
"""As they come from Discord; an image with its mask may have 40 MiB."""
TURN_SECONDS = 240.0
"""Of the 15 minutes that the member's token lives, most are left to the drawing."""
MEMBERS = 8
"""A member's images may take this part of the quota,"""
SHARE = 96 * 2**20
"""and in any case as much as one image with a mask takes as PNG."""


class UploadSlots:
    """How many files are read at once, in the order in which they came."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._budget = Budget(BYTES_AT_ONCE)

    @asynccontextmanager
    async def turn(self, length: int) -> AsyncGenerator[None]:
        """While an image of so many bytes is read and stored; NoRoom where its turn does not come."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(TURN_SECONDS):
                    await stack.enter_async_context(self._turns)
                    await self._budget.take(length)
            except TimeoutError:
                raise NoRoom(room=Room.TURNS) from None
            yield


class UploadStore:
    """Members' images in the spool. A quota's worth stays for Again; what waits to be drawn is never cleared."""

    def __init__(self, spool: Spool, jobs: JobStore, quota: int) -> None:
        """quota: bytes."""
        self._spool = spool
        self._jobs = jobs
        self._quota = quota
        self._share = max(quota // MEMBERS, SHARE)
        self._turn = asyncio.Lock()

    async def put(self, job_id: str, member: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the files of one job; their keys by name. NoRoom where there is none."""
        keys = {name: f"uploads/{job_id}/{member}.{name}" for name in files}
        async with self._turn:
            try:
                await self._make_room(str(member), sum(map(len, files.values())))
                for name, data in files.items():
                    await self._spool.put(keys[name], data)
            except SPOOL_ERRORS as error:
                log.warning("an image could not be kept, %s: is the disk full or broken?", type(error).__name__)
                raise NoRoom(type(error).__name__, room=Room.DISK) from None
        return keys

    async def _make_room(self, member: str, length: int) -> None:
        """The member's oldest go beyond their share, and beyond the quota the oldest of whoever has most."""
        kept = await self._spool.list_uploads()
        mine = [each for each in kept if each.member == member]
        own = _size(mine) + length - self._share
        if own <= 0 and _size(kept) + length <= self._quota:
            return
        waiting = await self._jobs.ids_with_needed_uploads()
        gone = _oldest(mine, own, waiting)
        if _size(gone) < own:
            raise NoRoom(room=Room.MEMBERS_SHARE)
        rest = [each for each in kept if each not in gone]
        excess = _size(rest) + length - self._quota
        more = _oldest(rest, excess, waiting)
        if _size(more) < excess:
            log.warning("the images that wait to be drawn fill SPOOL_QUOTA_MIB")
            raise NoRoom(room=Room.QUOTA)
        await self._spool.delete([each.key for each in (*gone, *more)])


def _oldest(kept: Sequence[StoredUpload], excess: int, waiting: Collection[str]) -> list[StoredUpload]:
    """Which to clear to free so many bytes: each time the oldest of the member who then keeps most."""
    totals = Counter[str]()
    for each in kept:
        totals[each.member] += each.size
    free = sorted((each for each in kept if each.job_id not in waiting), key=lambda each: each.stored)
    gone: list[StoredUpload] = []
    while free and excess > 0:
        chosen = max(free, key=lambda each: totals[each.member])  # of equals, the first, which is the oldest
        free.remove(chosen)
        gone.append(chosen)
        totals[chosen.member] -= chosen.size
        excess -= chosen.size
    return gone


def _size(kept: Sequence[StoredUpload]) -> int:
    return sum(each.size for each in kept)
