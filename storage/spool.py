"""Undelivered pictures and members' uploads, as files in a folder or objects in a bucket."""

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
from storage.causes import WRONG_REGION, bucket_cause

if TYPE_CHECKING:
    from obstore import ObjectMeta

log = logging.getLogger(__name__)

PUT_TRIES = 5
PUT_BACK_OFF = wait_exponential(multiplier=0.5)
SPOOL_ERRORS = (BaseError, OSError)
"""Raised when the store cannot write or read a file."""
PICTURE_DAYS = 7
UPLOAD_HOURS = 24
PROBE_KEY = "probe"
EMPTY_FOLDER_AGE = timedelta(hours=1)
"""Age from which a job's empty folder is removed."""
MAX_CACHED = 32 * 1024 * 1024
"""Bytes of pictures in the memory cache, and of those in memory alone."""
DISK_RESERVE = 128 * 1024 * 1024
"""Bytes of free disk space kept for the jobs that are being drawn."""


class StoredUpload(NamedTuple):
    """A member's file in the store, as listed."""

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
    """The store cannot be opened or written."""


class SpoolUnreachableError(SpoolError):
    """The bucket is unreachable; a retry may succeed."""


async def open_spool(folder: Path, place: SpoolPlace | None, retries: Any = None) -> "Spool":
    """Open the bucket at `place`, or else the folder, and check that it can be written; SpoolError.

    retries: obstore's RetryConfig for the bucket, other than its usual.
    """
    try:
        # Not with automatic_cleanup, which removes a folder while another file is being put there (obstore 0.9).
        spool = Spool(_bucket(place, retries) if place else LocalStore(folder, mkdir=True), None if place else folder)
        await spool.probe()
    except (BaseError, OSError, ValueError) as error:
        if place and isinstance(error, GenericError) and bucket_cause(error) != WRONG_REGION:
            raise SpoolUnreachableError(bucket_cause(error)) from None
        raise SpoolError(bucket_cause(error) if place else type(error).__name__) from None
    return spool


def _bucket(place: SpoolPlace, retries: Any) -> S3Store:
    options: Any = {name: secret.get_secret_value() for name, secret in place.options.items()}
    more: dict[str, Any] = {"retry_config": retries} if retries else {}
    client: Any = {name: secret.get_secret_value() for name, secret in place.client.items()}
    client["allow_http"] = options.get("aws_endpoint_url", "").startswith("http://")
    return S3Store.from_url(place.url, config=options, client_options=client, **more)


class Spool:
    """A store of bytes by key, `pictures/<job id>/<n>` and `uploads/<job id>/<member>.<name>`."""

    def __init__(self, store: LocalStore | S3Store, folder: Path | None = None) -> None:
        """folder: the path, if the store is a folder."""
        self._store = store
        self._folder = folder
        self._cache: dict[str, bytes] = {}
        self._unstored: dict[str, bytes] = {}
        """Pictures that the store refused, in memory alone."""

    async def probe(self) -> None:
        """Check that the store can be written."""
        await self._put(PROBE_KEY, b"")
        await self.delete([PROBE_KEY])

    async def put(self, key: str, data: bytes) -> None:
        """Store the bytes, with up to `PUT_TRIES` attempts: a paid picture must not be lost to one error."""
        try:
            await self._put(key, data)
        except SPOOL_ERRORS as error:
            log.warning("the spool did not store %s (%s); retrying", key, type(error).__name__)
            await AsyncRetrying(
                retry=retry_if_exception_type(SPOOL_ERRORS),
                stop=stop_after_attempt(PUT_TRIES - 1),
                wait=PUT_BACK_OFF,
                reraise=True,
            )(self._put, key, data)

    async def _put(self, key: str, data: bytes) -> None:
        await self._store.put_async(key, data, use_multipart=False)

    async def put_cached(self, key: str, data: bytes) -> None:
        """As `put`, and cache the bytes in memory; the oldest cached ones are evicted above `MAX_CACHED`."""
        await self.put(key, data)
        self._cache.pop(key, None)
        self._cache[key] = data
        while sum(map(len, self._cache.values())) > MAX_CACHED:
            del self._cache[next(iter(self._cache))]

    async def put_or_keep(self, key: str, data: bytes) -> None:
        """As `put_cached`, for bytes that cannot be fetched again: if the store refuses them, they stay in memory."""
        try:
            await self.put_cached(key, data)
        except SPOOL_ERRORS:
            if sum(map(len, self._unstored.values())) + len(data) > MAX_CACHED:
                raise
            log.exception("the spool does not store %s, which is kept in memory until it is delivered", key)
            self._unstored[key] = data

    def has_unstored(self, job_id: str) -> bool:
        """Whether a picture of the job is in this process's memory alone."""
        return bool(self._unstored_keys(job_id))

    def _unstored_keys(self, job_id: str) -> list[str]:
        return [key for key in self._unstored if key.startswith(f"pictures/{job_id}/")]

    async def retry_unstored(self) -> None:
        """Store what is in memory alone; to be called each minute."""
        for key, data in list(self._unstored.items()):
            try:
                await self._put(key, data)
            except SPOOL_ERRORS:
                return
            if self._unstored.pop(key, None) is None:  # deleted meanwhile
                await self.delete([key])

    async def take_cached(self, key: str) -> bytes | None:
        """As `get`, and remove the bytes from the cache."""
        try:
            return await self.get(key)
        finally:
            self._cache.pop(key, None)

    async def get(self, key: str) -> bytes | None:
        """The bytes, or None if they have been deleted."""
        for in_memory in (self._cache, self._unstored):
            if key in in_memory:
                return in_memory[key]
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
            self._cache.pop(key, None)
            if self._unstored.pop(key, None) is not None:
                continue
            try:
                await self._store.delete_async(key)
            except FileNotFoundError:
                continue

    def is_full(self) -> bool:
        """Whether the disk has less than `DISK_RESERVE` free; always False for a bucket."""
        return self._folder is not None and shutil.disk_usage(self._folder).free < DISK_RESERVE

    async def list_uploads(self) -> list[StoredUpload]:
        return [
            StoredUpload(each["path"], each["size"], each["last_modified"]) for each in await self._listed("uploads")
        ]

    async def delete_job(self, job_id: str) -> None:
        """Delete all files of one job."""
        await self.delete(self._unstored_keys(job_id))
        for folder in ("pictures", "uploads"):
            await self.delete([each["path"] for each in await self._listed(f"{folder}/{job_id}")])

    async def delete_expired(self, now: datetime | None = None) -> int:
        """Delete pictures and uploads past their retention; how many files were deleted."""
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
            await asyncio.to_thread(_prune, self._folder, now - EMPTY_FOLDER_AGE)
        return len(old)

    async def _listed(self, prefix: str) -> "list[ObjectMeta]":
        return [each async for batch in self._store.list(prefix=prefix) for each in batch]


def _prune(folder: Path, before: datetime) -> None:
    """Remove the empty folders of jobs that have not changed since `before`, and so are not in use."""
    for path in folder.glob("*/*"):
        if path.is_dir() and path.stat().st_mtime < before.timestamp():
            with suppress(OSError):
                path.rmdir()
