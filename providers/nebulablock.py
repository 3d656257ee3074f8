"""Nebula Block: pictures as base64 in one response, listed models, inpainting with FLUX.1 Fill.

Facts: its documentation of 18 February 2026. Which options a model takes is documented in a table, but missing from the
API's list, so it is derived from the model's name; an unknown model gets only the common options.
"""

from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import Field, TypeAdapter

from domain import (
    BadResponse,
    Capabilities,
    ImageRequest,
    Model,
    Picture,
    SizeRange,
    Sources,
    Span,
)
from domain.numbers import Place, Seconds
from providers.http.answers import Answer
from providers.http.api import without_none
from providers.http.encoding import decode_picture_async, encode_base64
from providers.http.failures import failure_for
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.http.transport import Transport
from providers.kit.base import COMMON_SIZES, Health, Progress, Provider, keep_all
from providers.kit.model_lists import BoundedList, cap_models, choose_models
from providers.kit.results import is_link, picture_of, pictures_in
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Secret

BASE_URL = "https://api.nebulablock.com"
FALLBACK = (
    ("black-forest-labs/FLUX.1-schnell", "FLUX.1 schnell"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "Stable Diffusion XL 1.0"),
    ("black-forest-labs/FLUX.1-Fill-dev", "FLUX.1 Fill dev"),
)
"""The documented models, offered while the list cannot be read."""
# No limits are documented; these are wide, and the API validates them. Fill needs multiples of 16.
COMMON = Capabilities(
    sizes=COMMON_SIZES,
    size_range=SizeRange(low=256, high=2048, multiple=16),
    guidance_scale=Span(low=0, high=30),
)
STEPPED = COMMON.having(steps=Span(low=1, high=100))
CAPABILITIES_BY_WORD = (
    ("fill", STEPPED.having(text_to_image=False, inpainting=True)),
    ("schnell", STEPPED.having(seed=True)),
    ("stable-diffusion", STEPPED.having(negative_prompt=True)),
)
"""By a word in the model's id; the first match counts."""
PROSE_NAMES = {"image": "input_image", "mask": "mask_image"}
"""The samples say image and mask, the prose says input_image and mask_image."""


class Listed(Reply):
    model_name: str
    model_alias: str | None = None
    model_type: str = ""


class ListedData(Reply):
    models: BoundedList[Listed]


class ModelList(Reply):
    data: ListedData


class Timings(Reply):
    inference: Seconds = None


class Item(Reply):
    index: Place = None
    timings: Annotated[Timings | None, NONE_IF_INVALID] = None


class Result(Reply):
    status: str = "success"
    data: Annotated[list[Any] | None, NONE_IF_INVALID] = None


ITEM = TypeAdapter(Annotated[Item | None, NONE_IF_INVALID])


class FoundPicture(NamedTuple):
    picture: str
    """In base64, as documented, or as a link."""
    item: Item


class Credit(Reply):
    available_balance: str | float


class Credits(Reply):
    data: Credit


class NebulaBlockSettings(ProviderSettings):
    api_key: Secret | None = Field(default=None, description="A key that starts with `ak_`.")


class NebulaBlock(Provider[NebulaBlockSettings]):
    name = "nebulablock"
    title = "Nebula Block"

    def __init__(self, settings: NebulaBlockSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = (settings.base_url or BASE_URL).rstrip("/").removesuffix("/api/v1") + "/api/v1"
        self._api = self.api(root, header="Authorization", prefix="Bearer ", key=settings.api_key)
        self._discovery = self.discovery(self._offered, self._models([_model(id, title) for id, title in FALLBACK]))

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        answer = await self._submit(_body(request, sources))
        result = answer.parse(Result)
        if result.status.lower() != "success":
            raise failure_for(answer.error_text())
        found = _found_pictures(result.data or ()) or [
            FoundPicture(each, Item()) for each in pictures_in(answer.data())
        ]
        if not found:
            raise BadResponse("success without data")

        async def picture(each: FoundPicture) -> Picture:
            seconds = each.item.timings.inference if each.item.timings else None
            if is_link(each.picture):
                return await self._api.fetch(each.picture, seed=request.seed, seconds=seconds)
            return Picture(data=await decode_picture_async(each.picture), seed=request.seed, seconds=seconds)

        await keep_all(progress, _in_order(found), picture)

    async def check(self) -> Health:
        balance = (await self._api.get_json("users/credits")).raise_for_status().parse(Credits).data.available_balance
        return Health(reachable=True, models=len(await self._discover()), key=f"accepted, balance {balance}")

    async def _submit(self, body: dict[str, Any]) -> Answer:
        answer = await self._api.post("images/generation", body)
        if "image" in body and answer.status in (400, 422) and "input_image" in answer.error_text():
            answer = await self._api.post("images/generation", {PROSE_NAMES.get(k, k): v for k, v in body.items()})
        return answer.raise_for_status()

    async def _offered(self) -> Sequence[Model]:
        return self._models(await self._discover())

    def _models(self, listed: Sequence[Model]) -> Sequence[Model]:
        return choose_models(self.settings, listed, lambda id: _model(id, None))

    async def _discover(self) -> Sequence[Model]:
        listed = (await self._api.get_json("serverless/models")).raise_for_status().parse(ModelList).data.models
        drawing = [each for each in listed if each.model_type == "Image"]
        offered = cap_models(drawing, self.settings, lambda each: each.model_name)
        models = [_model(each.model_name, each.model_alias) for each in offered]
        return sorted(models, key=lambda model: not model.capabilities.text_to_image)


def _body(request: ImageRequest, sources: Sources) -> dict[str, Any]:
    """Only the fields that are set, unlike its sample, which sends null."""
    size = request.size or COMMON_SIZES[0]
    fields = {
        "model": request.model,
        "prompt": request.prompt,
        "width": size.width,
        "height": size.height,
        "negative_prompt": request.negative_prompt,
        "num_steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "seed": request.seed,
        "image": encode_base64(sources.only_image()),
        "mask": encode_base64(sources.mask),
    }
    return without_none(fields)


def _found_pictures(entries: Sequence[Any]) -> list[FoundPicture]:
    """The first picture of each entry, preferably `b64_json`."""
    items = ((entry, ITEM.validate_python(entry) or Item()) for entry in entries)
    return [FoundPicture(found, item) for entry, item in items if (found := picture_of(entry, "b64_json"))]


def _in_order(found: list[FoundPicture]) -> list[FoundPicture]:
    places = [position if each.item.index is None else each.item.index for position, each in enumerate(found)]
    return [each for _, _, each in sorted(zip(places, range(len(found)), found, strict=True))]


def _model(id: str, title: str | None) -> Model:
    takes = next((takes for word, takes in CAPABILITIES_BY_WORD if word in id.lower()), COMMON)
    return Model(
        id=id,
        title=title or id.rpartition("/")[2],
        capabilities=takes,
    )
