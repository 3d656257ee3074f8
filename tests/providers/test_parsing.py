# pyright: basic
"""JSON of any size is read completely, without blocking the event loop."""

import base64
import json
import threading
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from domain import BadResponse
from providers.comfyui.sockets import read_event
from providers.http import encoding, parsing
from providers.http.answers import Answer
from providers.http.api import Api
from providers.http.encoding import decode_picture
from providers.http.parsing import (
    MAX_BACKSLASHES,
    MAX_BESIDE_LONG_STRINGS,
    MAX_DIGITS,
    MAX_VALUES,
    MIN_THREAD_BYTES,
    PIECE_BYTES,
    JSONTooLarge,
    read_json,
)
from providers.http.redaction import NO_SECRETS
from tests.rawserver import raw_server
from tests.replay.pictures import draw

SIGNS = st.sampled_from([*'ab"\\/+,[]{}:\n\x00\u00e9\u20ac', "\U0001f600", "a" * 30, "\ue0000\ue000", "\\u00e9"])
TEXTS = st.lists(SIGNS, max_size=40).map("".join)
JSON = st.recursive(
    st.none() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)
TEXT = base64.b64encode(bytes(range(256)) * 8192).decode()
PARSER = parsing.from_json


@pytest.mark.parametrize("count", [MAX_BACKSLASHES - 2, MAX_BACKSLASHES])
def test_backslashes_are_counted_up_to_a_limit(count):
    body = b'["' + b"A" * MIN_THREAD_BYTES + b"\\" * count + b'"]'
    if count < MAX_BACKSLASHES:
        assert read_json(body) == ["A" * MIN_THREAD_BYTES + "\\" * (count // 2)]
    else:
        with pytest.raises(JSONTooLarge):
            read_json(body)


@pytest.fixture
def small(monkeypatch):
    """Lower the limits, so that every text is large, every string long, and a piece short."""
    for name, size in {"MIN_THREAD_BYTES": -1, "LONG_STRING": 4, "PIECE_BYTES": 50}.items():
        monkeypatch.setattr(parsing, name, size)


@pytest.fixture
def parsed(monkeypatch):
    """The texts that were parsed, with their threads."""
    calls = []

    def parse(body):
        calls.append((len(body), threading.current_thread() is threading.main_thread()))
        return PARSER(body)

    monkeypatch.setattr(parsing, "from_json", parse)
    return calls


def test_a_text_cannot_forge_a_placeholder():
    """A prompt may be echoed beside its picture."""
    answer = {
        "b64_json": "A" * MIN_THREAD_BYTES,
        "revised_prompt": parsing.CUT_STRING_MARK.format("0", 0),
        "prompt": "\ue0000\ue000",
    }
    assert read_json(json.dumps(answer)) == answer


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(JSON, st.booleans())
@example({'\\\\"': None}, False)
def test_parsing_in_pieces_gives_the_same_value(value, escaped):
    body = json.dumps(value, ensure_ascii=escaped).encode()
    with suppress(JSONTooLarge):
        assert read_json(body) == value
    assert json.loads(body) == value


@pytest.mark.usefixtures("small")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.sampled_from([b'"', b"\\", b"u12", b"[", b",", b"a" * 60, b"\xff", b"{", b":", b"\xe2\x82"])))
def test_any_bytes_are_json_or_a_value_error(pieces):
    with suppress(ValueError):
        read_json(b"".join(pieces))


@pytest.mark.parametrize("spelt", [("/", "\\/"), ("+", "\\u002B"), ("=", "\\u003d"), ("Z", "Z")])
@pytest.mark.parametrize("more", ["", r', "revised_prompt": "a fox \ud83e"'])
def test_a_long_picture_is_read_in_every_escaping(parsed, spelt, more):
    body = f'{{"data": [{{"b64_json": "{TEXT.replace(*spelt)}"{more}}}, {{"b64_json": "{TEXT}"}}]}}'
    assert [item["b64_json"] for item in read_json(body)["data"]] == [TEXT, TEXT]
    assert max(length for length, _ in parsed) <= PIECE_BYTES + 2


@pytest.mark.parametrize("value", [b"[],", b'{"a":1},', b"1,", b"[[[]]],", b'"",'])
def test_too_many_values_are_refused_before_parsing(parsed, value):
    body = b"[" + value * MAX_VALUES + b"0]"
    with pytest.raises(BadResponse):
        Answer(200, {}, body).data()
    assert read_event('{"type":"progress","data":{"a":' + body.decode() + "}}", NO_SECRETS) is None
    assert parsed == []


@pytest.mark.parametrize(
    "body",
    [
        b'["' + b"\\n" * 4 * PIECE_BYTES + b'"]',
        b'["' + b"\\u0041" * PIECE_BYTES + b'"]',
        b'["' + b"\\" * 5 * PIECE_BYTES + b'"]',
        b'"' * 5 * PIECE_BYTES,
        b"[" + (b'"' + b"\\n" * 8000 + b'",') * (MAX_BESIDE_LONG_STRINGS // 15_000) + b"0]",
        b"[" + (b'"' + b"a\\u00e9" * 24 + b'",') * (5 * PIECE_BYTES // 171) + b"0]",
        b"[" + (b"7" * 4200 + b",") * 3000 + b"0]",
    ],
)
def test_no_text_blocks_the_parser_for_long(parsed, body):
    with pytest.raises(JSONTooLarge):
        read_json(body)
    assert parsed == []


@pytest.mark.parametrize("digits", [MAX_DIGITS + 1, 5000])
def test_a_huge_number_does_not_lose_the_picture(digits):
    body = f'{{"seed": {"7" * digits}, "prompt": "a fox \\ud83e", "images": ["{TEXT}"]}}'
    assert read_json(body) == {"seed": None, "prompt": "a fox ?", "images": [TEXT]}
    body = f'{{"seed": -{"7" * (MAX_DIGITS - 1)}, "prompt": "\\ud83e"}}'
    assert read_json(body)["seed"] == -int("7" * (MAX_DIGITS - 1))


@pytest.mark.parametrize("size", [MIN_THREAD_BYTES // 2, 3 * MIN_THREAD_BYTES, 3 * MAX_VALUES])
def test_commas_in_a_sentence_are_no_values(size):
    body = {"prompt": ", [{" * size, "told": 'as \\"she\\" said, ' * 9, "data": [1, 2]}
    assert read_json(json.dumps(body)) == body
    with pytest.raises(JSONTooLarge):
        read_json(json.dumps([body, [0] * MAX_VALUES]))


async def test_a_large_response_is_parsed_once_in_a_thread(transport, parsed):
    text = json.dumps({"images": [TEXT] * 3, "error": "no"}).encode()
    async with raw_server() as raw:
        raw.answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
        answer = await Api(transport, raw.url).get("a")
    before = len(parsed)
    assert (answer.error_text(), answer.blamed_option(), answer.data()["images"]) == ("no", None, [TEXT] * 3)
    assert len(parsed) == before
    assert not any(on_main for _, on_main in parsed)


def test_base64_full_of_blanks_is_decoded_piece_by_piece(monkeypatch):
    monkeypatch.setattr(encoding, "MAX_DECODED_AT_ONCE", 100)
    spaced = " ".join(base64.urlsafe_b64encode(draw("a")).decode()) + "\n"
    assert decode_picture(spaced) == draw("a")
