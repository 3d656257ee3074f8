"""Base of the replay servers: sockets, recorded requests, and the choice of a case."""

import asyncio
import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self, TypeVar
from urllib.parse import unquote

from aiohttp import web
from pydantic import BaseModel, ConfigDict, ValidationError

from tests.replay.faults import FAULTS, Fault, Struck
from tests.replay.pictures import draw

KEY = "test-key"
PREFIX = re.compile(r"/case/([\w-]+)(/.*)")
IN_PROMPT = re.compile(r"\bcase:([\w-]+)")
MOMENTS = ("poll-", "picture-", "aside-")
"""Prefixes of a fault's name: it applies to polls, downloads or asides instead of the first call."""

ABOUT_RESULTS = ("F06", "F13", "F18")


class Unexpected(Exception):
    """The client sent an undocumented request."""


class Body(BaseModel):
    """A documented request body: no other fields, and no other types."""

    model_config = ConfigDict(extra="forbid", strict=True)


Kind = TypeVar("Kind", bound=Body)


class Call(NamedTuple):
    method: str
    path: str
    """The path without the prefix of a case."""
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes
    case: str = ""
    moment: str = ""
    """What kind of call it is: one of MOMENTS, or none of them."""
    query: str = ""
    """The query string as sent."""
    kept: bool = False
    """Whether it came over a reused connection."""

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    def parse(self, kind: type[Kind]) -> Kind:
        expect(self.headers.get("content-type") == "application/json", "a body that is not labelled as JSON")
        try:
            return kind.model_validate_json(self.body)
        except ValidationError as error:
            raise Unexpected("; ".join(f"{each['loc']}: {each['msg']}" for each in error.errors())) from None


class Hosted(NamedTuple):
    data: bytes
    content_type: str
    status: int
    location: str


def expect(condition: object, otherwise: str) -> None:
    if not condition:
        raise Unexpected(otherwise)


