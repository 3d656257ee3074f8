# pyright: basic
"""A test bench for each provider: the real transport without its pauses, and a replay server."""

import asyncio
import io
import warnings
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import date
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr

from domain import BadResponse, EaselError, ImageRequest, Picture, Size, SourceImage, Sources, Unavailable
from providers import REGISTRY, Provider, Transport
from tests.replay import KEY, REPLAYS, Replay

SERVERS = {server.name: server for server in REPLAYS}
KINDS = {kind.name: kind for kind in REGISTRY if kind.name in SERVERS}
SMALL = Size(512, 512)
SECONDS, PATIENCE = 3.0, 20.0


class FakeProgress:
    """Records all calls of `Progress`, and refuses pictures that Pillow cannot load."""

    def __init__(self, remembered: Mapping[str, Any] | None = None) -> None:
        self.remembered = remembered
        self.kept: list[Picture] = []
        self.remaining = 600.0
        self.reports: list[tuple[float | None, int | None, float | None]] = []
        self.previews: list[bytes] = []

    async def remember(self, ref: Mapping[str, Any]) -> None:
        self.remembered = ref

    async def forget(self) -> None:
        self.remembered = None

    async def keep(self, picture: Picture) -> None:
        if not picture.link:
            load(picture.data)
        self.kept.append(picture)

    def skip(self) -> None:
        pass

    def seconds_left(self) -> float:
        return self.remaining

    async def report(self, fraction=None, position=None, eta=None, preview=None) -> None:
        self.reports.append((fraction, position, eta))
        self.previews += [preview] if preview else []

    @property
    def sizes(self) -> list[tuple[int, int]]:
        return [load(picture.data).size for picture in self.kept]


def sources_of(*images: bytes, mask: bytes | None = None, url: str | None = None) -> Sources:
    """url: of each image."""
    return Sources(images=tuple(SourceImage(data=each, url=url) for each in images), mask=mask)


def load(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings(action="error"):
            image = Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "WEBP"))
            image.load()
    except Exception as error:
        raise BadResponse("no whole picture") from error
    return image


class Bench:
    """One provider with its replay server."""

    def __init__(self, server: Replay, transport: Transport, waits: list[float], stack: AsyncExitStack) -> None:
        self.server = server
        self.transport = transport
        self.waits = waits
        self._stack = stack
        self.progress = FakeProgress()

    def provider(self, case: str = "", base_url: str | None = None, **settings: Any) -> Provider:
        key = SecretStr(self.server.key) if self.server.needs_key else None
        kind = KINDS[self.server.name]
        own = {"base_url": base_url or self.server.case(case), "api_key": key} | settings
        provider = kind(kind.settings_type(**own), self.transport)
        self._stack.push_async_callback(provider.close)
        return provider

    async def draw(
        self,
        case: str = "",
        *,
        remembered: Mapping[str, Any] | None = None,
        sources: Sources | None = None,
        settings: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> FakeProgress:
        """Draw one picture, or as the options say; the result is in `progress`, also after an error."""
        self.progress = FakeProgress(remembered)
        request = ImageRequest(**{"prompt": "a quiet harbour", "model": self.server.model, "size": SMALL} | options)
        provider = self.provider(case, **settings or {})
        await provider.generate(request, sources or Sources(), self.progress)
        return self.progress

    async def draw_until(self, requests: int, case: str = "", **options: Any) -> None:
        """Draw until the server has received that many requests, then cancel."""
        drawing = asyncio.create_task(self.draw(case, **options))
        async with asyncio.timeout(PATIENCE):
            while len(self.server.requests) < requests and not drawing.done():
                self.server.came.clear()
                coming = asyncio.create_task(self.server.came.wait())
                await asyncio.wait({drawing, coming}, return_when=asyncio.FIRST_COMPLETED)
                coming.cancel()
        drawing.cancel()
        await asyncio.wait({drawing})
        if not drawing.cancelled() and (error := drawing.exception()):
            assert isinstance(error, Unavailable)

    async def fail(self, case: str = "", **options: Any) -> EaselError:
        """Draw and return the error raised."""
        with pytest.raises(EaselError) as caught:
            await self.draw(case, **options)
        return caught.value

    def hurry(self, seconds: float = 0.2) -> None:
        """Set the time limit of all calls."""
        self.transport._seconds = seconds
        call = self.transport.call
        self.transport.call = lambda *args, **options: call(*args, **options | {"seconds": seconds})

    def sent(self, index: int = 0) -> Any:
        """The body of a POST that the server received."""
        return [call.json for call in self.server.requests if call.method == "POST"][index]


@pytest.fixture
def waits() -> list[float]:
    """Seconds of each pause of the transport and the polling, which are skipped."""
    return []


@pytest.fixture
async def transport(waits):
    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        await asyncio.sleep(0)

    async with Transport(seconds=SECONDS, sleep=sleep) as transport:
        yield transport


@pytest.fixture
def key() -> str:
    return KEY


@pytest.fixture
async def bench_for(transport, waits, key):
    """Make a bench; it fails at the end if the server received undocumented requests, or any on its second port."""
    async with AsyncExitStack() as stack:
        servers: list[Replay] = []

        async def make(name: str) -> Bench:
            servers.append(await stack.enter_async_context(SERVERS[name](key=key)))
            return Bench(servers[-1], transport, waits, stack)

        yield make
    for server in servers:
        assert server.unexpected == []
        assert server.elsewhere == []


@pytest.fixture
async def popcord(bench_for):
    return await bench_for("popcord")


@pytest.fixture
async def imagepipeline(bench_for):
    return await bench_for("imagepipeline")


@pytest.fixture
async def nebulablock(bench_for):
    return await bench_for("nebulablock")


@pytest.fixture
async def appypie(bench_for):
    return await bench_for("appypie")


@pytest.fixture(params=KINDS)
async def bench(request, bench_for):
    """Each provider."""
    return await bench_for(request.param)


@pytest.fixture
def day(monkeypatch):
    """Set the date by which models retire: `day("2026-12-01")`."""
    return lambda text: monkeypatch.setattr("providers.kit.model_facts.today", lambda: date.fromisoformat(text))


@pytest.fixture
def loopback_links(monkeypatch) -> None:
    """Treat links to the replay servers as links that members can open."""
    monkeypatch.setattr("providers.http.transport.can_be_opened", lambda _: True)
