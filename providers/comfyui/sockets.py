"""Progress from a ComfyUI server's WebSocket: steps, previews and the end.

Previews are binary frames of type 1, or of type 4, with the prompt's id, where the server supports it. Messages of
other prompts, versions or custom nodes are ignored: the socket is best effort, the history is authoritative.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import quote

import aiohttp
from pydantic import ValidationError

from domain import Cause, EaselError, Unavailable
from domain.numbers import Number, fraction
from providers.http.answers import one_line
from providers.http.api import Api
from providers.http.bodies import CooperativeYield
from providers.http.parsing import Reply, read_json
from providers.http.redaction import Redactor
from providers.kit.base import Progress

log = logging.getLogger(__name__)

FEATURES = {"type": "feature_flags", "data": {"supports_preview_metadata": True}}
MAX_SOCKET_WAIT_SECONDS = 5.0
"""Seconds to wait for the connection before submitting without it."""
LISTENER_STOP_SECONDS = 1.0
"""Seconds after which a listener that is still closing its socket is cancelled again."""
MAX_CONNECTIONS = 6
"""Connection attempts before continuing without a socket."""
HISTORY_PAUSE_SECONDS = 5.0
"""Seconds between polls of the history while a socket is connected."""
PREVIEW, PREVIEW_WITH_METADATA = 1, 4
FAILURE_EVENTS = ("execution_error", "execution_interrupted")


class SocketEvent(Reply):
    type: str
    data: dict[str, Any]


class Steps(Reply):
    value: Number = None
    max: Number = None

    @property
    def fraction(self) -> float | None:
        return fraction(self.value / self.max) if self.value is not None and self.max and self.max > 0 else None


class PreviewMetadata(Reply):
    prompt_id: str | None = None


class Preview(NamedTuple):
    image: bytes
    prompt_id: str | None
    """None where the frame has none."""


class Listener:
    """Handles the messages of one prompt; they wait in the socket until its id is known."""

    def __init__(self, progress: Progress, redactor: Redactor) -> None:
        self.is_connected = False
        self.is_running = False
        self.failure: EaselError | None = None
        self._progress = progress
        self._redactor = redactor
        self._prompt_id = asyncio.get_running_loop().create_future()
        self._ended = asyncio.Event()
        self._fraction: float | None = None

    def follow(self, prompt_id: str) -> None:
        self._prompt_id.set_result(prompt_id)

    async def wait_for_end(self) -> None:
        """Wait for the end of the prompt, at most `HISTORY_PAUSE_SECONDS`; return at once without a socket."""
        if self.is_connected:
            with suppress(TimeoutError):
                async with asyncio.timeout(HISTORY_PAUSE_SECONDS):
                    await self._ended.wait()

    def on_disconnect(self) -> None:
        self.is_connected = self.is_running = False
        self._ended.set()  # wakes up `wait_for_end`, so that the history is polled
        self._ended = asyncio.Event()

    async def on_message(self, message: aiohttp.WSMessage) -> None:
        prompt_id: str = await self._prompt_id
        if message.type is aiohttp.WSMsgType.TEXT:
            event = read_event(message.data, self._redactor)
            if event and event.data.get("prompt_id") == prompt_id:
                await self._on_event(event)
            elif event and event.data.get("prompt_id"):
                self.is_running = False  # previews without an id belong to that prompt
        elif message.type is aiohttp.WSMsgType.BINARY:
            preview = read_preview(message.data)
            if preview and (preview.prompt_id == prompt_id or (preview.prompt_id is None and self.is_running)):
                await self._progress.report(fraction=self._fraction, preview=preview.image)

    async def _on_event(self, event: SocketEvent) -> None:
        match event.type, event.data:
            case "progress", data:
                self.is_running = True
                self._fraction = _fraction(data)
                await self._progress.report(fraction=self._fraction)
            case ("executing", {"node": None}) | ("execution_success", _):
                self._mark_ended()
            case kind, _ if kind in FAILURE_EVENTS:
                self.failure = failure_of(event)
                self._mark_ended()
            case (("execution_start" | "execution_cached" | "executing"), _):
                self.is_running = True
            case _:
                pass

    def _mark_ended(self) -> None:
        self.is_running = False
        self._ended.set()


@asynccontextmanager
async def connect_listener(
    api: Api, sleep: Callable[[float], Awaitable[None]], client_id: str, progress: Progress
) -> AsyncGenerator[Listener]:
    """A listener whose socket reconnects with the same client id; it works without a socket, too."""
    listener, has_tried = Listener(progress, api.redactor), asyncio.Event()
    task = asyncio.create_task(_listen(api, sleep, client_id, listener, has_tried))
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(MAX_SOCKET_WAIT_SECONDS):
                await has_tried.wait()
        yield listener
    finally:
        while not task.done():  # the first cancellation starts a closing handshake, which the server may not answer
            task.cancel()
            await asyncio.wait({task}, timeout=LISTENER_STOP_SECONDS)


async def _listen(
    api: Api, sleep: Callable[[float], Awaitable[None]], client_id: str, listener: Listener, has_tried: asyncio.Event
) -> None:
    for number in range(MAX_CONNECTIONS):
        try:
            async with api.socket(f"ws?clientId={quote(client_id, safe='')}") as socket:
                await socket.send_json(FEATURES)
                listener.is_connected = True
                has_tried.set()
                pacing = CooperativeYield()
                async for message in socket:
                    await listener.on_message(message)
                    await pacing.processed(len(message.data))
        except EaselError as error:
            log.info("the socket could not be opened, or broke: %s", error)
        listener.on_disconnect()
        has_tried.set()
        await sleep(2.0**number)


def read_event(text: str, redactor: Redactor) -> SocketEvent | None:
    try:
        return SocketEvent.model_validate(redactor.strike_json(read_json(text)))
    except ValueError:
        return None


def read_preview(frame: bytes) -> Preview | None:
    """Parse a frame: 4 bytes of type, 4 of image format or metadata length, then the metadata and the image."""
    kind, number = int.from_bytes(frame[:4]), int.from_bytes(frame[4:8])
    if kind == PREVIEW and len(frame) > 8:
        return Preview(frame[8:], None)
    if kind == PREVIEW_WITH_METADATA and len(frame) > 8 + number:
        with suppress(ValueError):
            metadata = PreviewMetadata.model_validate(read_json(frame[8 : 8 + number]))
            return Preview(frame[8 + number :], metadata.prompt_id)
    return None


def failure_of(event: SocketEvent) -> Unavailable:
    """The error of a failure event, without its traceback, which would reveal paths of the host's machine.

    Its words are not classified: the host's own server has no content filter and no account.
    """
    if event.type == "execution_interrupted":
        return Unavailable(cause=Cause.STOPPED, blames_model=True)
    said = one_line(str(event.data.get("exception_message") or ""))
    return Unavailable(said=said, cause=None if said else Cause.NO_REASON, blames_model=True)


def _fraction(data: dict[str, Any]) -> float | None:
    try:
        return Steps.model_validate(data).fraction
    except ValidationError:
        return None
