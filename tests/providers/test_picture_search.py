# pyright: basic
"""Pictures in responses of any form, invalid numbers, and endless responses."""

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain import BadResponse, Drawn, Picture
from domain.kinds import KINDS, kind_of
from domain.numbers import number, place, plain, seconds, seed
from providers.aihorde.wire import JobState
from providers.aihorde.wire import Result as HordeResult
from providers.automatic1111.tasks import Task
from providers.fal import Result as FalResult
from providers.fal import Status as FalStatus
from providers.http.answers import Answer
from providers.http.bodies import MAX_ERROR_BYTES, read_body, stream_events
from providers.http.encoding import decode_picture
from providers.http.events import Event, EventReader
from providers.http.parsing import SKIP_INVALID_ENTRIES, Reply
from providers.kit.results import MAX_PICTURES, pictures_in
from providers.openai.replies import items_of
from providers.openai.streaming import Stream
from storage.dialects import as_json
from tests.providers.conftest import FakeProgress
from tests.replay.pictures import HEIC, SVG, draw

TEXT = base64.b64encode(draw("a")).decode()
LINK = "https://pictures.example/a.png"
WRONG = st.sampled_from([float("nan"), float("inf"), -float("inf"), 10**400, "nan", "1e400", True, "9" * 500, [], {}])


def answered(body: object, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"image": LINK}, [LINK]),
        ({"images": [{"url": LINK}]}, [LINK]),
        ({"images": [None, {"url": LINK}, 7]}, [LINK]),
        ({"image": {"url": LINK}, "images": []}, [LINK]),
        ({"image": LINK, "images": [{"url": LINK + "b"}]}, [LINK + "b", LINK]),
        ({"data": [{"b64_json": TEXT, "url": LINK}]}, [TEXT]),
        ({"result": {"output": [TEXT]}}, [TEXT]),
        ({"output": {"image": "data:image/png;base64," + TEXT}}, ["data:image/png;base64," + TEXT]),
        ({"message": LINK, "prompt": LINK, "data": {"revised_prompt": LINK}}, []),
        ({"image": "a quiet harbour"}, []),
        ({"image_url": f"\n {LINK} "}, [LINK]),
        ({"image_url": "HTTPS://pictures.example/a.png"}, ["HTTPS://pictures.example/a.png"]),
        ({"output": f"\r\n{TEXT}\n"}, [TEXT]),
        ({"output": TEXT[:5] + "\n" + TEXT[5:]}, [TEXT[:5] + "\n" + TEXT[5:]]),
        ({"output": "DATA:;base64," + TEXT}, ["DATA:;base64," + TEXT]),
        ({"error": "blocked", "url": LINK}, []),
        ({"error": {"code": 1}, "urls": LINK, "data": None}, []),
        ({"error": "one is missing", "images": [{"url": LINK}]}, [LINK]),
        ({"error": None, "url": LINK}, [LINK]),
        ({"error": "no seed", "url": "data:image/png;base64," + TEXT}, ["data:image/png;base64," + TEXT]),
        ({"result": {"data": [{"output": {"images": [LINK]}}]}}, [LINK]),
        ({"artifacts": [{"base64": TEXT, "finishReason": "SUCCESS"}]}, [TEXT]),
        ({"predictions": [{"bytesBase64Encoded": TEXT, "mimeType": "image/png"}]}, [TEXT]),
        ({"output": "/workspace/a/quiet/harbour/0001.png"}, []),
        ({"output": "d9a8c7b6e5f4d3c2b1a0d9a8c7b6e5f4"}, []),
    ],
)
def test_pictures_are_found_under_documented_field_names(body, found):
    assert pictures_in(body) == found


@pytest.mark.parametrize(
    "name",
    [
        *("images", "image", "data", "output", "outputs", "result", "results"),
        *("b64_json", "base64", "image_data", "image_base64"),
        *("url", "urls", "image_url", "imageUrl", "image_urls", "download_urls", "result_url"),
    ],
)
@pytest.mark.parametrize("picture", [LINK, "http://pictures.example/a", f"data:image/png;base64,{TEXT}", TEXT])
def test_a_picture_is_found_under_each_documented_name(name, picture):
    for value in (picture, [picture], {"url": picture}):
        assert pictures_in({"message": "a", name: value}) == [picture]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_base64_of_each_kind_is_a_picture(kind):
    data = draw("a", kind=kind)
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        assert pictures_in({"image": text}) == [text]


