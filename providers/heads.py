"""What servers get wrong in the head of an answer is mended before aiohttp reads it.

Its parser is strict, with no way to say otherwise, and a head that it refuses takes the picture behind it along.
Only what has one meaning is mended; the rest is left for the parser to refuse.
"""

import re
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.6.2)."""
FOLD = re.compile(rb"\r?\n[ \t]+")
END = re.compile(rb"\r?\n\r?\n")
INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}\b")
"""An answer before the answer, which has a head of its own; but for 101, behind which comes a WebSocket."""
MOST_IN_LINE = 64 * 1024
MOST_HEADERS = 256
MOST = 256 * 1024
"""Bytes of a head; who sends more is hung up on."""
MOST_INTERIM = 16
"""Answers before the answer; so many at once take little of everybody's time."""


class TidyHeads(ResponseHandler):
    """aiohttp's reader of one connection; whole heads come to it, and mended."""

    _head: bytearray | None = None
    """What has come of a head; None while none is awaited."""
    _interims = 0

    def set_response_params(self, **options: Any) -> None:
        """Called before each request."""
        self._head, self._interims = bytearray(), 0
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            data = self._whole(self._head, data)
            if not data:
                return
        super().data_received(data)

    def _whole(self, head: bytearray, data: bytes) -> bytes:
        """All heads that are whole by now, and what stands behind the last; nothing while that is awaited."""
        seen, ready = max(len(head) - 3, 0), b""
        head += data if head else data.lstrip(b"\r\n")
        while found := END.search(head, seen, MOST):
            whole, rest = bytes(head[: found.end()]), head[found.end() :]
            ready += mended(whole)
            head[:], seen = rest, 0
            if not INTERIM.match(whole):
                self._head = None
                return ready + bytes(rest)
            self._interims += 1
            if self._interims > MOST_INTERIM:
                break
        if len(head) > MOST or self._interims > MOST_INTERIM:
            self.abort()
        return ready


class Connector(aiohttp.TCPConnector):
    """Its connections are read by `TidyHeads`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory: partial[ResponseHandler] = partial(TidyHeads, loop=self._loop)  # there is no other way in (3.14)


def mended(head: bytes) -> bytes:
    """A head without lines that are no headers, without blanks in names, and with one length where all agree."""
    first, *lines = FOLD.sub(b" ", head).rstrip(b"\r\n").split(b"\n")
    parted = [line.partition(b":") for line in lines]
    fields = [(name.rstrip(), value.strip()) for name, colon, value in parted if colon]
    fields = [(name, value) for name, value in fields if TOKEN.fullmatch(name)]
    others = [(name, value) for name, value in fields if name.lower() != b"content-length"]
    is_chunked = any(name.lower() == b"transfer-encoding" and b"chunked" in value.lower() for name, value in others)
    lengths = {part.strip() for name, value in fields if (name, value) not in others for part in value.split(b",")}
    if is_chunked or len(lengths) == 1:  # where both are told, chunks win (RFC 9112, 6.3)
        fields = others if is_chunked else [*others, (b"Content-Length", lengths.pop())]
    return b"\r\n".join([first.rstrip(), *(name + b": " + value for name, value in fields), b"", b""])
