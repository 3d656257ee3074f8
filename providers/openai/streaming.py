"""Handles a stream of events: partial pictures, then the final one."""

import contextlib
import logging

from domain import BadResponse, Picture
from providers.http.answers import Answer
from providers.http.bodies import BYTES_PER_TURN, CooperativeYield
from providers.http.encoding import decode_picture_async
from providers.http.events import EVENT_END, Event, EventReader
from providers.http.parsing import Reply
from providers.kit.base import Progress
from providers.openai.replies import Item, failure_of, items_in

log = logging.getLogger(__name__)

DONE = "[DONE]"
STREAM_STARTS = (b"event:", b"data:", b":")


class EventBody(Reply):
    type: str = ""
    b64_json: str | None = None


class Stream:
    """Handles the events of one response: reports partial pictures, saves the final one."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.to_fetch: list[Item] | None = None
        """The final picture if it is a link, empty if it was saved; None before it arrives."""
        self._has_logged_unknown = False

    async def handle(self, event: Event) -> bool:
        """Handle an event; True after the final picture, or at the stream's end."""
        if self.to_fetch is None and event.data.strip() != DONE:
            await self._handle(event)
        return self.to_fetch is not None or event.data.strip() == DONE

    async def _handle(self, event: Event) -> None:
        """Unknown events are ignored."""
        answer = await Answer(200, {}, event.data.encode()).parse_in_thread()
        fields = self._parse(answer)
        name = fields.type if event.name == "message" else event.name
        if name.endswith(".partial_image"):
            await self._show(fields)
        elif name.endswith(".completed"):
            await self._keep(answer)
        elif (failure := failure_of(answer)) and (name == "error" or not fields.type):
            raise failure

    async def handle_all(self, answer: Answer) -> None:
        """Handle the events in the body of a stream that was not labelled as one."""
        pacing = CooperativeYield()
        reader, body = EventReader(), answer.body + EVENT_END
        for at in range(0, len(body), BYTES_PER_TURN):
            for event in reader.feed(body[at : at + BYTES_PER_TURN]):
                await self.handle(event._replace(data=answer.redactor.strike_long(event.data)))
                await pacing.processed(len(event.data))
            await pacing.processed(BYTES_PER_TURN)

    async def _show(self, fields: EventBody) -> None:
        with contextlib.suppress(BadResponse):  # previews are best effort
            await self._progress.report(preview=await decode_picture_async(fields.b64_json or ""))

    async def _keep(self, answer: Answer) -> None:
        """Save an inline picture; leave a link in `to_fetch`."""
        found = min(items_in(answer.data()), key=lambda item: bool(item.link), default=Item())
        if not found.link:
            await self._progress.keep(Picture(data=await decode_picture_async(found.picture)))
        self.to_fetch = [found] if found.link else []

    def _parse(self, answer: Answer) -> EventBody:
        """Parse an event; only the first invalid one is logged, as there may be many."""
        fields = answer.parse_or_none(EventBody)
        if fields is None:
            if not self._has_logged_unknown:
                log.info("an event without JSON is ignored, as further ones will be")
            self._has_logged_unknown = True
        return fields or EventBody()


def is_event_stream(answer: Answer) -> bool:
    """Whether the response is an event stream; without the label its events are in the body."""
    labelled = answer.headers.get("Content-Type", "").startswith("text/event-stream")
    return (labelled and not answer.body) or answer.body.startswith(STREAM_STARTS)
