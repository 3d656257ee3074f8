# pyright: basic
import asyncio
import json
import socket
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import pytest
from aiohttp import web
from pydantic import SecretStr

from domain import Acceptance, BadResponse, EaselError, Timeout, Unavailable
from providers.http import addresses
from providers.http import api as api_module
from providers.http.addresses import on_own_server, web_link
from providers.http.api import Api
from providers.http.bodies import MIN_COUNTED_BYTES, FormPart
from providers.http.calls import MAX_BYTES_IN_MEMORY
from providers.http.transport import MAX_REDIRECTS, Transport
from tests.outcomes import not_taken
from tests.providers.conftest import load
from tests.rawserver import raw_server
from tests.replay import Call, Replay
from tests.replay.faults import HUGE, MEBIBYTE, OTHER_NAMES
from tests.replay.pictures import SVG, animation, bomb, draw

SECRET = "x-secret=canary"
NEVER_ARRIVED = (521, 523, 525, 526, 530)
DIES = (408, 425, 429, 500, 502, 503, 504, 520, 522, 524, *NEVER_ARRIVED)
NO_HOSTS = ("http://[oops/x.png", "//[oops", "http://a..invalid/", f"http://{'a' * 70}.invalid/")
LIVES = (200, 204, 400, 401, 402, 403, 404, 410, 413, 422, 501)


class Scripted(Replay):
    """Answers with the statuses or responses of a script; the last one is repeated."""

    name = "scripted"
    cases: ClassVar = {}

    def __init__(self) -> None:
        super().__init__()
        self.script: list[int | Callable[[], web.Response]] = [200]

    async def answer(self, call: Call) -> web.Response:
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        return web.Response(status=step) if isinstance(step, int) else step()

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"error": text}, status=status)


@pytest.fixture
async def server():
    async with Scripted() as server:
        yield server
    assert server.elsewhere == []


@pytest.fixture
def outside(server, monkeypatch):
    """Treat the server as a public one."""
    monkeypatch.setattr(addresses, "is_public", lambda address: address == "127.0.0.1")
    monkeypatch.setattr(addresses, "WEB_PORTS", (server.port,))


says = partial(partial, web.Response)
"""A response for a script, built for each request."""


def moved(location: str, status: int = 302) -> Callable[[], web.Response]:
    return says(status=status, headers={"Location": location})


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.mark.parametrize("status", [*DIES, *LIVES])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_these_statuses_are_retried(transport, server, waits, method, status):
    server.script = [status]
    answer = await transport.call(method, f"{server.url}/a", json={} if method == "POST" else None)
    again = status in (DIES if method == "GET" else (429, 503, *NEVER_ARRIVED))
    assert answer.status == status
    assert len(server.requests) == (3 if again else 1)
    assert len(waits) == len(server.requests) - 1


async def test_a_call_with_one_try_is_not_retried(transport, server):
    server.script = [503]
    await transport.call("GET", server.url + "/a", tries=1)
    assert len(server.requests) == 1


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_failed_connection_is_retried(transport, waits, method):
    with pytest.raises(Unavailable) as caught:
        await transport.call(method, f"http://127.0.0.1:{free_port()}/a?{SECRET}")
    assert len(waits) == 2
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("case", ["F11", "F11-reset"])
async def test_a_get_that_breaks_off_is_sent_again(transport, server, case):
    with pytest.raises(Unavailable):
        await transport.call("GET", server.case(case) + f"/a?{SECRET}")
    assert len(server.requests) >= 3


@pytest.mark.parametrize("case", ["F11", "F11-reset", "F08"])
async def test_a_post_that_breaks_off_is_not_repeated(transport, server, case):
    transport._seconds = 0.2
    with pytest.raises(EaselError):
        await transport.call("POST", server.case(case) + "/a", json={})
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("headers", "body", "low", "high"),
    [
        ({"Retry-After": "5"}, {}, 5, 5),
        ({"Retry-After": "2.5"}, {}, 2.5, 2.5),
        ({"Retry-After": "0"}, {}, 1, 1),
        ({"Retry-After": "30"}, {}, 30, 30),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, {}, 1, 1),
        ({"Retry-After": "soon"}, {}, 0, 3),
        ({"Retry-After": "-5"}, {}, 0, 3),
        ({"retry-after-ms": "1500"}, {}, 1.5, 1.5),
        ({"retry-after-ms": "1500", "Retry-After": "9"}, {}, 1.5, 1.5),
        ({"retry-after-ms": "nan"}, {}, 0, 3),
        ({}, {"retry_after": 4}, 4, 4),
        ({}, {"message": "Rate limit is exceeded. Try again in 26 seconds."}, 26, 26),
        ({}, {}, 0, 3),
    ],
)
async def test_the_back_off_follows_retry_after(transport, server, waits, headers, body, low, high):
    server.script = [says(text=json.dumps(body), status=429, headers=headers), 200]
    assert (await transport.call("POST", server.url + "/a", json={})).status == 200
    assert len(waits) == 1
    assert low <= waits[0] <= high