def test_pictures_of_a_response_are_unique_and_limited():
    assert pictures_in({"image": LINK, "images": [LINK, LINK]}) == [LINK]
    assert len(pictures_in({"images": [f"{LINK}?{number}" for number in range(1000)]})) == MAX_PICTURES
    assert pictures_in({"data": {"result": {"output": [LINK]}}}) == [LINK]
    deep: Any = LINK
    for _ in range(500):
        deep = {"data": [deep]}
    assert pictures_in(deep) == []


def test_large_pictures_with_equal_beginnings_and_ends_are_distinct():
    several = [TEXT[:100] + sign + TEXT[-100:] for sign in "AABA"]
    assert pictures_in({"images": several}) == [several[0], several[2]]


def box(kind: bytes) -> bytes:
    return b"\0\0\0\x20ftyp" + kind + b"\0\0\0\0" + kind + bytes(60)


WHOLE = {
    **{kind: draw("a", kind=kind.upper()) for kind in ("png", "jpeg", "webp", "gif", "tiff", "bmp", "avif")},
    "jp2": b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 " + bytes(60),
    "heic": HEIC,
    "jxl": b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl " + bytes(60),
    "psd": b"8BPS\0\1" + bytes(6) + b"\0\3\0\0\0\1\0\0\0\1\0\x08\0\3" + bytes(60),
    "svg": SVG,
    "mp4": box(b"isom"),
    "webm": b"\x1aE\xdf\xa3\x9fB\x82\x84webm" + bytes(60),
}
MORE = {
    "heic": box(b"mif1"),
    "avif": b"\0\0\x01\x1cftypmif1\0\0\0\0mif1avif" + bytes(60),
    "jxl": b"\xff\x0a" + bytes(range(250)) * 2,
    "jp2": b"\xff\x4f\xff\x51" + bytes(60),
    "tiff": b"MM\0*\0\0\0\x08" + bytes(60),
    "svg": b"<?xml version='1.0'?>\n<!--" + b"a" * 390 + b"-->\n" + SVG,
}


def test_every_kind_is_known():
    assert {kind: kind_of(data) for kind, data in WHOLE.items()} == {kind: kind for kind in KINDS}


@pytest.mark.parametrize("data", [*WHOLE.values(), *MORE.values()], ids=[*WHOLE, *(f"{kind}-2" for kind in MORE)])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode, base64.encodebytes])
def test_every_kind_is_found_in_base64_of_either_alphabet(data, encode):
    text = encode(data).decode().strip()
    for written in (text, text.rstrip("=")):
        assert pictures_in({"result": [written]}) == [written]
        assert decode_picture(written) == data


@pytest.mark.parametrize(
    ("data", "links", "texts"),
    [
        ([{"image_url": LINK}], [LINK], []),
        ([{"image_url": {"url": LINK}}], [LINK], []),
        ([LINK, TEXT], [LINK], [TEXT]),
        ([{}, {"b64_json": None}], [LINK + "b"], []),
        ([{"b64_json": " ", "url": ""}], [LINK + "b"], []),
        ([{"b64_json": LINK}, {"url": TEXT}], [LINK], [TEXT]),
        ([{"b64_json": TEXT}, {"image": LINK}, {}], [LINK], [TEXT]),
        ([{"images": [LINK, TEXT]}], [LINK], [TEXT]),
        ({"url": LINK}, [LINK + "b"], []),
        (None, [LINK + "b"], []),
        ([{"respect_moderation": False}, {"url": "/a.png"}], ["/a.png"], []),
    ],
)
def test_openais_documented_fields_are_read_before_others(data, links, texts):
    items = items_of(answered({"data": data, "images": [LINK + "b"]})) or []
    assert [item.link for item in items if item.link] == links
    assert [item.picture for item in items if item.picture and not item.link] == texts


@pytest.mark.parametrize(
    "path", ["/workspace/outputs/5f2b7c3e9a1d4b6c8e0f1a2b", "/wp-content/uploads/2026/11/30/picture_final_version"]
)
def test_a_path_is_no_picture(path):
    """Its first characters are those of JPEG XL in base64."""
    assert pictures_in({"image": path, "url": LINK}) == [LINK]


@pytest.mark.parametrize(
    "told",
    [
        {"b64_json": "", "images": [TEXT]},
        {"image": {"base64": TEXT}},
        {"b64_json": TEXT, "url": LINK},
        {"images": [LINK, TEXT]},
    ],
)
async def test_a_streams_final_picture_is_found_under_another_field_name(told):
    progress = FakeProgress()
    await Stream(progress).handle(Event("image_generation.completed", json.dumps(told)))
    assert [picture.data for picture in progress.kept] == [draw("a")]


