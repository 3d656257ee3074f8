"""A picture that comes as a stream of events, unfinished ones first."""

import contextlib
import logging

from domain import BadResponse, Picture
from providers.http.answers import Answer
from providers.http.encoding import decode_picture_async
from providers.http.events import EVENT_END, Event, EventReader
from providers.http.lenient import Reply
from providers.http.yielding import BYTES_PER_TURN, CooperativeYield
from providers.kit.base import Progress
from providers.openai.replies import Item, failure_of, items_in

log = logging.getLogger(__name__)

DONE = "[DONE]"
STARTS = (b"event:", b"data:", b":")


class Told(Reply):
    type: str = ""
    b64_json: str | None = None


class Stream:
    """Takes the events of one answer: shows what is unfinished, keeps at once what is finished."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.left: list[Item] | None = None
        """What is still to be fetched where the finished picture came, none if it was kept; None before that."""
        self._knows_strange = False

    async def take(self, event: Event) -> bool:
        """Whether nothing more is wanted: there is the finished picture, or the stream's end."""
        if self.left is None and event.data.strip() != DONE:
            await self._take(event)
        return self.left is not None or event.data.strip() == DONE

    async def _take(self, event: Event) -> None:
        """What is no event of these is passed over."""
        answer = await Answer(200, {}, event.data.encode()).read()
        told = self._told(answer)
        name = told.type if event.name == "message" else event.name
        if name.endswith(".partial_image"):
            await self._show(told)
        elif name.endswith(".completed"):
            await self._keep(answer)
        elif (failure := failure_of(answer)) and (name == "error" or not told.type):
            raise failure

    async def take_all(self, answer: Answer) -> None:
        """The events of a stream that was not labelled as one."""
        turns = CooperativeYield()
        reader, body = EventReader(), answer.body + EVENT_END
        for at in range(0, len(body), BYTES_PER_TURN):
            for event in reader.feed(body[at : at + BYTES_PER_TURN]):
                await self.take(event)
                await turns.took(len(event.data))
            await turns.took(BYTES_PER_TURN)

    async def _show(self, told: Told) -> None:
        with contextlib.suppress(BadResponse):  # nothing depends on it
            await self._progress.report(preview=await decode_picture_async(told.b64_json or ""))

    async def _keep(self, answer: Answer) -> None:
        """The picture itself, if it is there; a link is left to whoever fetches links."""
        found = min(items_in(answer.data()), key=lambda item: bool(item.link), default=Item())
        if not found.link:
            await self._progress.keep(Picture(data=await decode_picture_async(found.picture)))
        self.left = [found] if found.link else []

    def _told(self, answer: Answer) -> Told:
        """Only the first event that tells nothing is logged: a stream may be full of them."""
        told = answer.maybe(Told)
        if told is None:
            if not self._knows_strange:
                log.info("an event that holds no JSON is passed over, and so will others be")
            self._knows_strange = True
        return told or Told()


def is_stream(answer: Answer) -> bool:
    """Whether the answer was one; without the label its events are still in the body."""
    labelled = answer.headers.get("Content-Type", "").startswith("text/event-stream")
    return (labelled and not answer.body) or answer.body.startswith(STARTS)
