# pyright: basic
"""Pictures in answers of whatever shape, numbers that are none, and answers that are far too much."""

import asyncio
import base64
import json
from types import SimpleNamespace
from typing import Annotated, Any, cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain import BadResponse, Drawn, Picture
from domain.numbers import number, place, plain, seconds, seed
from providers import answers
from providers.aihorde.wire import Result as HordeResult
from providers.aihorde.wire import State
from providers.answers import EACH, MOST_VALUES, Answer, Reply
from providers.automatic1111.tasks import Task
from providers.bodies import MAX_ERROR, pass_on, read_body
from providers.comfyui.sockets import read_event
from providers.events import EventReader
from providers.fal import Result as FalResult
from providers.fal import Status as FalStatus
from providers.nebulablock import Result as NebulaResult
from providers.openai.replies import items_of
from providers.shapes import MOST, pictures_in
from storage.dialects import as_json
from tests.replay.pictures import draw

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
    ],
)
def test_pictures_are_found_by_the_names_that_are_documented(body, found):
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
def test_a_picture_lies_under_each_documented_name(name, picture):
    for value in (picture, [picture], {"url": picture}):
        assert pictures_in({"message": "a", name: value}) == [picture]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_base64_of_each_kind_is_a_picture(kind):
    data = draw("a", kind=kind)
    for text in (base64.b64encode(data).decode(), base64.urlsafe_b64encode(data).decode()):
        assert pictures_in({"image": text}) == [text]


def test_an_answer_has_each_picture_once_and_only_so_many():
    assert pictures_in({"image": LINK, "images": [LINK, LINK]}) == [LINK]
    assert len(pictures_in({"images": [f"{LINK}?{number}" for number in range(1000)]})) == MOST
    assert pictures_in({"data": {"result": {"output": [LINK]}}}) == [LINK]
    deep: Any = LINK
    for _ in range(500):
        deep = {"data": [deep]}
    assert pictures_in(deep) == []


def test_an_entry_that_cannot_be_read_takes_no_other_along():
    class Several(Reply):
        each: Annotated[list[int], EACH]

    assert answered({"each": [1, "x", None, 2]}).parse(Several).each == [1, 2]
    items = answered({"status": "success", "data": [{"b64_json": TEXT}, None, {"zz": 1}]}).parse(NebulaResult).data
    assert [item.b64_json for item in items or ()] == [TEXT]
    assert answered({"images": [None, {"url": LINK}, {"file": 1}]}).parse(FalResult).good == [LINK]
    horde = {"generations": [{"img": 7}, {"img": LINK, "seed": [], "gen_metadata": [None, 3]}]}
    assert [kept.img for kept in answered(horde).parse(HordeResult).pictures] == [LINK]
    assert [item.url for item in items_of(answered({"images": [{"url": LINK}]})) or ()] == [LINK]


@given(WRONG)
def test_a_number_that_is_none_is_absent_and_costs_nothing(wrong):
    body = {"images": [{"url": LINK}], "seed": wrong, "timings": {"inference": wrong}}
    result = answered(body).parse(FalResult)
    assert result.good == [LINK]
    assert result.seed is None
    assert result.timings is None or result.timings.inference is None
    assert answered({"status": "IN_QUEUE", "queue_position": wrong}).parse(FalStatus).queue_position is None
    state = answered({"done": True, "queue_position": wrong, "wait_time": wrong}).parse(State)
    assert (state.done, state.queue_position, state.wait_time) == (True, None, None)
    task = answered({"active": True, "progress": wrong, "eta": wrong}).parse(Task)
    assert (task.active, task.fraction, task.seconds) == (True, None, None)
    assert Picture(link=LINK, seed=wrong, seconds=wrong) == Picture(link=LINK)
    assert Drawn(call=0, seed=wrong, seconds=wrong) == Drawn(call=0)


def test_a_number_that_is_one_is_kept_exactly():
    assert (seed("18446744073709551615"), seed(2**53 + 1), seed(7.0)) == (2**64 - 1, 2**53 + 1, 7)
    assert (number("1.5"), seconds(-1), place(-1), place(3)) == (1.5, None, None, 3)


ROWS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(ROWS)
@example({"a": float("nan"), "b": "\ud83e", "c": "\0"})
def test_what_is_written_is_json_that_every_database_takes(value):
    def refuse(name: str) -> None:
        raise AssertionError(name)

    text = as_json(value)
    json.loads(text, parse_constant=refuse)
    assert plain(json.loads(text)) == plain(value)
    assert "\\u0000" not in json.dumps(plain(value)).replace("\\\\", "")


@pytest.mark.parametrize("value", [b"[],", b'{"a":1},', b"1,", b"[[[]]],"])
def test_a_bomb_is_refused_before_it_is_parsed(monkeypatch, value):
    monkeypatch.setattr(answers, "from_json", lambda _: pytest.fail("it was parsed"))
    body = b"[" + value * MOST_VALUES + b"0]"
    with pytest.raises(BadResponse):
        Answer(200, {}, body).data()
    assert read_event('{"type":"progress","data":{"a":' + body.decode() + "}}") is None


def test_large_pictures_are_no_bomb_and_are_parsed_once(monkeypatch):
    parsed = []
    monkeypatch.setattr(answers, "from_json", lambda body: parsed.append(1) or json.loads(body))
    answer = Answer(400, {}, json.dumps({"images": ["A" * 20_000_000] * 3, "error": "no"}).encode())
    assert (answer.text(), answer.field(), answer.retry_after()) == ("no", None, None)
    assert len(parsed) == 1


class Content:
    """A body whose chunks are there already, so that reading never waits by itself."""

    def __init__(self, chunk: bytes, times: int) -> None:
        self.chunk, self.times = chunk, times

    async def iter_any(self):
        for _ in range(self.times):
            yield self.chunk


async def turns_while(reading) -> int:
    """How often somebody else had a turn."""
    turns, task = 0, asyncio.ensure_future(reading)
    while not task.done():
        turns += 1
        await asyncio.sleep(0)
    assert task.exception() is None or isinstance(task.exception(), BadResponse)
    return turns


async def took(_: int) -> None: ...


async def test_a_stream_that_is_there_already_leaves_others_their_turn():
    seen = []

    async def on_event(event) -> bool:
        seen.append(event)
        return False

    response = cast("Any", SimpleNamespace(content=Content(b"data: a\n\n" * 1000, 3), status=200, content_length=None))
    assert await turns_while(pass_on(response, 10**6, took, on_event)) > 30
    assert len(seen) == 3000


async def test_a_body_that_is_there_already_leaves_others_their_turn():
    response = cast("Any", SimpleNamespace(content=Content(b"x", 5000), status=200, content_length=None))
    assert await turns_while(read_body(response, 10**6, took)) > 30


def test_an_endless_stream_ends():
    reader = EventReader()
    with pytest.raises(BadResponse):
        for _ in range(100):
            reader.feed(b":\n" * 1000)


async def test_of_an_error_only_the_beginning_is_read():
    response = cast(
        "Any", SimpleNamespace(content=Content(bytes(MAX_ERROR), 1000), status=500, content_length=1000 * MAX_ERROR)
    )
    assert MAX_ERROR < len(await read_body(response, 10**9, took)) <= 2 * MAX_ERROR
