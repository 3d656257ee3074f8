# pyright: basic
"""Repair of malformed response headers."""

import gzip
import json
import time
import zlib

import brotli
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from domain import Acceptance, ProviderError
from providers.http.response_heads import MAX_LINE, repair_head
from tests.rawserver import TURNS, let_others_read, raw_server

BODY = json.dumps({"data": "x" * 50}).encode()
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
OK = b"HTTP/1.1 200 OK"


def wrapped(*headers: bytes, body: bytes = BODY, first: bytes = OK, end: bytes = b"\r\n") -> bytes:
    return end.join([first, *headers, b"", b""]) + body


def packed(coding: bytes, body: bytes) -> bytes:
    return wrapped(b"Content-Encoding: " + coding, b"Content-Length: %d" % len(body), body=body)


ODD = {
    "plain": wrapped(LENGTH),
    "a long header": wrapped(b"Content-Security-Policy: " + b"a" * 30_000, LENGTH),
    "many headers": wrapped(*(b"X-%d: a" % number for number in range(200)), LENGTH),
    "a blank in a name": wrapped(b"Foo Bar: x", LENGTH),
    "a blank behind a name": wrapped(b"Foo : x", LENGTH.replace(b":", b" :")),
    "no name": wrapped(b": x", LENGTH),
    "no colon": wrapped(b"nonsense", LENGTH),
    "two equal lengths": wrapped(LENGTH, LENGTH),
    "two equal lengths in one": wrapped(LENGTH + b", %d" % len(BODY)),
    "a length and chunks": wrapped(LENGTH, b"Transfer-Encoding: chunked", body=CHUNKS),
    "a folded line": wrapped(b"X-A: a", b" Foo Bar: b", LENGTH),
    "line feeds alone": wrapped(LENGTH, b"Foo Bar: x", end=b"\n"),
    "a coding that nobody knows": wrapped(LENGTH, b"Transfer-Encoding: xchunked"),
    "no coding at all": wrapped(b"Transfer-Encoding: identity", LENGTH),
    "chunks by another name": wrapped(LENGTH, b"Transfer-Encoding: identity, Chunked", body=CHUNKS),
    "no reason": wrapped(LENGTH, first=b"HTTP/1.1 200"),
    "HTTP/1.0 without a length": wrapped(first=b"HTTP/1.0 200 OK"),
    "blank lines before": b"\r\n\r\n" + wrapped(b"Foo Bar: x", LENGTH),
    "early hints": b"HTTP/1.1 103 Early Hints\r\nFoo Bar: x\r\n\r\n" + wrapped(b"Foo Bar: x", LENGTH),
    "br unasked": packed(b"br", brotli.compress(BODY)),
    "zstd unasked": packed(b"zstd", zstd.compress(BODY)),
    "gzip unasked": packed(b"gzip", gzip.compress(BODY)),
    "deflate unasked": packed(b"deflate", zlib.compress(BODY)),
}
CONTRADICTORY = {
    "two lengths": wrapped(LENGTH, b"Content-Length: 3"),
    "a line beyond all measure": wrapped(b"X-A: " + b"a" * (MAX_LINE + 1), LENGTH),
    "too many headers": wrapped(*(b"X-%d: a" % number for number in range(300)), LENGTH),
    "an endless head": wrapped(*[b"X-A: " + b"a" * 9000] * 40, LENGTH),
    "interim answers beyond all measure": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 30 + wrapped(LENGTH),
    "hints without end": b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100 + wrapped(LENGTH),
    "no br": packed(b"br", bytes([255]) * 50),
}


@pytest.fixture
async def raw():
    async with raw_server() as raw:
        yield raw


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("pieces", [1, 7, 10_000])
@pytest.mark.parametrize("name", ODD)
async def test_a_repairable_header_block_is_read(transport, raw, name, pieces, method):
    raw.answer, raw.pieces = ODD[name], pieces
    assert (await transport.call(method, raw.url + "/a", tries=1)).body == BODY


@pytest.mark.parametrize("name", CONTRADICTORY)
async def test_an_ambiguous_header_block_is_refused_with_unknown_acceptance(transport, raw, name):
    raw.answer = CONTRADICTORY[name]
    with pytest.raises(ProviderError) as caught:
        await transport.call("POST", raw.url + "/a")
    assert caught.value.taken is not Acceptance.NOT_TAKEN
    assert len(raw.targets) == 1


async def test_headers_are_repaired_on_reused_connections_too(transport, raw):
    raw.answer, raw.stays = ODD["a blank in a name"], False
    for _ in range(2):
        assert (await transport.call("GET", raw.url + "/a")).body == BODY


STRANGE = wrapped(b"Content-Length: 7", body=b"strange")


@pytest.mark.parametrize("together", [True, False])
@pytest.mark.parametrize("strange", [STRANGE, STRANGE[:9], b"junk"])
async def test_unsolicited_bytes_close_the_connection(transport, raw, together, strange):
    """After the last bytes of a response, or between requests."""
    raw.answer, raw.unasked = wrapped(LENGTH), b"" if together else strange
    raw.answer += strange if together else b""
    raw.pieces = 1 if not together else 2
    for _ in range(3):
        assert (await transport.call("GET", raw.url + "/a", tries=3)).body == BODY
        if not together:
            await raw.sent.wait()
            raw.sent.clear()
            await let_others_read(TURNS)


async def test_a_kept_connection_is_used_again(transport, raw):
    raw.answer, raw.unasked = wrapped(LENGTH), b""
    for _ in range(3):
        assert (await transport.call("GET", raw.url + "/a")).body == BODY
    assert raw.connections == 1


@given(st.binary(max_size=300))
def test_repairing_any_header_block_gives_one_block(junk):
    head = repair_head(b"HTTP/1.1 200 OK\r\n" + junk + b"\r\n\r\n")
    assert head.endswith(b"\r\n\r\n")
    assert repair_head(head) == head


def test_many_headers_are_repaired_in_linear_time():
    names = b"".join(b"%x:\r\n" % number for number in range(4096, 33_000))
    began = time.thread_time()
    assert repair_head(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + names + b"\r\n").endswith(
        b"Content-Length: 2\r\n\r\n"
    )
    assert time.thread_time() - began < 2  # each looked for among all others, 11