@pytest.mark.parametrize(("told", "known"), [("31", 31), ("99999", 600)])
async def test_a_long_pause_ends_the_call(transport, server, waits, told, known):
    server.script = [says(status=429, headers={"Retry-After": told}), 200]
    answer = await transport.call("POST", server.url + "/a", json={})
    assert (answer.status, answer.error().retry_after, waits) == (429, known, [])


@pytest.mark.parametrize("case", ["F07", "F07-gzip"])
@pytest.mark.parametrize("name", ["calls.MAX_ANSWER_BYTES", "transport.MAX_PICTURE_BYTES"])
async def test_endless_bodies_are_stopped_at_constant_memory(transport, server, monkeypatch, case, name):
    monkeypatch.setattr(f"providers.http.{name}", 8 * MEBIBYTE)
    url = server.case(case) + "/a"
    tracemalloc.start()
    with pytest.raises(BadResponse):
        await (
            transport.call("GET", url) if name == "calls.MAX_ANSWER_BYTES" else transport.download(url, own=server.url)
        )
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 40 * MEBIBYTE
    assert server.sent < HUGE / 4
    assert len(server.requests) == 1


async def test_an_announced_size_over_the_cap_is_not_read(transport, server, monkeypatch):
    monkeypatch.setattr("providers.http.calls.MAX_ANSWER_BYTES", 1000)
    server.script = [says(body=bytes(1001))]
    with pytest.raises(BadResponse):
        await transport.call("GET", server.url + "/a")


async def test_json_is_read_with_the_small_cap(transport, server, monkeypatch):
    monkeypatch.setattr(api_module, "MAX_JSON_BYTES", 1000)
    api = Api(transport, server.url)
    server.script = [says(body=bytes(1001)), says(body=bytes(1001)), says(body=bytes(1000))]
    assert len((await api.get("a")).body) == 1001
    with pytest.raises(BadResponse):
        await api.get_json("a")
    assert len((await api.get_json("a")).body) == 1000


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_trickling_body_ends_with_the_time_limit(transport, server, method):
    transport._seconds, server.drip_seconds = 0.3, 0.02
    start = time.monotonic()
    with pytest.raises(Timeout):
        await transport.call(method, server.case("F08") + "/a")
    assert time.monotonic() - start > 0.25
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"\x1f\x8bno gzip", b""])
async def test_an_invalid_compressed_body_is_refused(transport, server, body):
    server.script = [says(body=body, headers={"Content-Encoding": "gzip"})]
    try:
        answer = await transport.call("GET", server.url + "/a")
    except Unavailable:
        assert body
    else:
        assert answer.body == b""


async def test_cancelling_wins_over_the_time_limit(transport, server):
    """Both in the same turn of the loop: after a lost cancellation a job would poll for ever."""
    transport._seconds = 0.1
    call = asyncio.create_task(transport.call("POST", server.case("F15") + "/a", json={}))
    await server.started.wait()
    asyncio.get_running_loop().call_later(0.1, call.cancel)
    asyncio.get_running_loop().call_soon(time.sleep, 0.2)
    with pytest.raises(asyncio.CancelledError):
        await call


