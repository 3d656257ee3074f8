"""Faults that any server may have: F01 to F19, with variants after a hyphen."""

import asyncio
import base64
import json
import math
import zlib
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiohttp import web

from tests.replay.pictures import draw

if TYPE_CHECKING:
    from tests.replay.server import Call, Replay

PAGE = "<html><script>alert('@everyone')</script><h1>Something broke @everyone</h1></html>"
MEBIBYTE = 1024 * 1024
HUGE = 300 * MEBIBYTE
DATE_SECONDS = 30
"""Seconds by which the date of F03 is in the future."""
OTHER_NAMES = {
    "localhost": "http://localhost:9",
    "https": "https://127.0.0.1",
    "anyhost": "http://0.0.0.0:8188",
    "container": "http://comfyui:8188",
    "neighbour": "http://192.168.1.20:9000",
}
"""Internal host names that a server may put into its links."""
NO_NUMBERS = {
    "seed": 10**400,
    "timings": {"inference": math.nan},
    "metrics": {"predict_time": 9e99},
    "queue_position": math.inf,
    "wait_time": math.nan,
    "eta": math.nan,
}
"""Fields added to the right response; 9e99 is written as 1e400."""
STREAM = "text/event-stream"
REDIRECTS = (301, 302, 303, 307, 308)


class Struck(NamedTuple):
    """A call that is answered with a fault, and its right response."""

    replay: "Replay"
    request: web.Request
    call: "Call"
    good: web.Response

    @property
    def json(self) -> Any:
        return json.loads(self.good.text or "null")


class Fault(NamedTuple):
    about: str
    answer: Callable[[Struck], Awaitable[web.StreamResponse]]


FAULTS: dict[str, Fault] = {}


def _fault(name: str, about: str):
    def keep(answer: Callable[[Struck], Awaitable[web.StreamResponse]]):
        FAULTS[name] = Fault(about, answer)
        return answer

    return keep


def _fixed(
    name: str, about: str, body: bytes, content_type: str = "application/json", status: int = 200, **headers: str
) -> None:
    @_fault(name, about)
    async def _(at: Struck):
        return web.Response(body=body, status=status, content_type=content_type, headers=headers)


def _busy(name: str, about: str, headers: Callable[[], Mapping[str, str]], *, times: int = 1) -> None:
    @_fault(name, f"429 {about}" + (", then the right answer" if times == 1 else ""))
    async def _(at: Struck):
        if at.replay.hit(at.call) > times:
            return at.good
        answer = at.replay.refusal(429, "Too many calls")
        answer.headers.update(headers())
        return answer


def _redirect(name: str, status: int) -> None:
    @_fault(name, f"{status} to another origin")
    async def _(at: Struck):
        return web.Response(status=status, headers={"Location": at.replay.elsewhere_url + at.call.path})


def _linked(name: str, about: str, link: Callable[[Struck], str]) -> None:
    @_fault(name, f"the result's link: {about}")
    async def _(at: Struck):
        return web.json_response(at.replay.linked(link(at)))


def _embedded(name: str, about: str, data: bytes) -> None:
    @_fault(name, about)
    async def _(at: Struck):
        if at.call.moment == "picture-":
            return web.Response(body=data)
        return web.json_response(at.replay.embedded(base64.b64encode(data).decode()))


def _changed(name: str, about: str, change: Callable[[Any], str]) -> None:
    @_fault(name, about)
    async def _(at: Struck):
        if at.good.content_type.startswith("image/"):
            return at.good  # bytes have no fields
        return web.Response(text=change(at.json), content_type="application/json")


def _labelled(name: str, content_type: str) -> None:
    @_fault(name, f"the right answer, labelled {content_type}")
    async def _(at: Struck):
        return web.Response(body=at.good.body, content_type=content_type)


def _written(name: str, about: str, data: Callable[[Struck], bytes]) -> None:
    @_fault(name, about)
    async def _(at: Struck):
        assert at.request.transport
        at.request.transport.write(data(at))
        at.request.transport.close()
        return web.Response()


def _endless(name: str, about: str, piece: bytes, kind: str, *, status: int = 200, slowly: bool = False) -> None:
    """A chunked response with one piece in each chunk."""

    @_fault(name, about)
    async def _(at: Struck):
        response = web.StreamResponse(status=status, headers={"Content-Type": kind})
        await response.prepare(at.request)
        while True:
            for _ in range(1 if slowly else 100):
                await response.write(piece)
            await asyncio.sleep(at.replay.drip_seconds if slowly else 0)


def _spouting(name: str, about: str, first: bytes, piece: bytes) -> None:
    @_fault(name, about)
    async def _(at: Struck):
        out = at.request.transport
        assert out
        out.write(first)
        while not out.is_closing():
            out.write(b"" if out.get_write_buffer_size() else piece)
            await asyncio.sleep(0)
        return web.Response()


def _date() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(seconds=DATE_SECONDS), usegmt=True)


