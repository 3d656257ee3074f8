"""Limits on members' images: how many are read at once, and how many bytes of them are stored."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from domain import NoRoom, Room
from providers.http.budget import MemoryBudget
from storage.job_store import JobStore
from storage.spool import SPOOL_ERRORS, Spool, StoredUpload

log = logging.getLogger(__name__)

MAX_READS_AT_ONCE = 4
MAX_BYTES_READ_AT_ONCE = 48 * 2**20
"""As sent by Discord; an image with its mask may have 40 MiB."""
SLOT_SECONDS = 240.0
"""Timeout for a slot; it leaves most of the 15 minutes of the member's token to the drawing."""
MEMBER_SHARES = 8
"""Number of shares into which the quota is divided; each member may fill one."""
MIN_MEMBER_SHARE = 96 * 2**20
"""Smallest share in bytes: one image with a mask, as PNG."""


class UploadSlots:
    """A first-in, first-out limit on files that are read at once, by number and by bytes."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(MAX_READS_AT_ONCE)
        self._budget = MemoryBudget(MAX_BYTES_READ_AT_ONCE)

    @asynccontextmanager
    async def acquire(self, length: int) -> AsyncGenerator[None]:
        """Hold a slot for `length` bytes during the block; NoRoom after `SLOT_SECONDS` of waiting."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(SLOT_SECONDS):
                    await stack.enter_async_context(self._slots)
                    await self._budget.reserve(length)
            except TimeoutError:
                raise NoRoom(room=Room.TURNS) from None
            yield


class UploadStore:
    """Members' images in the spool, evicted above the quota, except those that a job under way needs."""

    def __init__(self, spool: Spool, jobs: JobStore, quota: int) -> None:
        """quota: bytes."""
        self._spool = spool
        self._jobs = jobs
        self._quota = quota
        self._share = max(quota // MEMBER_SHARES, MIN_MEMBER_SHARE)
        self._lock = asyncio.Lock()

    async def put(self, job_id: str, member: int, files: Mapping[str, bytes]) -> dict[str, str]:
        """Store the files of one job; their keys by name. NoRoom."""
        keys = {name: f"uploads/{job_id}/{member}.{name}" for name in files}
        async with self._lock:
            try:
                await self._make_room(str(member), sum(map(len, files.values())))
                for name, data in files.items():
                    await self._spool.put(keys[name], data)
            except SPOOL_ERRORS as error:
                log.warning("an image could not be stored, %s: is the disk full or broken?", type(error).__name__)
                raise NoRoom(type(error).__name__, room=Room.DISK) from None
        return keys

    async def _make_room(self, member: str, length: int) -> None:
        """Delete the member's oldest images above their share, then the oldest of the largest users above the quota.

        NoRoom.
        """
        stored = await self._spool.list_uploads()
        of_member = [each for each in stored if each.member == member]
        over_share = _size(of_member) + length - self._share
        if over_share <= 0 and _size(stored) + length <= self._quota:
            return
        needed = await self._jobs.ids_with_needed_uploads()
        deleted = _select_oldest(of_member, over_share, needed)
        if _size(deleted) < over_share:
            raise NoRoom(room=Room.MEMBERS_SHARE)
        remaining = [each for each in stored if each not in deleted]
        over_quota = _size(remaining) + length - self._quota
        more = _select_oldest(remaining, over_quota, needed)
        if _size(more) < over_quota:
            log.warning("the images that wait to be drawn fill SPOOL_QUOTA_MIB")
            raise NoRoom(room=Room.QUOTA)
        await self._spool.delete([each.key for each in (*deleted, *more)])


def _select_oldest(stored: Sequence[StoredUpload], excess: int, needed: Collection[str]) -> list[StoredUpload]:
    """The files to delete to free `excess` bytes: repeatedly the oldest of the member with most bytes left."""
    totals = Counter[str]()
    for each in stored:
        totals[each.member] += each.size
    deletable = sorted((each for each in stored if each.job_id not in needed), key=lambda each: each.stored)
    selected: list[StoredUpload] = []
    while deletable and excess > 0:
        chosen = max(deletable, key=lambda each: totals[each.member])  # max returns the first, and so the oldest
        deletable.remove(chosen)
        selected.append(chosen)
        totals[chosen.member] -= chosen.size
        excess -= chosen.size
    return selected


def _size(stored: Sequence[StoredUpload]) -> int:
    return sum(each.size for each in stored)