async def test_waiting_for_memory_does_not_use_up_the_time_limit(transport, server):
    async def hold() -> None:
        await transport._sender._budget.reserve(MAX_BYTES_IN_MEMORY)
        await asyncio.sleep(5 * transport._seconds)  # real time, because the time limit is under test

    transport._seconds = 0.1
    server.script = [says(body=bytes(2 * MIN_COUNTED_BYTES))]
    holder = asyncio.create_task(hold())
    await asyncio.sleep(0)
    answer = await transport.call("POST", server.url, tries=1)
    assert (len(answer.body), holder.done()) == (2 * MIN_COUNTED_BYTES, True)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_server_may_forbid_a_retry(transport, server, method):
    server.script = [says(status=429, headers={"x-should-retry": "false"}), 200]
    assert (await transport.call(method, f"{server.url}/x")).status == 429


@pytest.mark.parametrize(("case", "taken"), [("F11-reset", True), ("", False)])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_only_an_unsent_call_was_surely_not_accepted(transport, server, method, case, taken):
    url = f"{server.case(case)}/x"
    if not taken:
        await server.die()
    with pytest.raises(Unavailable) as caught:
        await transport.call(method, url, json={} if method == "POST" else None)
    assert caught.value.taken is (Acceptance.UNKNOWN if taken else Acceptance.NOT_TAKEN)


async def test_an_answered_attempt_may_have_been_accepted(transport, server):
    server.script = [500, 429]
    assert (await transport.call("GET", f"{server.url}/x")).error().taken is Acceptance.UNKNOWN
    server.script = [503, 429]
    assert not_taken((await transport.call("GET", f"{server.url}/x")).error())


@pytest.mark.parametrize("length", [0, 200_000])
@pytest.mark.parametrize(
    ("status", "key", "shown"),
    [
        *((status, key, "***") for status in (200, 400) for key in ("test-key-of-usual-length", "twelve-chars")),
        *((status, "letters", "letters") for status in (200, 400)),
    ],
)
async def test_a_long_echoed_key_is_redacted_everywhere(transport, server, status, key, shown, length):
    told = {"error": {"message": f"your key {key} is wrong"}, "more": "x" * length}
    server.script = [says(status=status, body=json.dumps(told))]
    api = Api(transport, server.url, header="Authorization", prefix="Bearer ", key=SecretStr(key))
    assert (await api.get("x")).error_text() == f"your key {shown} is wrong"


@pytest.mark.parametrize("status", [200, 400])
async def test_a_shorter_echoed_key_is_redacted_in_short_bodies(transport, server, status):
    server.script = [says(status=status, body=json.dumps({"error": "your key 8letters is wrong"}))]
    api = Api(transport, server.url, header="Authorization", prefix="Bearer ", key=SecretStr("8letters"))
    assert (await api.get("x")).error_text() == "your key *** is wrong"


@pytest.mark.parametrize("times", [1, 10_000])
@pytest.mark.parametrize("key", ["x", "none", "local", "1234"])
async def test_a_short_key_is_not_redacted_in_a_long_body(transport, server, key, times):
    picture = "x none local 1234 " * times
    server.script = [says(body=json.dumps({"b64_json": picture}))]
    api = Api(transport, server.url, header="Authorization", prefix="Bearer ", key=SecretStr(key))
    assert (await api.get("x")).data() == {"b64_json": picture}


@pytest.mark.parametrize("status", [429, 503])
async def test_downloads_wait_as_long_as_retry_after_says(transport, server, waits, status):
    server.script = [says(status=status, headers={"Retry-After": "60"}), says(body=draw("a"))]
    assert (await transport.fetch(f"{server.url}/a", own=server.url)).data == draw("a")
    assert waits == [60]


async def test_a_pause_beyond_the_limit_is_not_waited_for(transport, server, waits):
    server.script = [says(status=503, headers={"Retry-After": "31"}), 200]
    error = (await transport.call("POST", server.url, json={})).error()
    assert (error.retry_after, not_taken(error), waits) == (31, True, [])


async def test_a_failed_download_is_not_marked_as_not_accepted(transport):
    url = f"http://127.0.0.1:{free_port()}/a"
    with pytest.raises(Unavailable) as caught:
        await transport.fetch(url, own=url)
    assert caught.value.taken is Acceptance.TAKEN


async def test_a_form_is_multipart_even_without_files_and_anew_for_each_try(transport, server):
    server.script = [503, 200]
    await transport.call(
        "POST", server.url, form=[FormPart("prompt", "a boat"), FormPart("image", b"x", "a.png", "image/png")]
    )
    first, second = server.requests
    assert first.headers["content-type"].startswith("multipart/form-data; boundary=")
    for call in (first, second):
        assert b'name="prompt"\r\n\r\na boat' in call.body
        assert b'filename="a.png"' in call.body