class Replay(ABC):
    """Fake of one provider's API on 127.0.0.1, with a second port that plays another host."""

    name: ClassVar[str]
    """The provider's name; in upper case, the prefix of its variables."""
    needs_key: ClassVar[bool] = True
    model: ClassVar[str]
    """The id of a model that draws from words alone."""
    links: ClassVar[bool] = False
    """Whether plain responses have links to pictures; `linked` makes one."""
    collects: ClassVar[bool] = False
    """Whether the provider remembers its links with `kit.results.collect`, as `urls`."""
    embeds: ClassVar[bool] = False
    """Whether responses may have base64; `embedded` makes one."""
    by_get: ClassVar[bool] = False
    """Whether it draws by GET, which is idempotent: failures are retried, at once and after a restart."""
    polls: ClassVar[str | None] = None
    """Pattern of polls' paths; None where nothing is polled."""
    queued: ClassVar[bool] = False
    """Whether every result is polled: faults of results apply to polls, never to the submit."""
    asides: ClassVar[str | None] = None
    """Pattern of paths of calls that draw nothing, such as lists and progress: they are not in `drawings`."""
    cases: ClassVar[Mapping[str, str]]
    """The provider's own cases and what they are; the shared ones are in FAULTS."""

    def __init__(self, port: int = 0, *, key: str = KEY) -> None:
        self.key = key
        self.requests: list[Call] = []
        self.unexpected: list[str] = []
        self.dropped: list[str] = []
        """Requests on reused connections that were dropped without a response."""
        self.elsewhere: list[Call] = []
        """Requests to the second port, where none may arrive."""
        self.started, self.left = asyncio.Event(), asyncio.Event()
        """Set when a call hangs, and when its client has disconnected."""
        self.came = asyncio.Event()
        """Set with each request."""
        self.sent = 0
        """Bytes of an endless body that were sent."""
        self.drip_seconds, self.slow_seconds = 0.5, 25.0
        self.gate: Callable[[Call], Awaitable[object]] | None = None
        """Awaited before each response, if a test sets it."""
        self.change: Callable[[Call, web.Response], web.Response] | None = None
        """Applied to each complete response, if a test sets it."""
        self.drops_kept = False
        """Whether every reused connection is dropped at its next request."""
        self._used = set[object]()
        self._port = port
        self._hits: Counter[tuple[str, str]] = Counter()
        self._followed: dict[str, str] = {}
        self._pictures: dict[str, Hosted] = {}

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_route("*", "/{path:(?s:.*)}", self._handle)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0, access_log=None)
        await self._runner.setup()
        for port in (self._port, 0):
            await web.TCPSite(self._runner, "127.0.0.1", port).start()
        self.port, self._other_port = (port for _, port in self._runner.addresses)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    async def die(self) -> None:
        """Stop listening and cut every connection, as a crash does."""
        for site in list(self._runner.sites):
            await site.stop()
        self.cut()

    def cut(self) -> None:
        """Cut every connection, as a restarted router does; the server goes on."""
        for connection in self._runner.server.connections if self._runner.server else ():
            if connection.transport:
                connection.transport.abort()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def elsewhere_url(self) -> str:
        return f"http://127.0.0.1:{self._other_port}"

    def case(self, name: str) -> str:
        """The base URL for a case of every call; without a name, the plain base URL."""
        return f"{self.url}/case/{name}" if name else self.url

    @property
    def calls(self) -> list[str]:
        """The requests in short: "POST /image/generate"."""
        return [f"{call.method} {call.path}" for call in self.requests]

    @property
    def drawings(self) -> list[Call]:
        return [call for call in self.requests if call.moment != "aside-"]

    def count(self, method: str) -> int:
        return sum(call.method == method for call in self.drawings)

    @abstractmethod
    async def answer(self, call: Call) -> web.Response:
        """The documented answer to a call, or one of the provider's own cases; Unexpected."""

    async def socket(self, request: web.Request, call: Call) -> web.StreamResponse | None:
        """Handle a call that asks for a WebSocket."""
        return None

    @abstractmethod
    def refusal(self, status: int, text: str) -> web.Response:
        """An error in the provider's own shape."""

    def linked(self, url: str) -> Any:
        """A success that holds a link to the picture."""
        raise Unexpected("this API answers without links")

    def embedded(self, base64: str) -> Any:
        """A success that holds the picture itself."""
        raise Unexpected("this API answers without base64")

    def host(self, call: Call, data: bytes, kind: str = "png", status: int = 200, location: str = "") -> str:
        """Serve a picture, or other data in place of one, and return its URL."""
        path = f"/pictures/{len(self._pictures)}.{kind}"
        self._pictures[path] = Hosted(data, "text/html" if kind == "html" else f"image/{kind}", status, location)
        self.follow(path, call)
        return self.url + path

    def draw(self, call: Call, prompt: str, width: int, height: int, kind: str = "png") -> str:
        return self.host(call, draw(prompt, (width, height), kind.upper()), kind)

    def follow(self, path: str, call: Call) -> None:
        """Apply the case of this call to later calls of a path."""
        self._followed[path] = call.case

    def hit(self, call: Call) -> int:
        """How often a path was called in a case, this call included."""
        self._hits[call.case, call.path] += 1
        return self._hits[call.case, call.path]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        call = (await _read(request))._replace(kept=request.protocol in self._used)
        self._used.add(request.protocol)
        if request.url.port == self._other_port:
            self.elsewhere.append(call)
            return web.Response(body=draw("elsewhere"), content_type="image/png")
        call = self._with_case(call)
        call = call._replace(moment=self._moment(call))
        if self.drops_kept and call.kept:
            return self.drop(request, call)
        self.requests.append(call)
        self.came.set()
        try:
            answer = await self._respond(request, call)
            return self.change(call, answer) if self.change and isinstance(answer, web.Response) else answer
        except Unexpected as error:
            self.unexpected.append(f"{call.method} {call.path} {call.case}: {error}")
            return web.json_response({"unexpected": str(error)}, status=418)
        except asyncio.CancelledError:
            self.left.set()
            raise

    def drop(self, request: web.Request, call: Call) -> web.Response:
        """Close the connection, as a server does when keep-alive times out."""
        self.dropped.append(f"{call.method} {call.path}")
        assert request.transport
        request.transport.abort()
        return web.Response()

    def _moment(self, call: Call) -> str:
        if call.path.startswith("/pictures/"):
            return "picture-"
        if self.asides and re.search(self.asides, call.path):
            return "aside-"
        return "poll-" if self.polls and call.method == "GET" and re.search(self.polls, call.path) else ""

    def _with_case(self, call: Call) -> Call:
        if match := PREFIX.fullmatch(call.path):
            return call._replace(case=match[1], path=match[2])
        if call.path in self._followed:
            return call._replace(case=self._followed[call.path])
        match = IN_PROMPT.search(unquote(call.path) + call.body.decode(errors="replace"))
        return call._replace(case=match[1] if match else "")

    async def _respond(self, request: web.Request, call: Call) -> web.StreamResponse:
        if call.method == "GET" and call.path == "/":
            return web.Response(status=404)
        if self.gate:
            await self.gate(call)
        fault = self._fault(call)
        if not fault and (taken := await self.socket(request, call)):
            return taken
        good = self._picture(call) if call.moment == "picture-" else await self.answer(call)
        return await fault.answer(Struck(self, request, call, good)) if fault and good.status < 400 else good

    def _fault(self, call: Call) -> Fault | None:
        moment = next((moment for moment in MOMENTS if call.case.startswith(moment)), "")
        name = call.case.removeprefix(moment)
        if name not in FAULTS:
            expect(call.case in ("", *self.cases), f"no case of this name: {call.case}")
            return None
        strikes = call.moment == moment or (call.moment == "poll-" and not moment)
        strikes &= bool(call.moment) or not (self.queued and name.startswith(ABOUT_RESULTS))
        return FAULTS[name] if strikes else None

    def _picture(self, call: Call) -> web.Response:
        expect(self.key not in "".join(call.headers.values()), "a key sent with a download")
        expect(call.path in self._pictures and call.method == "GET", "no such picture")
        hosted = self._pictures[call.path]
        headers = {"Location": hosted.location} if hosted.location else {}
        return web.Response(body=hosted.data, content_type=hosted.content_type, status=hosted.status, headers=headers)


async def _read(request: web.Request) -> Call:
    headers = {name.lower(): value for name, value in request.headers.items()}
    url = request.rel_url
    return Call(request.method, url.raw_path, headers, await request.read(), query=url.raw_query_string)
