"""Sketch, the offline provider: an algorithm, not an AI model, paints a scene from the prompt's words."""

import asyncio
from collections.abc import Iterator, Sequence

from pydantic import Field

from domain import Capabilities, Credit, ImageRequest, Model, Picture, Recognised, Size, SizeRange, Sources, Span
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider
from providers.kit.settings import ProviderSettings, SwitchableSettings
from providers.kit.variables import Switch

TITLES = {"paint": "Oil painting", "watercolour": "Watercolour", "ink": "Ink drawing", "pixel": "Pixel art"}
SIZES = (Size(1024, 1024), Size(1024, 576), Size(576, 1024), Size(768, 512), Size(512, 768), Size(512, 512))


class SketchSettings(SwitchableSettings):
    without_variable = frozenset(ProviderSettings.model_fields)

    enabled: Switch = Field(
        default=True, description="The offline painter, which needs nothing and is no AI model; `off` hides it."
    )


class Sketch(Provider[SketchSettings]):
    name = "sketch"
    title = "Sketch (offline)"
    is_paid = False
    is_external = False
    uses_ai = False

    def __init__(self, settings: SketchSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._one_at_a_time = asyncio.Lock()
        """Two pictures in parallel are no faster, because of the GIL, and take twice the memory."""

    @classmethod
    def missing_setting(cls, settings: SketchSettings) -> str | None:
        return None if settings.enabled else "set SKETCH=on"

    async def offered(self) -> Sequence[Model]:
        takes = Capabilities(
            image_to_image=True, inpainting=True, negative_prompt=True, seed=True, strength=Span(low=0, high=1),
            sizes=SIZES, size_range=SizeRange(low=64, high=1536, multiple=8), schedulers=("loose", "tidy"),
            steps=Span(low=1, high=50), guidance_scale=Span(low=1, high=20), qualities=("draft", "fine"),
            styles=("warm", "cold", "faded"), transparent=True,
        )  # fmt: skip
        return [Model(id=style, title=title, capabilities=takes) for style, title in TITLES.items()]

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        first = request.seed or 0
        note, credit = await asyncio.to_thread(_account, request)
        for i in range(request.count):
            async with self._one_at_a_time:
                data = await self._painted(request, sources, first + i, i, progress)
            await progress.keep(Picture(data=data, seed=first + i, note=note, credit=credit))
            await progress.report(fraction=(i + 1) / request.count)

    async def _painted(self, request: ImageRequest, sources: Sources, seed: int, i: int, progress: Progress) -> bytes:
        stages = await asyncio.to_thread(_paint, request, sources, seed)
        # One stage at a time: a cancelled job stops at the next one, and reports do not queue up.
        while not isinstance(stage := await asyncio.to_thread(next, stages), bytes):
            await progress.report(fraction=(i + stage) / request.count)
        return stage

    async def check(self) -> Health:
        return Health(reachable=True, models=len(TITLES), key="needs none")


def _paint(request: ImageRequest, sources: Sources, seed: int) -> Iterator[float | bytes]:
    """Import numpy lazily: it takes 10 MB, and most hosts never use this provider."""
    from providers.sketch.painting import paint

    return paint(request, sources, seed)


def _account(request: ImageRequest) -> tuple[Recognised, Credit | None]:
    from providers.sketch.account import account

    return account(request)
