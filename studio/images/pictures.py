"""Pictures from providers: inspected, marked as made by AI, and made small enough to send."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from domain import BadResponse, Credit, Size
from domain.jobs import Presentation
from domain.kinds import kind_of
from studio.best_effort import best_effort
from studio.images import containers, metadata, png
from studio.images.base import Container, Format, NotAPicture, TaskResult, TooLarge
from studio.images.decoder_pool import DECODERS, DecodingFailed, Lane

log = logging.getLogger(__name__)

RECEIVE_SECONDS = 20.0
REDUCE_SECONDS = 60.0
MAX_UNPACKED = 16 * 2**20
"""Bytes of a PNG's pixels up to which it is decompressed in a thread: 2048x2048 pixels, in 0.1 s."""
PARSE_IN_THREAD_BYTES = 2 * 2**20
"""Bytes from which a picture is parsed in a thread."""
UNDECODED = "a picture (%s, %d bytes) is passed on undecoded: %s"
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="easel-png")

Result = TypeVar("Result")


class Received(NamedTuple):
    """A provider's picture as it is stored, and what it was when it arrived."""

    data: bytes
    kind: str
    """One of domain.kinds."""
    way: Presentation
    size: Size | None
    """As viewers show it."""


class Fitted(NamedTuple):
    """A picture that is small enough to send, and whether it was re-encoded for that."""

    data: bytes
    format: Format
    reduced: bool
    first_frame_only: bool = False
    """Whether an animation was reduced to its first frame."""


async def receive(data: bytes) -> Received:
    """Inspect a provider's picture, and repair or convert it if needed; BadResponse if nothing can be shown."""
    kind = kind_of(data)
    if kind is None:
        raise BadResponse("bytes that are no picture")
    made = TaskResult(way="file")
    try:  # a lack of memory or threads must not lose a paid picture
        with best_effort(UNDECODED, kind, len(data), "unexpected", passing=(NotAPicture, DecodingFailed)):
            made = await _inspected(data, kind)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None
    except DecodingFailed as error:
        log.warning(UNDECODED, kind, len(data), error)
    return Received(made.data or data, kind, made.way, Size(*made.size) if made.size else None)


async def _inspected(data: bytes, kind: str) -> TaskResult:
    """Inspect an intact PNG of usual size in a thread, anything else in a decoder process."""
    with suppress(NotAPicture, MemoryError):
        if kind == "png" and (size := await _size_of_intact_png(data)):
            return TaskResult(size=size)
    return await DECODERS.run("receive", data, RECEIVE_SECONDS, Lane.ARRIVALS)


async def _size_of_intact_png(data: bytes) -> Size | None:
    """The size; None if the PNG is damaged or too large to decompress here; NotAPicture."""
    found, parts, _ = await _run_by_size(data, containers.parse)
    is_small = png.unpacked_length(parts) <= MAX_UNPACKED
    return found.size if is_small and await _in_thread(partial(png.is_complete, parts)) else None


async def _run_by_size(data: bytes, work: Callable[[bytes], Result]) -> Result:
    """Call `work` with the data, in a thread above PARSE_IN_THREAD_BYTES."""
    return work(data) if len(data) <= PARSE_IN_THREAD_BYTES else await _in_thread(partial(work, data))


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def inspect_picture(data: bytes) -> Container:
    """The format and size; BadResponse if the bytes are no PNG, JPEG, WebP or GIF."""
    try:
        return containers.inspect(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


async def marked(data: bytes, *, ai: bool, facts: Mapping[str, str] | None, credit: Credit | None = None) -> bytes:
    """The picture with the AI mark and, unless None, facts and credit as its only metadata; BadResponse if invalid."""
    return await _run_by_size(data, partial(_mark, packet=metadata.xmp_packet(ai=ai, facts=facts, credit=credit)))


def _mark(data: bytes, *, packet: bytes) -> bytes:
    try:
        return containers.stamp(data, packet)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


async def fit(data: bytes, limit: int, seconds: float = REDUCE_SECONDS, lane: Lane = Lane.COPIES) -> Fitted:
    """A marked picture unchanged if it has at most `limit` bytes, else a lossy, still copy that keeps the mark.

    BadResponse if it is no picture; TooLarge if it cannot be reduced so far within the limits of time and memory.
    """
    if len(data) <= limit:  # `marked` has just parsed it
        return Fitted(data, _format(data), reduced=False)
    moving = inspect_picture(data).moving
    try:
        copy = (await DECODERS.run("reduce", data, seconds, lane, limit=limit)).data
    except NotAPicture as reason:
        raise TooLarge(str(reason)) from None
    except DecodingFailed as error:
        raise TooLarge(f"the picture could not be made smaller: {error}") from None
    return Fitted(copy, containers.format_of(copy), reduced=True, first_frame_only=moving)


def _format(data: bytes) -> Format:
    try:
        return containers.format_of(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None
