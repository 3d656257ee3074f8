"""Bodies: multipart requests, and responses read within limits of size, memory and event-loop time."""

import asyncio
import io
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

import aiohttp

from domain import BadResponse, Flaw
from providers.http.events import EVENT_END, Event, EventReader

MIN_COUNTED_BYTES = 64 * 1024
"""Smaller bodies are not counted; one without Content-Length is counted after it has been read."""
MAX_ERROR_BYTES = 1024 * 1024
"""Bytes that are read of an error response."""
BYTES_PER_TURN = 32 * 1024
"""Bytes that are processed before other tasks get a turn of the event loop."""
OVERHEAD_BYTES = 512
"""Cost of a chunk, event or message beside its bytes, in bytes."""


class CooperativeYield:
    """Yields to the event loop while buffered data is processed, so that no await ever suspends.

    Counts the processed bytes of one task.
    """

    def __init__(self) -> None:
        self._bytes = 0

    async def processed(self, amount: int) -> None:
        """Count processed bytes, and yield once every `BYTES_PER_TURN`."""
        self._bytes += amount + OVERHEAD_BYTES
        if self._bytes >= BYTES_PER_TURN:
            self._bytes = 0
            await asyncio.sleep(0)


class FormPart(NamedTuple):
    """A field or file of a form."""

    name: str
    value: str | bytes
    filename: str | None = None
    kind: str | None = None
    """Its content type."""


def multipart(form: Sequence[FormPart]) -> aiohttp.FormData:
    """Build a multipart form, also where no part is a file."""
    data = aiohttp.FormData(default_to_multipart=True)
    for part in form:
        # Whole bytes of more than 1 MiB would hold up the event loop while they are written.
        value = io.BytesIO(part.value) if isinstance(part.value, bytes) else part.value
        data.add_field(part.name, value, filename=part.filename, content_type=part.kind)
    return data


def is_stream(response: aiohttp.ClientResponse) -> bool:
    return response.status == 200 and response.content_type == "text/event-stream"


async def stream_events(
    response: aiohttp.ClientResponse,
    cap: int,
    reserve: Callable[[int], Awaitable[None]],
    on_event: Callable[[Event], Awaitable[bool]],
) -> bytes:
    """Pass each server-sent event to `on_event` until that returns True; the end of the body ends an event, too.

    Returns the body where it holds no event: some servers label plain JSON as a stream.
    """
    reader, length, not_events, pacing = EventReader(), 0, io.BytesIO(), CooperativeYield()
    async for chunk in response.content.iter_any():
        length += len(chunk)
        if length > cap:
            raise _too_long(cap)
        await reserve(len(chunk))
        await pacing.processed(len(chunk))
        not_events.write(chunk if not_events.tell() + len(chunk) == length else b"")
        for event in reader.feed(chunk):
            not_events.truncate(not_events.seek(0))
            if await on_event(event):
                return b""
            await pacing.processed(len(event.data))
    for event in reader.feed(EVENT_END):
        not_events.truncate(not_events.seek(0))
        await on_event(event)
    return not_events.getvalue()


async def read_body(response: aiohttp.ClientResponse, cap: int, reserve: Callable[[int], Awaitable[None]]) -> bytes:
    """Read the body, counting decompressed bytes: Content-Length cannot be trusted.

    Of an error only the first `MAX_ERROR_BYTES` are read, and a longer one does not raise.
    """
    is_error = response.status >= 400
    cap = min(cap, MAX_ERROR_BYTES) if is_error else cap
    expected = min(response.content_length or 0, MAX_ERROR_BYTES) if is_error else response.content_length or 0
    if expected > cap:
        raise _too_long(cap)
    if expected > MIN_COUNTED_BYTES:
        await reserve(expected)
    body, length, pacing = io.BytesIO(), 0, CooperativeYield()
    async for chunk in response.content.iter_any():
        await pacing.processed(len(chunk))
        body.write(chunk)
        length += len(chunk)
        if length > cap and is_error:
            break
        if length > cap:
            raise _too_long(cap)
    if expected > MIN_COUNTED_BYTES or length > MIN_COUNTED_BYTES:  # correct what was reserved, downwards too
        await reserve(length - (expected if expected > MIN_COUNTED_BYTES else 0))
    return body.getvalue()


def _too_long(cap: int) -> BadResponse:
    return BadResponse(f"a body over {cap} bytes", flaw=Flaw.TOO_LONG)
