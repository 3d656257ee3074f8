# pyright: basic, reportArgumentType=false, reportOptionalMemberAccess=false
"""A server that echoes the key: no spelling of it is shown, logged or stored."""

import json
import logging
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from pydantic import SecretStr

from check.keys import check_providers
from domain import outcomes
from tests.providers.conftest import KINDS
from tests.providers.test_faults import KEPT
from tests.replay import Call
from tests.spellings import SECRET, SPELLINGS, shows

MARK = "ECHO-HERE"
SHOWN_FIELDS = ("title", "name", "display_name", "displayName", "model_name", "description", "label", "credits")
HEADERS = ("x-request-id", "x-fal-request-id", "x-fal-error-type", "finish-reason", "Location", "Retry-After")
KEYLESS = ("popcord",)
REFUSALS = (400, 401, 500)


@pytest.fixture
def key() -> str:
    return SECRET


@pytest.fixture(params=[name for name in KINDS if name not in KEYLESS])
async def bench(request, bench_for):
    """Each provider that may have a key."""
    bench = await bench_for(request.param)
    bench.server.account = SECRET  # Automatic1111's
    return bench


def keyed(bench) -> dict[str, Any]:
    """Settings with the key, also of a server of the host's own."""
    return {"api_key": SecretStr(bench.server.key)}


async def failure(bench) -> str:
    """What a draw raises, in all forms, and what it leaves in the row."""
    raised = await bench.fail("", settings=keyed(bench))
    told = [str(raised), repr(raised), KEPT.dump_json(outcomes.failure_of(raised)).decode()]
    return "".join([*told, *traceback.format_exception(raised), str(bench.progress.remembered)])


def marked(value: Any, field: str = "") -> Any:
    """The JSON with a mark behind each text that may be shown."""
    if isinstance(value, dict):
        return {name: marked(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [marked(each, field) for each in value]
    return f"{value} {MARK}" if isinstance(value, str) and field in SHOWN_FIELDS else value


def echo(body: bytes, spelling: str, encoding: str) -> bytes:
    return body.decode().replace(MARK, spelling).encode(encoding)


def echoes() -> Iterator[tuple[str, str, str]]:
    for name, spell in SPELLINGS.items():
        yield name, spell(SECRET), "utf-8"
    yield "UTF-16", SECRET, "utf-16"
    yield "UTF-16, escaped", SPELLINGS["JSON, HTML-safe"](SECRET), "utf-16-le"


@pytest.mark.parametrize("status", REFUSALS)
async def test_no_error_shows_the_key(bench, caplog, status):
    caplog.set_level(logging.DEBUG)
    told = {}
    for name, spelling, encoding in echoes():

        def refuse(call: Call, _answer: web.Response, *, it=spelling, encoding=encoding) -> web.Response:
            refusal = bench.server.refusal(status, f"Not with {MARK} as the key, {MARK}")
            headers = dict.fromkeys(HEADERS, f"it is {it}")
            body = echo(refusal.body, it, encoding)
            return web.Response(body=body, status=status, headers=headers, content_type="application/json")

        bench.server.change = refuse
        told[name] = await failure(bench)
    assert [name for name, text in told.items() if "***" not in text] == []
    assert [name for name, text in told.items() if shows(text)] == []
    assert not shows(caplog.text)


async def test_no_list_shows_the_key(bench, caplog):
    caplog.set_level(logging.DEBUG)
    told = {}
    for name, spelling, encoding in echoes():

        def mark(call: Call, answer: web.Response, *, it=spelling, encoding=encoding) -> web.Response:
            if answer.content_type != "application/json":
                return answer
            body = echo(json.dumps(marked(json.loads(answer.body))).encode(), it, encoding)
            return web.Response(body=body, status=answer.status, headers={"x-request-id": it})

        bench.server.change = mark
        provider = bench.provider(**keyed(bench))
        models = str([model.model_dump() for model in await provider.models()])
        told[name] = models + str(await check_providers({provider.name: provider}))
    assert [name for name, text in told.items() if shows(text)] == []
    assert not shows(caplog.text)
    bench.server.unexpected.clear()


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_stream_shows_the_key(bench_for, spelling):
    bench = await bench_for("openai")
    event = {"type": "error", "error": {"message": f"Not with {MARK}", "type": "server_error", "code": "x"}}

    def stream(call: Call, answer: web.Response, labelled: bool = True) -> web.Response:
        body = echo(f"event: error\ndata: {json.dumps(event)}\n\n".encode(), SPELLINGS[spelling](SECRET), "utf-8")
        return web.Response(body=body, content_type="text/event-stream" if labelled else "text/plain")

    for change in (stream, lambda call, answer: stream(call, answer, labelled=False)):
        bench.server.change = change
        raised = await bench.fail("", settings=keyed(bench))
        assert "***" in raised.said
        assert not shows(str(raised))


@pytest.mark.parametrize("case", ["error", "error-history"])
@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_no_socket_message_shows_the_key(bench_for, monkeypatch, spelling, case):
    bench, spelled, send = await bench_for("comfyui"), SPELLINGS[spelling](SECRET), web.WebSocketResponse.send_str
    said = "The card is out of memory"

    async def send_echo(self, data: str, *rest, **options) -> None:
        await send(self, data.replace(said, f"Not with {spelled}"), *rest, **options)

    def change(call: Call, answer: web.Response) -> web.Response:
        if answer.content_type != "application/json":
            return answer
        return web.Response(text=answer.text.replace(said, f"Not with {spelled}"), status=answer.status)

    monkeypatch.setattr(web.WebSocketResponse, "send_str", send_echo)
    bench.server.change = change
    raised = await bench.fail(case, settings=keyed(bench))
    assert "***" in str(raised)
    assert not shows(str(raised))
