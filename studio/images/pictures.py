"""Pictures from providers: kept, marked, and made small enough to send."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import NamedTuple, TypeVar

from domain import BadResponse, Size
from domain.jobs import Way
from domain.kinds import kind_of
from studio.images import containers, png, xmp
from studio.images.base import Container, Format, Made, NotAPicture, TooLarge
from studio.images.workshop import WORKSHOP, Died, Lane

log = logging.getLogger(__name__)

RECEIVE_SECONDS = 20.0
REDUCE_SECONDS = 60.0
MOST_UNPACKED = 16 * 2**20
"""2048x2048 pixels of 4 bytes, in 0.1 s; zlib lets others work meanwhile."""
LARGE = 2 * 2**20
"""Bytes of a picture that is gone through in a thread."""
_THREADS = ThreadPoolExecutor(2, thread_name_prefix="easel-png")

Result = TypeVar("Result")


class Received(NamedTuple):
    """What is kept of what a provider has sent, and what it was."""

    data: bytes
    kind: str
    """One of domain.kinds."""
    way: Way
    size: Size | None
    """As a viewer shows it."""


class Fitted(NamedTuple):
    """A picture that may be sent, and whether it had to be encoded anew for that."""

    data: bytes
    format: Format
    reduced: bool
    stilled: bool = False
    """Of one that moves, only the first frame fits."""


async def receive(data: bytes) -> Received:
    """All that may be seen in any way is kept, for it is paid for; BadResponse where there is no picture at all."""
    kind = kind_of(data)
    if kind is None:
        raise BadResponse("bytes that are no picture")
    try:
        made = await _looked_at(data, kind)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None
    except Exception as error:  # a machine without memory or threads makes it anything
        trace = None if isinstance(error, Died) else error
        log.warning("a picture (%s, %d bytes) is passed on undecoded: %s", kind, len(data), error, exc_info=trace)
        made = Made(way="file")
    return Received(made.data or data, kind, made.way, Size(*made.size) if made.size else None)


async def _looked_at(data: bytes, kind: str) -> Made:
    """In this process where that is cheap and finds the picture sound; whatever else it may be, in one beside it."""
    with suppress(NotAPicture, MemoryError):
        if kind == "png" and (size := await _size_of_sound_png(data)):
            return Made(size=size)
    return await WORKSHOP.do("receive", data, RECEIVE_SECONDS, Lane.ARRIVALS)


async def _size_of_sound_png(data: bytes) -> Size | None:
    """None where it is damaged, or more than is unpacked here; NotAPicture."""
    found, parts, _ = await _gone_through(data, containers.parse)
    is_small = png.unpacked_length(parts) <= MOST_UNPACKED
    return found.size if is_small and await _in_thread(partial(png.unpacks, parts)) else None


async def _gone_through(data: bytes, work: Callable[[bytes], Result]) -> Result:
    """Work that is done in a moment, but where the data is LARGE."""
    return work(data) if len(data) <= LARGE else await _in_thread(partial(work, data))


async def _in_thread(work: Callable[[], Result]) -> Result:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, work)


def inspect_picture(data: bytes) -> Container:
    """The format and size; BadResponse when the bytes are no PNG, JPEG, WebP or GIF."""
    try:
        return containers.inspect(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


async def marked(data: bytes, *, ai: bool, facts: Mapping[str, str] | None) -> bytes:
    """The same picture with our mark and, unless private (None), the facts as its only metadata; else BadResponse."""
    return await _gone_through(data, partial(_mark, ai=ai, facts=facts))


def _mark(data: bytes, *, ai: bool, facts: Mapping[str, str] | None) -> bytes:
    try:
        return containers.stamp(data, xmp.packet(ai=ai, facts=facts))
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None


async def fit(data: bytes, limit: int, seconds: float = REDUCE_SECONDS, lane: Lane = Lane.COPIES) -> Fitted:
    """What `marked` gives, if it has at most `limit` bytes, else a lossy still copy that does and keeps the mark.

    BadResponse where it is no picture; TooLarge where it cannot be made so small, in the time and memory there is.
    """
    if len(data) <= limit:  # which `marked` has just looked through
        return Fitted(data, _format(data), reduced=False)
    moving = inspect_picture(data).moving
    try:
        copy = (await WORKSHOP.do("reduce", data, seconds, lane, limit=limit)).data
    except NotAPicture as reason:
        raise TooLarge(str(reason)) from None
    except Died as error:
        raise TooLarge(f"the picture could not be made smaller: {error}") from None
    return Fitted(copy, containers.format_of(copy), reduced=True, stilled=moving)


def _format(data: bytes) -> Format:
    try:
        return containers.format_of(data)
    except NotAPicture as reason:
        raise BadResponse(str(reason)) from None