@pytest.mark.parametrize(("key", "shown"), [("test-key", "***"), ("1234", "1234")])
async def test_an_echoed_key_is_redacted_in_events(transport, server, key, shown):
    server.script = [says(body=f"data: your key {key} is wrong\n\n".encode(), content_type="text/event-stream")]
    events = []

    async def on_event(event):
        events.append(event.data)
        return False

    api = Api(transport, server.url, header="Authorization", prefix="Bearer ", key=SecretStr(key))
    answer = await api.send("POST", "x", json={}, on_event=on_event)
    assert (events, answer.body) == ([f"your key {shown} is wrong"], b"")


@pytest.mark.parametrize(
    "url",
    [
        "https://other.example/x",
        "https://bfl.ai.example/x",
        "https://notbfl.ai/x",
        "http://api.bfl.ai/x",
        "http://user@[broken",
    ],
)
async def test_an_absolute_url_may_not_send_the_key_to_another_host(transport, server, url):
    api = Api(transport, server.url, header="x-key", key=SecretStr("test-key"), domains=("bfl.ai",))
    with pytest.raises(BadResponse):
        await api.get(url)
    assert (await api.get(f"{server.url}/y")).status == 200


@pytest.mark.parametrize("header", ["x-key", "Authorization"])
@pytest.mark.parametrize("who", ["user:pw@", "user@", ":pw@"])
async def test_an_absolute_url_must_not_contain_credentials(transport, server, header, who):
    api = Api(transport, server.url, header=header, key=SecretStr("test-key"))
    with pytest.raises(BadResponse):
        await api.get(f"http://{who}127.0.0.1:{server.port}/x")
    assert server.requests == []


async def test_the_headers_of_every_call(transport, server):
    server.script = [says(headers={"Set-Cookie": "a=b"}), 200]
    for _ in range(2):
        await transport.call("POST", server.url + "/a", headers={"API-Key": "k"}, json={"a": 1})
    headers = server.requests[1].headers
    assert (headers["accept-encoding"], headers["user-agent"], headers["api-key"]) == ("identity", "Easel", "k")
    assert headers["content-type"] == "application/json"
    assert "cookie" not in headers


@pytest.mark.parametrize("status", [301, 302, 303, 304, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_calls_follow_no_redirect(transport, server, method, status):
    server.script = [moved(server.elsewhere_url, status)]
    with pytest.raises(BadResponse):
        await transport.call(method, server.url + "/a", headers={"X-API-Key": "k"})
    assert len(server.requests) == 1


async def test_a_socket_follows_no_redirect(transport, server):
    server.script = [moved(server.elsewhere_url, 307)]
    with pytest.raises(Unavailable):
        async with transport.socket(server.url.replace("http", "ws") + "/ws"):
            pass
    assert len(server.requests) == 1


async def test_an_own_server_may_be_private_but_its_redirects_may_not(transport, server):
    picture = says(body=draw("a"))
    server.script = [picture]
    assert await transport.download(server.url + "/a", own=server.url) == draw("a")
    for target in (server.elsewhere_url, "http://169.254.169.254/", "file:///etc/passwd"):
        server.script = [moved(target)]
        with pytest.raises(BadResponse):
            await transport.download(server.url + "/a", own=server.url)


async def test_another_port_of_an_own_host_is_not_trusted(transport, server):
    with pytest.raises(BadResponse):
        await transport.download(server.elsewhere_url + "/a", own=server.url)


async def test_some_redirects_are_followed(transport, server, outside):
    picture = says(body=draw("a"))
    server.script = [moved(server.url + "/b"), moved("/c", 307), moved("d", 308), picture]
    assert await transport.download(server.url + "/a", own=server.url) == draw("a")
    assert [call.path for call in server.requests] == ["/a", "/b", "/c", "/d"]


@pytest.mark.parametrize("location", ["/again", ""])
async def test_too_many_redirects(transport, server, outside, location):
    server.script = [moved(location) for _ in range(MAX_REDIRECTS + 1)]
    with pytest.raises(BadResponse, match="redirects"):
        await transport.download(server.url + "/a", own=server.url)
    assert len(server.requests) == MAX_REDIRECTS + 1


@pytest.mark.parametrize(
    "target", ["http://10.0.0.1/", "file:///etc/passwd", "http://u:p@127.0.0.1/", "data:,a", *NO_HOSTS]
)
async def test_redirects_are_checked_one_by_one(transport, server, outside, target):
    server.script = [moved(target)]
    with pytest.raises(BadResponse):
        await transport.download(server.url + "/a", own=server.url)
    assert len(server.requests) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
async def test_pictures_are_recognised_by_their_bytes(transport, server, kind):
    server.script = [says(body=draw("a", kind=kind), content_type="text/html")]
    assert load(await transport.download(server.url + "/a", own=server.url)).format == kind


@pytest.mark.parametrize("data", [b"<html><svg>", b"<?xml version='1.0'?><Error/>", b"", b"hello"])
async def test_a_download_without_a_picture_is_refused(transport, server, data):
    server.script = [says(body=data, content_type="image/png")]
    with pytest.raises(BadResponse):
        await transport.fetch(server.url + "/a", own=server.url)


@pytest.mark.parametrize("data", [bomb(), animation(), SVG])
def test_pillow_refuses_the_fixtures(data):
    with pytest.raises(BadResponse):
        load(data)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 451, *DIES])