def _texts(text: str) -> str:
    """The JSON with every number in quotes."""
    return json.dumps(json.loads(text, parse_int=str, parse_float=str))


def _gzip_bomb(mebibytes: int) -> bytes:
    """A compressed block that can be repeated: after a full flush it is independent."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)

    def block() -> bytes:
        return packer.compress(bytes(MEBIBYTE)) + packer.flush(zlib.Z_FULL_FLUSH)

    return block() + block() * (mebibytes - 1)


@_fault("F01", "401")
async def _(at: Struck):
    shown = at.replay.key if at.replay.needs_key else "nobody"
    return at.replay.refusal(401, f"{shown} is not known here")


_busy("F02", "with Retry-After: 2", lambda: {"Retry-After": "2"})
_busy("F03", "with a date in Retry-After", lambda: {"Retry-After": _date()})
_busy("F03-none", "without Retry-After", dict)
_busy("F03-far", "with Retry-After: 99999", lambda: {"Retry-After": "99999"})
_busy("F03-ever", "for ever, with Retry-After: 7", lambda: {"Retry-After": "7"}, times=1_000_000)
_fixed("F04", "500 and a page of HTML", PAGE.encode(), "text/html", 500)
_fixed("F04-503", "503 and a page of HTML", PAGE.encode(), "text/html", 503)
_fixed("F05", "JSON, cut short", b'{"data":[{"b64')
_embedded("F06", "a picture, cut short before anything can be seen", draw("cut")[:60])
_embedded("F06-hello", "base64 that holds no picture", b"hello")
_embedded("F17", "a picture of a kind that Discord does not show", draw("avif", kind="AVIF"))


@_fault("F07", "300 MB without a length")
async def _(at: Struck):
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(at.request)
    chunk = bytes(MEBIBYTE)
    while at.replay.sent < HUGE:
        await response.write(chunk)
        at.replay.sent += len(chunk)
    return response


@_fault("F07-gzip", "200 kB of gzip that unpack to 200 MB")
async def _(at: Struck):
    return web.Response(body=_gzip_bomb(200), content_type="application/json", headers={"Content-Encoding": "gzip"})


@_fault("F08", "one byte every now and then, for ever")
async def _(at: Struck):
    response = web.StreamResponse()
    await response.prepare(at.request)
    while True:
        await response.write(b" ")
        await asyncio.sleep(at.replay.drip_seconds)


_labelled("F09", "text/html")
_labelled("F09-text", "text/plain")
_labelled("F09-image", "image/png")
_labelled("F09-json", "application/json")
_written(
    "F09-none",
    "the right answer without a type",
    lambda at: b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body := _bytes(at.good)), body),
)


@_fault("F09-error", "an error in JSON, labelled image/png")
async def _(at: Struck):
    answer = at.replay.refusal(400, "That was wrong")
    answer.content_type = "image/png"
    return answer


def _bytes(answer: web.Response) -> bytes:
    return answer.body if isinstance(answer.body, bytes) else b""


def _path(at: Struck, data: bytes, status: int = 200) -> str:
    """The path at which the server hosts the data."""
    return at.replay.host(at.call, data, status=status).removeprefix(at.replay.url)


_redirect("F10", 302)
for _status in REDIRECTS:
    _redirect(f"F10-{_status}", _status)
_written("F11", "a body shorter than announced", lambda at: b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
_written("F11-reset", "closed before the first byte", lambda at: b"")
_fixed("F12", "an empty object", b"{}")
_fixed("F12-null", "null", b"null")
_fixed("F12-list", "an empty list", b"[]")
_fixed("F12-text", "a JSON string", b'"ok"')
_fixed("F12-empty", "an empty body", b"")
_fixed("F12-204", "204", b"", status=204)
_linked("F13", "404", lambda at: at.replay.host(at.call, b"gone", status=404))
_linked("F13-403", "403, as if expired", lambda at: at.replay.host(at.call, b"expired", status=403))
_linked("F13-500", "500", lambda at: at.replay.host(at.call, PAGE.encode(), "html", status=500))
_linked("F13-429", "429", lambda at: at.replay.host(at.call, b"slow down", status=429))
_linked("F13-page", "a page of HTML", lambda at: at.replay.host(at.call, PAGE.encode(), "html"))
_linked("F13-file", "file:///etc/passwd", lambda at: "file:///etc/passwd")
_linked("F13-metadata", "a cloud's metadata", lambda at: "http://169.254.169.254" + _path(at, b"gone", 404))
_linked("F13-loopback", "another port of this machine", lambda at: at.replay.elsewhere_url + _path(at, b"gone", 404))
for _name, _origin in OTHER_NAMES.items():
    _linked(
        f"F13-{_name}",
        f"the server's own, under another name: {_origin}",
        lambda at, origin=_origin: origin + _path(at, draw("under another name")),
    )
_linked(
    "F13-moved",
    "a redirect to another port of this machine",
    lambda at: at.replay.host(at.call, b"", status=302, location=at.replay.elsewhere_url + "/picture.png"),
)
_linked("F13-host", "a host with too long a label", lambda at: f"https://{'a' * 70}.example/picture.png")
_linked("F13-label", "a host with an empty label", lambda at: "https://a..example/picture.png")
_linked(
    "F13-astray",
    "a redirect to what is no link",
    lambda at: at.replay.host(at.call, b"", status=302, location="http://[oops/x.png"),
)
_linked("F13-data", "a data: URL", lambda at: "data:image/png;base64," + base64.b64encode(draw("a data URL")).decode())
_endless("F19", "a stream of events without an end", b"event: note\r\ndata: {}\r\n\r\n: still here\n", STREAM)
_endless("F19-drip", "an event every now and then, for ever", b'data: {"still": "here"}\n\n', STREAM, slowly=True)
_endless("F19-line", "a stream of one line without an end", b"data: " + b"x" * 900, STREAM)
_endless("F19-blanks", "blanks without an end", b" " * 1000, "application/json")
_endless("F19-chunks", "chunks of one byte without an end", b" ", "application/json")
_endless("F19-error", "400 and a sentence without an end", b"sorry, " * 100, "text/plain", status=400)
_spouting("F19-head", "a head without an end", b"HTTP/1.1 200 OK\r\n", b"X-More: of the same\r\n" * 100)
_spouting("F19-hints", "interim answers without an end", b"", b"HTTP/1.1 103 Early Hints\r\nX-More: a\r\n\r\n" * 100)
_fixed("F14", "JSON nested 10 000 deep", b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
_fixed("F14-bomb", "JSON of a million empty lists", b"[" + b"[]," * 1_000_000 + b"0]")
_changed(
    "F14-nan",
    "NaN and 1e400 in optional fields",
    lambda body: json.dumps({**body, **NO_NUMBERS}).replace("9e+99", "1e400"),
)
_changed("F14-texts", "numbers as strings", lambda body: _texts(json.dumps(body)))
_changed("F14-more", "unknown fields", lambda body: json.dumps({**body, "zz": {"of": [1, None]}, "aa": None}))
_changed("F14-bom", "a byte order mark before the JSON", lambda body: "\ufeff" + json.dumps(body))


def _displaced(name: str, about: str, empty: Callable[[Any], Any]) -> None:
    """The picture is in another documented field."""

    @_fault(name, f"the picture under another name, and its own place {about}")
    async def _(at: Struck):
        if at.call.moment == "picture-":
            return at.good
        data = draw("under another name")
        body = _emptied(_usual(at.replay), empty)
        link = at.replay.host(at.call, data) if _links(at.replay) else "\n" + base64.b64encode(data).decode()
        return web.json_response({**body, "image" if "images" in body else "images": [{"image_url": link}]})


def _links(replay: "Replay") -> bool:
    return replay.links or not replay.embeds


def _usual(replay: "Replay") -> dict[str, Any]:
    """A success with PICTURE in place of the picture; empty for an API that responds with bytes."""
    if not (replay.links or replay.embeds):
        return {}
    return replay.linked("PICTURE") if replay.links else replay.embedded("PICTURE")


def _emptied(value: Any, empty: Callable[[Any], Any]) -> Any:
    """The body without its picture: `empty` is applied to the container that holds it."""
    if isinstance(value, list):
        listed = cast("list[Any]", value)
        return empty(listed) if "PICTURE" in listed else [_emptied(each, empty) for each in listed]
    if isinstance(value, dict):
        fields = cast("dict[str, Any]", value)
        if "PICTURE" in fields.values():
            return empty(fields)
        return {name: _emptied(each, empty) for name, each in fields.items()}
    return value


def _in_place_of_it(value: Any) -> Callable[[Any], Any]:
    def put(holder: Any) -> Any:
        if isinstance(holder, list):
            return [value if each == "PICTURE" else each for each in cast("list[Any]", holder)]
        return {name: value if each == "PICTURE" else each for name, each in holder.items()}

    return put


def _taken_out(holder: Any) -> Any:
    if isinstance(holder, list):
        return [each for each in cast("list[Any]", holder) if each != "PICTURE"]
    return {name: each for name, each in holder.items() if each != "PICTURE"}


_displaced("F18", "empty", _in_place_of_it(""))
_displaced("F18-null", "null", _in_place_of_it(None))
_displaced("F18-blank", "blank", _in_place_of_it(" \n"))
_displaced("F18-gone", "not there", _taken_out)


@_fault("F15", "no answer at all")
async def _(at: Struck):
    at.replay.started.set()
    await asyncio.Event().wait()
    return at.good


@_fault("F16", "a connection that was kept and has just been dropped; over a new one, the right answer")
async def _(at: Struck):
    return at.replay.drop(at.request, at.call) if at.call.kept else at.good
