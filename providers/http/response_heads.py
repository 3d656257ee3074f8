"""Repairs malformed response headers before aiohttp parses them.

Its parser is strict, with no lenient mode, and a refused header would lose a picture that is paid for.
Only unambiguous defects are repaired; all others are left for the parser to refuse.
"""

import re
from functools import partial
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import RawResponseMessage
from aiohttp.streams import StreamReader

HEADER_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A header's name (RFC 9110, 5.6.2)."""
FOLDED_LINE = re.compile(rb"\r?\n[ \t]+")
HEAD_END = re.compile(rb"\r?\n\r?\n")
INTERIM = re.compile(rb"HTTP/1\.[01] 1(?!01)[0-9]{2}\b")
"""An interim response (1xx), which has headers of its own; not 101, which starts a WebSocket."""
NO_BODY = re.compile(rb"HTTP/1\.[01] (?:101|204|304)\b")
CONTENT_LENGTH = re.compile(rb"\r\nContent-Length: ([0-9]{1,18})\r\n")
"""As `repair_head` writes it."""
MAX_LINE = 64 * 1024
MAX_HEADERS = 256
MAX_HEAD = 256 * 1024
"""Bytes of a header block; the connection is closed on more."""
MAX_INTERIM = 16
"""Interim responses to one request; the connection is closed on more."""


class LenientResponseHandler(ResponseHandler):
    """aiohttp's protocol of one connection, which gets complete, repaired header blocks."""

    _head: bytearray | None = None
    """Bytes of an incomplete header block; None while none is expected."""
    _interim = 0
    _has_answered = False
    _body_left: int | None = None
    """Bytes of the body still to come, where Content-Length is known."""

    def set_response_params(self, **options: Any) -> None:
        """Called before each request."""
        self._head = bytearray()
        self._interim, self._has_answered, self._body_left = 0, False, None
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Close the connection on bytes without a request: they would be taken for the next response."""
        if data and self._is_idle():
            self.abort()
            return
        heads = b""
        if self._head is not None:
            heads, data = self._complete_heads(self._head, data)
            if not heads:
                return
        own = data if self._body_left is None else data[: self._body_left]
        self._body_left = None if self._body_left is None else self._body_left - len(own)
        super().data_received(heads + own)
        if len(own) < len(data):
            self.abort()

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Each parsed response; a second one for the same request closes the connection."""
        if self._has_answered:
            self.abort()
            return
        self._has_answered = data[0].code >= 200
        super().feed_data(data, size)

    def _is_idle(self) -> bool:
        """Whether there is no request, or its response is complete."""
        is_socket = self._upgraded or self._payload_parser is not None
        return self._head is None and not is_socket and (self._payload is None or self._payload.is_eof())

    def _complete_heads(self, head: bytearray, data: bytes) -> tuple[bytes, bytes]:
        """The complete header blocks, repaired, and the bytes of the body behind the last one."""
        seen, ready = max(len(head) - 3, 0), b""
        head += data if head else data.lstrip(b"\r\n")
        while (found := HEAD_END.search(head, seen, MAX_HEAD)) and self._interim <= MAX_INTERIM:
            whole, rest = repair_head(bytes(head[: found.end()])), bytes(head[found.end() :])
            ready += whole
            head[:], seen = rest, 0
            if not INTERIM.match(whole):
                self._head, self._body_left = None, _length(whole)
                return ready, rest
            self._interim += 1
        if len(head) > MAX_HEAD or self._interim > MAX_INTERIM:
            self.abort()
            return b"", b""
        return ready, b""


class Connector(aiohttp.TCPConnector):
    """Connector whose connections use `LenientResponseHandler`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # aiohttp 3.14 has no public option for the protocol.
        self._factory: partial[ResponseHandler] = partial(LenientResponseHandler, loop=self._loop)


def _length(head: bytes) -> int | None:
    found = None if NO_BODY.match(head) else CONTENT_LENGTH.search(head)
    return int(found[1]) if found else None


def repair_head(head: bytes) -> bytes:
    """A header block without invalid lines, without blanks in names, and with one Content-Length where all agree."""
    first, *lines = FOLDED_LINE.sub(b" ", head).rstrip(b"\r\n").split(b"\n")
    parted = [line.partition(b":") for line in lines]
    fields = [(name.rstrip(), value.strip()) for name, colon, value in parted if colon]
    fields = [(name, value) for name, value in fields if HEADER_NAME.fullmatch(name)]
    others = [(name, value) for name, value in fields if name.lower() != b"content-length"]
    lengths_sent = [value for name, value in fields if name.lower() == b"content-length"]
    codings = b",".join(value.lower() for name, value in others if name.lower() == b"transfer-encoding").split(b",")
    is_chunked = codings[-1].strip() == b"chunked"
    lengths = {part.strip() for value in lengths_sent for part in value.split(b",")}
    if is_chunked or len(lengths) == 1:  # chunked encoding overrides Content-Length (RFC 9112, 6.3)
        plain = [(name, value) for name, value in others if name.lower() != b"transfer-encoding"]
        fields = others if is_chunked else [*plain, (b"Content-Length", lengths.pop())]
    return b"\r\n".join([first.rstrip(), *(name + b": " + value for name, value in fields), b"", b""])