@pytest.mark.usefixtures("loopback_links")
async def test_a_link_that_fails_is_passed_on(transport, server, status):
    server.script = [status]
    assert (await transport.fetch(server.url + "/a", seed=3, own=server.url)).link == server.url + "/a"


@pytest.mark.parametrize("status", [403, 404, 410])
async def test_a_failed_link_that_no_member_could_open_raises(transport, server, status):
    server.script = [status]
    with pytest.raises(BadResponse):
        await transport.fetch(server.url + "/a", own=server.url)


@pytest.mark.parametrize(("script", "there"), [([200], True), ([404], True), ([500], True), ([302], True)])
async def test_reaches(transport, server, script, there):
    server.script = script
    assert await transport.reaches(server.url + "/a") is there


async def test_does_not_reach(transport):
    assert not await transport.reaches(f"http://127.0.0.1:{free_port()}/")


async def test_parallel_calls_are_retried_independently(transport, server):
    server.script = [200, 503, 200]
    answers = await asyncio.gather(*(transport.call("GET", f"{server.url}/{n}") for n in range(8)))
    assert {answer.status for answer in answers} == {200}


async def test_sessions_are_closed():
    async with Transport() as transport:
        pass
    assert transport._api_session.closed
    assert transport._guarded_session.closed


@pytest.mark.parametrize(
    ("url", "opens"),
    [
        ("https://pictures.example/a.png", True),
        ("https://8.8.8.8/a.png", True),
        ("http://192.168.1.4:8080/a.png", False),
        ("http://[::1]/a.png", False),
        ("http://localhost/a.png", False),
        ("http://comfy:8188/a.png", False),
        ("http://comfy.example:8188/a.png", False),
        ("http://nas.local/a.png", False),
        ("http://comfy.home.arpa/a.png", False),
    ],
)
async def test_a_link_into_the_hosts_own_network_is_not_passed_on(transport, monkeypatch, url, opens):
    async def away(*_, **__):
        raise Unavailable("503")

    monkeypatch.setattr(transport, "download", away)
    if opens:
        assert (await transport.fetch(url)).link == url
    else:
        with pytest.raises(Unavailable):
            await transport.fetch(url)


SIGNED = "/b%C3%BCcket/a%27b%2Fc%2Cd%20e/../f;g?X-Amz-Signature=a%2Fb%2Cc%27d+e%3D&Expires|1&sig=%zz"
RELATIVE = "/a%27b%2Fc%2Cd;g?sig=a%2Fb%2Cc%27d+e%3D"
ON_THE_WIRE = SIGNED.replace("%zz", "%25zz")


@pytest.fixture
async def raw():
    async with raw_server() as raw:
        raw.answer = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + draw("a")
        yield raw


async def test_a_link_is_requested_unchanged(transport, raw):
    await transport.download(raw.url + SIGNED, own=raw.url)
    assert raw.targets == [ON_THE_WIRE]


