"""Pictures on their way and uploads: files beside the database or in a bucket, never in rows."""

import asyncio
import logging
import shutil
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from obstore.exceptions import BaseError, GenericError
from obstore.store import LocalStore, S3Store
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from domain import SpoolPlace

if TYPE_CHECKING:
    from obstore import ObjectMeta

log = logging.getLogger(__name__)

TRIES = 5
PAUSE = wait_exponential(multiplier=0.5)
TROUBLE = (BaseError, OSError)
PICTURE_DAYS = 7
UPLOAD_HOURS = 24
PROBE = "probe"
EMPTY = timedelta(hours=1)
"""How long a job's empty folder stays after its last change."""
AT_HAND = 32 * 1024 * 1024
"""Bytes of pictures that wait in memory, besides the store, for their delivery."""


RESERVE = 128 * 1024 * 1024
"""Bytes of the disk that what is being drawn may need."""


class Kept(NamedTuple):
    """A member's file in the store."""

    key: str
    size: int
    stored: datetime

    @property
    def job_id(self) -> str:
        return self.key.split("/")[1]

    @property
    def member(self) -> str:
        return self.key.rpartition("/")[2].partition(".")[0]


class SpoolError(Exception):
    """The place cannot be written."""


class SpoolAwayError(SpoolError):
    """The bucket is out of reach, and may be there later."""


async def open_spool(folder: Path, place: SpoolPlace | None) -> "Spool":
    """A folder, or a bucket where a place is given, tried by writing to it; SpoolError."""
    try:
        # Not with automatic_cleanup, which takes a folder away while another file is being put there (obstore 0.9).
        spool = Spool(_bucket(place) if place else LocalStore(folder, mkdir=True), None if place else folder)
        await spool.probe()
    except (BaseError, OSError, ValueError) as error:
        if place and isinstance(error, GenericError):
            raise SpoolAwayError("it does not answer, or not as it should, as where the region is wrong") from None
        raise SpoolError(type(error).__name__) from None
    return spool


def _bucket(place: SpoolPlace) -> S3Store:
    options: Any = {name: secret.get_secret_value() for name, secret in place.options.items()}
    plain = options.get("aws_endpoint_url", "").startswith("http://")
    return S3Store.from_url(place.url, config=options, client_options={"allow_http": plain})


class Spool:
    """A store of bytes by key, `pictures/<job id>/<n>` and `uploads/<job id>/<member>.<name>`."""

    def __init__(self, store: LocalStore | S3Store, folder: Path | None = None) -> None:
        """folder: where the store is one."""
        self._store = store
        self._folder = folder
        self._fresh: dict[str, bytes] = {}
        self._only_here: dict[str, bytes] = {}
        """What the store did not take."""

    async def probe(self) -> None:
        """Write and delete something, once."""
        await self._put(PROBE, b"")
        await self.delete([PROBE])

    async def put(self, key: str, data: bytes) -> None:
        """Store it, if need be at the fifth try: a paid picture is not given up at the first trouble."""
        try:
            await self._put(key, data)
        except TROUBLE as error:
            log.warning("the spool did not take %s (%s); trying again", key, type(error).__name__)
            await AsyncRetrying(
                retry=retry_if_exception_type(TROUBLE), stop=stop_after_attempt(TRIES - 1), wait=PAUSE, reraise=True
            )(self._put, key, data)

    async def _put(self, key: str, data: bytes) -> None:
        await self._store.put_async(key, data, use_multipart=False)

    async def put_fresh(self, key: str, data: bytes) -> None:
        """Put, and keep a copy in memory, so that this process need not read it again; the oldest copies make room."""
        await self.put(key, data)
        self._fresh.pop(key, None)
        self._fresh[key] = data
        while sum(map(len, self._fresh.values())) > AT_HAND:
            del self._fresh[next(iter(self._fresh))]

    async def put_or_hold(self, key: str, data: bytes) -> None:
        """As `put_fresh`, of what nobody gives again: where the store does not take it, it stays in memory alone."""
        try:
            await self.put_fresh(key, data)
        except TROUBLE:
            if sum(map(len, self._only_here.values())) + len(data) > AT_HAND:
                raise
            log.exception("the spool does not take %s, which is in memory alone until it is delivered", key)
            self._only_here[key] = data

    def holds(self, job_id: str) -> bool:
        """Whether a picture of a job is in the memory of this process alone."""
        return bool(self._held_of(job_id))

    def _held_of(self, job_id: str) -> list[str]:
        return [key for key in self._only_here if key.startswith(f"pictures/{job_id}/")]

    async def put_held(self) -> None:
        """Call each minute: what the store takes by now need stay in memory no longer, and outlives this process."""
        for key, data in list(self._only_here.items()):
            try:
                await self._put(key, data)
            except TROUBLE:
                return
            if self._only_here.pop(key, None) is None:  # deleted meanwhile
                await self.delete([key])

    async def take(self, key: str) -> bytes | None:
        """As `get`; a copy in memory is dropped."""
        try:
            return await self.get(key)
        finally:
            self._fresh.pop(key, None)

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None where they have been cleared away."""
        for at_hand in (self._fresh, self._only_here):
            if key in at_hand:
                return at_hand[key]
        try:
            return bytes(await (await self._store.get_async(key)).bytes_async())
        except FileNotFoundError:
            return None

    async def exists(self, key: str) -> bool:
        try:
            await self._store.head_async(key)
        except FileNotFoundError:
            return False
        return True

    async def delete(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._fresh.pop(key, None)
            if self._only_here.pop(key, None) is not None:
                continue
            try:
                await self._store.delete_async(key)
            except FileNotFoundError:
                continue

    def is_full(self) -> bool:
        """Whether a paid picture might find no room; of a bucket that is not known."""
        return self._folder is not None and shutil.disk_usage(self._folder).free < RESERVE

    async def uploads(self) -> list[Kept]:
        return [Kept(each["path"], each["size"], each["last_modified"]) for each in await self._listed("uploads")]

    async def clear(self, job_id: str) -> None:
        """Delete all of one job."""
        await self.delete(self._held_of(job_id))
        for folder in ("pictures", "uploads"):
            await self.delete([each["path"] for each in await self._listed(f"{folder}/{job_id}")])

    async def sweep(self, now: datetime | None = None) -> int:
        """Delete what is past its time; how many files that were."""
        now = now or datetime.now(UTC)
        ages = (("pictures", timedelta(days=PICTURE_DAYS)), ("uploads", timedelta(hours=UPLOAD_HOURS)))
        old = [
            each["path"]
            for folder, age in ages
            for each in await self._listed(folder)
            if now - each["last_modified"] > age
        ]
        await self.delete(old)
        if self._folder:
            await asyncio.to_thread(_prune, self._folder, now - EMPTY)
        return len(old)

    async def _listed(self, prefix: str) -> "list[ObjectMeta]":
        return [each async for batch in self._store.list(prefix=prefix) for each in batch]


def _prune(folder: Path, before: datetime) -> None:
    """Remove the empty folders of jobs; one that is in use has changed lately."""
    for path in folder.glob("*/*"):
        if path.is_dir() and path.stat().st_mtime < before.timestamp():
            with suppress(OSError):
                path.rmdir()
