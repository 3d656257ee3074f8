"""PopCord: lists of models and sizes, and one picture a call, returned as a link.

Facts: its page "AI API Documentation". It needs no key. Its samples disagree on the name of the error field, so both
are read; an error in the body counts even with status 200.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pydantic import Field

from domain import BadResponse, Capabilities, ImageRequest, Model, Size, Sources
from providers.http.encoding import is_inline_picture
from providers.http.failures import error_for, failure_for
from providers.http.parsing import Reply
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider, keep_all
from providers.kit.model_lists import BoundedList, cap_models, cap_names, choose_models
from providers.kit.results import pictures_in
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Url

MODELS = ("flux", "poli", "sdxl-turbo", "dalle3")
SIZES = ("1024x1024", "1024x576", "1024x768", "512x512", "576x1024", "786x1024")
"""As listed, also 786: the API takes exactly the strings that it lists."""
TITLES = {"flux": "FLUX", "poli": "Poli", "sdxl-turbo": "SDXL Turbo", "dalle3": "DALL-E 3"}
SQUARE_ONLY = {"poli": (Size(1024, 1024),)}
"""The only limit in the documentation."""


class ModelList(Reply):
    success: bool = True
    models: BoundedList[str]


class SizeList(Reply):
    success: bool = True
    sizes: BoundedList[str]


class Lists(NamedTuple):
    models: Sequence[str]
    sizes: Sequence[str]


class Result(Reply):
    status_code: int = 200


class PopCordSettings(ProviderSettings):
    base_url: Url | None = Field(
        default=None,
        examples=["https://popcord.io-i.uk"],
        description="Where PopCord is; it needs no key. Unset: it is off.",
    )


class PopCord(Provider[PopCordSettings]):
    name = "popcord"
    title = "PopCord"

    def __init__(self, settings: PopCordSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._api = self.api(settings.base_url or "", header="Authorization", prefix="Bearer ", key=settings.api_key)
        self._discovery = self.discovery(self._offered, self._models(Lists(MODELS, SIZES)))

    @classmethod
    def missing_setting(cls, settings: PopCordSettings) -> str | None:
        return None if settings.base_url else "set POPCORD_BASE_URL"

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        url: str = progress.remembered["url"] if progress.remembered else await self._submit(request)
        if not (progress.remembered or is_inline_picture(url)):
            await progress.remember({"url": url})
        await keep_all(progress, [url], self._api.fetch)

    async def check(self) -> Health:
        return Health(await self._api.is_reachable(), len((await self._discover()).models), "needs none")

    async def _submit(self, request: ImageRequest) -> str:
        body = {"model": request.model, "prompt": request.prompt}
        if request.size:
            body["size"] = str(request.size)
        answer = (await self._api.post("image/generate", body)).raise_for_status()
        result = answer.parse(Result)
        if result.status_code >= 400:
            raise error_for(result.status_code, answer.error_text())
        if found := pictures_in(answer.data(), "image_url"):
            return found[0]
        raise failure_for(answer.error_text()) if answer.error_text() else BadResponse("no image_url")

    async def _offered(self) -> Sequence[Model]:
        return self._models(await self._discover())

    def _models(self, listed: Lists) -> Sequence[Model]:
        sizes = tuple(size for text in cap_names(listed.sizes) if (size := _size(text)))
        models = [_model(id, sizes) for id in cap_models(listed.models, self.settings, str)]
        return choose_models(self.settings, models, lambda id: _model(id, sizes))

    async def _discover(self) -> Lists:
        models = (await self._api.get_json("models")).raise_for_status().parse(ModelList)
        sizes = (await self._api.get_json("sizes")).raise_for_status().parse(SizeList)
        if not (models.success and sizes.success and models.models and sizes.sizes):
            raise BadResponse("the lists of models and sizes are empty")
        return Lists(models.models, sizes.sizes)


def _model(id: str, sizes: tuple[Size, ...]) -> Model:
    takes = Capabilities(sizes=SQUARE_ONLY.get(id, sizes))
    return Model(id=id, title=TITLES.get(id, id), capabilities=takes)


def _size(text: str) -> Size | None:
    """None where it would not be sent back exactly as listed."""
    try:
        size = Size.parse(text)
    except ValueError:
        return None
    return size if str(size) == text else None