@pytest.mark.parametrize(
    ("text", "target"),
    [("/ü b.png?q=ö<>", "/%C3%BC%20b.png?q=%C3%B6%3C%3E"), ("/\r\nX: y\t", "/X:%20y"), ("?a=1", "/?a=1")],
)
async def test_only_invalid_characters_are_quoted(transport, raw, text, target):
    await transport.download(raw.url + text, own=raw.url)
    assert raw.targets == [target]


@pytest.mark.parametrize(("place", "target"), [("{}" + SIGNED, ON_THE_WIRE), (RELATIVE, RELATIVE)])
async def test_a_redirect_target_is_requested_unchanged(transport, raw, place, target):
    location = place.format(raw.url).encode()
    raw.answer = b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 0\r\n\r\n" % location
    with pytest.raises(BadResponse, match="redirects"):
        await transport.download(raw.url + "/a", own=raw.url)
    assert raw.targets == ["/a", *[target] * MAX_REDIRECTS]


async def test_an_absolute_url_is_called_unchanged(transport, raw):
    await Api(transport, raw.url).get(raw.url + SIGNED)
    assert raw.targets == [ON_THE_WIRE]


async def test_a_link_is_passed_on_unchanged(transport, monkeypatch):
    async def away(*_, **__):
        raise Unavailable("503")

    monkeypatch.setattr(transport, "download", away)
    assert (await transport.fetch("https://pictures.example" + SIGNED)).link == "https://pictures.example" + ON_THE_WIRE


@pytest.mark.parametrize("base", ["", "/v1", "/behind/a/prefix"])
async def test_a_servers_internal_host_name_is_replaced_by_its_base_url(transport, server, base):
    server.script = [says(body=draw("a"))]
    for origin in OTHER_NAMES.values():
        assert await transport.download(f"{origin}/files/a%2Fb.png?x=%27", own=server.url + base) == draw("a")
    assert {(call.path, call.query) for call in server.requests} == {("/files/a%2Fb.png", "x=%27")}


@pytest.mark.parametrize(
    "host", ["pictures.example", "8.8.8.8", "[2606:4700::1111]", "127.0.0.1.pictures.example", "xn--nxasmq6b.example"]
)
def test_a_public_host_is_not_replaced_by_the_base_url(host):
    url = web_link(f"https://{host}/a")
    assert on_own_server(url, "http://127.0.0.1:8080/v1") == url


@pytest.mark.parametrize(
    ("hosts", "lets"),
    [
        ((("127.0.0.1", None),), True),
        ((("127.0.0.1", "port"),), True),
        ((("127.0.0.1", 9),), False),
        ((("localhost", None),), False),
    ],
)
async def test_the_host_may_allow_private_link_hosts(transport, server, hosts, lets):
    named = tuple((host, server.port if port == "port" else port) for host, port in hosts)
    server.script = [says(body=draw("a"))]
    api = Api(transport, "https://hosted.invalid/v1", header="x-key", key=SecretStr("test-key"), link_hosts=named)
    if lets:
        assert (await api.fetch(server.url + "/a")).data == draw("a")
        assert "x-key" not in server.requests[0].headers
    else:
        with pytest.raises(EaselError):
            await api.fetch(server.url + "/a")
        assert server.requests == []


async def test_a_redirect_may_lead_to_an_allowed_host(transport, server, raw):
    server.script = [moved(raw.url + "/a.png")]
    port = int(raw.url.rpartition(":")[2])
    assert await transport.download(server.url + "/a", own=server.url, hosts=(("127.0.0.1", port),)) == draw("a")


async def test_a_get_is_retried_on_a_new_connection(transport, server):
    await asyncio.gather(*(transport.call("GET", server.url + "/a") for _ in range(5)))
    server.drops_kept = True
    assert (await transport.call("GET", server.url + "/a")).status == 200
    assert server.dropped == ["GET /a"]


async def test_only_a_get_uses_a_kept_connection(transport, server):
    server.drops_kept = True
    for method in ("GET", "POST", "PUT", "DELETE"):
        assert (await transport.call(method, server.url + "/a", tries=1)).status == 200
    assert server.dropped == []
    with pytest.raises(Unavailable):
        await transport.call("GET", server.url + "/a", tries=1)
    assert server.dropped == ["GET /a"]
