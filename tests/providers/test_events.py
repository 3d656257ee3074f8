# pyright: basic
"""Server-sent events are the same however the stream is split into chunks."""

import json

from hypothesis import given
from hypothesis import strategies as st

from providers.http.events import Event, EventReader

LINES = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\r\n\x00"), max_size=20)
EVENTS = st.lists(st.builds(Event, LINES.filter(bool), st.lists(LINES, min_size=1, max_size=3).map("\n".join)))
ENDS = st.sampled_from(["\n", "\r\n", "\r"])


def written(event: Event, end: str) -> str:
    lines = [": a comment", f"event: {event.name}", *(f"data: {line}" for line in event.data.split("\n")), "id: 7"]
    return end.join(lines) + end * 2


def read(*chunks: bytes) -> list[Event]:
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)]


@given(EVENTS, ENDS, st.data())
def test_events_are_complete_however_the_stream_is_split(events, end, data):
    stream = "".join(written(event, end) for event in events).encode()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    chunks = [stream[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    expected = [event for event in events if event.data or "\n" in event.data]
    assert [each for each in read(*chunks, b"\n") if each.data] == [each for each in expected if each.data]


@given(st.lists(st.binary(max_size=30), max_size=10))
def test_any_bytes_are_read(chunks):
    assert all(isinstance(event, Event) for event in read(*chunks))


def test_lines_are_parsed_as_the_standard_says():
    assert read(b"\xef\xbb\xbfdata: one\n\n") == [Event("message", "one")]
    assert read(b"data:one\ndata\ndata:  two\n\n") == [Event("message", "one\n\n two")]
    assert read(b"event: x\n\ndata: y\n\n") == [Event("message", "y")]
    assert read(b"data: not ended\n") == []
    assert read(b"data: [DONE]\r", b"\n\r\n") == [Event("message", "[DONE]")]


def test_a_long_line_is_read_in_linear_time():
    line = b"data: " + json.dumps({"b64_json": "A" * 4_000_000}).encode()
    reader = EventReader()
    parts = [line[at : at + 1024] for at in range(0, len(line), 1024)]
    assert [event for part in (*parts, b"\n\n") for event in reader.feed(part)] == [Event("message", line[6:].decode())]
    assert len(reader._rest) <= 1
