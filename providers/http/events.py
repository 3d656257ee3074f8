"""Incremental parser of server-sent events (WHATWG HTML, 9.2.6)."""

import codecs
import re
from typing import NamedTuple

from domain import BadResponse

EVENT_END = b"\n\n"
"""The blank line that ends an event."""
LINE_END = re.compile(r"\r\n|\n|\r")
MAX_FIELD_NAME = 100
"""Characters at the beginning of a line that are searched for its field name."""
MAX_LINES = 50_000
"""Lines of a whole stream: an image API sends a handful of events and keep-alive comments."""


class Event(NamedTuple):
    name: str
    """"message" where the server gives none."""
    data: str


class EventReader:
    """Takes chunks of bytes and returns the events that are complete."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8-sig")(errors="replace").decode
        self._rest: list[str] = []
        self._held = ""
        """A trailing CR whose LF may be in the next chunk."""
        self._name, self._data = "", list[str]()
        self._lines = 0

    def feed(self, chunk: bytes) -> list[Event]:
        """The events completed by this chunk; raises BadResponse after `MAX_LINES`."""
        text = self._held + self._decode(chunk)
        self._held = "\r" if text.endswith("\r") else ""
        text = text[: len(text) - len(self._held)]
        if not LINE_END.search(text):  # pictures come in lines of megabytes: joined once, not at every chunk
            self._rest.append(text)
            return []
        self._lines += max(text.count("\n"), text.count("\r"))  # counted first: splitting makes an object of each
        if self._lines > MAX_LINES:
            raise BadResponse("a stream with too many lines")
        first, *lines = LINE_END.split(text)
        lines = ["".join([*self._rest, first]), *lines]
        self._rest = [lines.pop()]
        return [event for line in lines if (event := self._line(line))]

    def _line(self, line: str) -> Event | None:
        if not line:
            event = Event(self._name or "message", "\n".join(self._data)) if self._data else None
            self._name, self._data = "", []
            return event
        field, _, beginning = line[:MAX_FIELD_NAME].partition(":")
        value = line[len(field) + 1 + beginning.startswith(" ") :]  # copied once: it may be a picture
        if field == "event":
            self._name = value
        elif field == "data":
            self._data.append(value)
        return None