def test_an_entry_of_another_form_keeps_its_place_and_a_filtered_one_stays_empty():
    told = [{"index": 1, "image_url": LINK}, {"index": 0, "respect_moderation": False}]
    assert [(item.index, item.link, item.respect_moderation) for item in items_of(answered({"data": told})) or ()] == [
        (1, LINK, None),
        (0, "", False),
    ]
    assert items_of(answered({"data": []})) == []
    assert items_of(answered({"error": "no"})) is None


def test_an_invalid_entry_does_not_lose_the_others():
    class Several(Reply):
        each: Annotated[list[int], SKIP_INVALID_ENTRIES]

    assert answered({"each": [1, "x", None, 2]}).parse(Several).each == [1, 2]
    assert answered({"images": [None, {"url": LINK}, {"file": 1}]}).parse(FalResult).allowed == [LINK]
    horde = {"generations": [{"img": 7}, {"img": LINK, "seed": [], "gen_metadata": [None, 3]}]}
    assert [kept.img for kept in answered(horde).parse(HordeResult).pictures] == [LINK]
    assert [item.url for item in items_of(answered({"images": [{"url": LINK}]})) or ()] == [LINK]


@given(WRONG)
def test_an_invalid_number_counts_as_absent(wrong):
    body = {"images": [{"url": LINK}], "seed": wrong, "timings": {"inference": wrong}}
    result = answered(body).parse(FalResult)
    assert result.allowed == [LINK]
    assert result.seed is None
    assert result.timings is None or result.timings.inference is None
    assert answered({"status": "IN_QUEUE", "queue_position": wrong}).parse(FalStatus).queue_position is None
    state = answered({"done": True, "queue_position": wrong, "wait_time": wrong}).parse(JobState)
    assert (state.done, state.queue_position, state.wait_time) == (True, None, None)
    task = answered({"active": True, "progress": wrong, "eta": wrong}).parse(Task)
    assert (task.active, task.fraction, task.seconds) == (True, None, None)
    assert Picture(link=LINK, seed=wrong, seconds=wrong) == Picture(link=LINK)
    assert Drawn(call=0, seed=wrong, seconds=wrong) == Drawn(call=0)


def test_a_valid_number_is_kept_exactly():
    assert (seed("18446744073709551615"), seed(2**53 + 1), seed(7.0)) == (2**64 - 1, 2**53 + 1, 7)
    assert (number("1.5"), seconds(-1), place(-1), place(3)) == (1.5, None, None, 3)


ROWS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(ROWS)
@example({"a": float("nan"), "b": "\ud83e", "c": "\0"})
def test_parsed_values_are_json_that_every_database_takes(value):
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = as_json(value)
    json.loads(text, parse_constant=refuse)
    assert plain(json.loads(text)) == plain(value)
    assert "\\u0000" not in json.dumps(plain(value)).replace("\\\\", "")


class Content:
    """A body whose chunks are buffered, so that reading never suspends."""

    def __init__(self, chunk: bytes, times: int) -> None:
        self.chunk, self.times = chunk, times

    async def iter_any(self):
        for _ in range(self.times):
            yield self.chunk


async def turns_while(reading) -> int:
    """How often another task had a turn."""
    turns, task = 0, asyncio.ensure_future(reading)
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert task.exception() is None or isinstance(task.exception(), BadResponse)
    return turns


async def took(_: int) -> None: ...


async def test_a_buffered_stream_yields_to_the_event_loop():
    seen = []

    async def on_event(event) -> bool:
        seen.append(event)
        return False

    response = cast("Any", SimpleNamespace(content=Content(b"data: a\n\n" * 1000, 3), status=200, content_length=None))
    assert await turns_while(stream_events(response, 10**6, took, on_event)) > 30
    assert len(seen) == 3000


async def test_a_buffered_body_yields_to_the_event_loop():
    response = cast("Any", SimpleNamespace(content=Content(b"x", 5000), status=200, content_length=None))
    assert await turns_while(read_body(response, 10**6, took)) > 30


def test_an_endless_stream_ends():
    reader = EventReader()
    with pytest.raises(BadResponse):
        for _ in range(100):
            reader.feed(b":\n" * 1000)


async def test_only_the_beginning_of_an_error_is_read():
    response = cast(
        "Any",
        SimpleNamespace(
            content=Content(bytes(MAX_ERROR_BYTES), 1000), status=500, content_length=1000 * MAX_ERROR_BYTES
        ),
    )
    assert MAX_ERROR_BYTES < len(await read_body(response, 10**9, took)) <= 2 * MAX_ERROR_BYTES
