"""Pollinations: one picture by GET, with the prompt in the path, or by POST with an image or a long prompt.

Facts: the gateway's source (schemas/image.ts @00a0714, shared/schemas/openai.ts @008ae28, error.ts). Pictures are
cached by prompt and parameters, and the seed's default is 0, so a random seed is sent with every request. An identical
GET joins the running one or the cache and is not billed twice, so it is repeated, also after a restart, for which the
seed is remembered. A POST is not repeated: nothing documents that it is safe. Newer servers take `safe` as a list of
words: `true` is about secrets, `nsfw` is the filter. The newest knows no negative prompt, guidance or `private`.

Read leniently, because undocumented: the fields of a listed model beyond its name, the limits of a size, which models
take quality and transparency, and `seed` and `transparent` beside a POST's documented fields (its source passes them
on).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import TypeAdapter, ValidationError

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    Capabilities,
    EaselError,
    ImageRequest,
    InvalidRequest,
    Model,
    Picture,
    Price,
    QuotaError,
    RateLimited,
    SizeRange,
    Sources,
    Timeout,
    Unavailable,
)
from providers.http.answers import Answer, one_line
from providers.http.api import path_segment, without_none
from providers.http.encoding import decode_picture_async, encode_base64, is_inline_picture
from providers.http.failures import option_of_field
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.http.transport import Transport
from providers.kit.base import COMMON_SIZES, NO_FREE_CALL, Health, Progress, Provider
from providers.kit.model_lists import BoundedList, cap_models, choose_models, limit_quality
from providers.kit.results import picture_from_answer, pictures_in
from providers.kit.settings import ProviderSettings

BASE_URL = "https://gen.pollinations.ai"
SIZE_RANGE = SizeRange(low=64, high=2048)
CURRENCY_CHARACTERS = 20
OPENAI_WORD = "gpt"
"""Word in the names of models that take OpenAI's options."""
QUALITIES = ("low", "medium", "high", "hd")
MAX_URL_LENGTH = 2000
"""Bytes of a URL that servers and proxies accept."""
RESERVED_PATHS = (".", "..", "models")
"""Prompts that as a path would mean a folder, or the list of models."""
GET_SECONDS = 290.0
RATE_LIMIT_WORDS = re.compile(r"\b429\b|rate.?limit|too many requests|slow down", re.IGNORECASE)
"""Messages of the gateway's 502 that hide an upstream 429."""


class Listed(Reply):
    name: str
    description: Annotated[str | None, NONE_IF_INVALID] = None
    pricing: Annotated[dict[str, Any] | None, NONE_IF_INVALID] = None
    input_modalities: Annotated[list[str] | None, NONE_IF_INVALID] = None
    output_modalities: Annotated[list[str] | None, NONE_IF_INVALID] = None


class Details(Reply):
    fieldErrors: dict[str, Any]  # noqa: N815 - the API's name


class FieldErrorDetails(Reply):
    details: Details


class Refusal(Reply):
    error: FieldErrorDetails


MODEL_LIST = TypeAdapter(BoundedList[Annotated[Listed | str | None, NONE_IF_INVALID]])


class Pollinations(Provider):
    name = "pollinations"
    title = "Pollinations"

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._root = settings.base_url or BASE_URL
        self._api = self.api(self._root, header="Authorization", prefix="Bearer ", key=settings.api_key)
        self._discovery = self.discovery(self._offered, self._models([_unlisted_model("flux")]))

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        remembered, is_retry = progress.remembered or {}, progress.remembered is not None
        seed: int = remembered.get("seed", request.seed or 0)
        path = _path(request, seed)
        try:
            if "url" in remembered or sources.images or not self._fits_in_url(request, path):
                picture = await self._picture_by_post(request, sources, seed, progress)
            else:
                await progress.remember({"seed": seed})
                picture = await self._picture_by_get(await self._get(path), seed)
            await progress.keep(picture)
        except EaselError as error:
            is_retryable = isinstance(error, (Timeout, Unavailable, RateLimited, QuotaError, AuthError))
            if not is_retryable or (error.taken is Acceptance.NOT_TAKEN and not is_retry):
                await progress.forget()
            raise

    async def check(self) -> Health:
        return Health(await self._api.is_reachable(), len(await self._discover()), NO_FREE_CALL)

    def _fits_in_url(self, request: ImageRequest, path: str) -> bool:
        return request.prompt not in RESERVED_PATHS and len(self._root) + 1 + len(path) <= MAX_URL_LENGTH

    async def _get(self, path: str) -> Answer:
        return _raise_for_error(await self._api.send("GET", path, seconds=GET_SECONDS))

    async def _picture_by_post(self, request: ImageRequest, sources: Sources, seed: int, progress: Progress) -> Picture:
        if "url" not in (progress.remembered or {}):
            what = "edits" if sources.images else "generations"
            answer = _raise_for_error(await self._api.post(f"v1/images/{what}", _body(request, sources, seed)))
            found = next(iter(pictures_in(answer.data(), "data")), "")
            if is_inline_picture(found):
                return Picture(data=await decode_picture_async(found), seed=seed)
            if not found:
                raise BadResponse("neither an image nor a link")
            await progress.remember({"url": found, "seed": seed})
        return await self._api.fetch((progress.remembered or {})["url"], seed=seed)

    async def _picture_by_get(self, answer: Answer, seed: int) -> Picture:
        if picture := await picture_from_answer(self._api, answer, seed):
            return picture
        raise BadResponse(f"{len(answer.body)} bytes that are no picture", said=answer.error_text())

    async def _offered(self) -> Sequence[Model]:
        return self._models(await self._discover())

    def _models(self, listed: Sequence[Model]) -> Sequence[Model]:
        return limit_quality(self.settings, choose_models(self.settings, listed, _unlisted_model))

    async def _discover(self) -> Sequence[Model]:
        try:
            listed = MODEL_LIST.validate_python((await self._api.get_json("image/models")).raise_for_status().data())
        except ValidationError:
            raise BadResponse("no list of models") from None
        found = {_name(each): each for each in listed if each and _draws(each)}
        names = cap_models(sorted(found, key=lambda name: name != "flux"), self.settings, str)
        return [_model(each) if isinstance(each := found[name], Listed) else _unlisted_model(each) for name in names]


def _path(request: ImageRequest, seed: int) -> str:
    size = request.size or COMMON_SIZES[0]
    fields = {
        "model": request.model,
        "width": size.width,
        "height": size.height,
        "seed": seed,
        **_options(request),
    }
    query = {name: "true" if value is True else value for name, value in without_none(fields).items()}
    return f"image/{path_segment(request.prompt)}?{urlencode(query)}"


def _body(request: ImageRequest, sources: Sources, seed: int) -> dict[str, Any]:
    image = encode_base64(sources.only_image())
    fields = {
        "model": request.model,
        "prompt": request.prompt,
        "n": 1,
        "size": str(request.size or COMMON_SIZES[0]),
        "response_format": None if image else "b64_json",
        "seed": seed,
        "image": [{"image_url": f"data:image/png;base64,{image}"}] if image else None,
        **_options(request),
    }
    return without_none(fields)


def _options(request: ImageRequest) -> Mapping[str, Any]:
    return {
        "quality": request.quality,
        "transparent": request.transparent or None,
        "safe": "nsfw" if request.safety_checker else None,
    }


def _raise_for_error(answer: Answer) -> Answer:
    if answer.status == 502 and RATE_LIMIT_WORDS.search(answer.error_text()):
        taken = answer.taken or Acceptance.NOT_TAKEN
        raise RateLimited(**answer.error_details(), retry_after=answer.retry_after(), taken=taken)
    error = answer.error()
    if isinstance(error, InvalidRequest):
        error.option = _blamed_option(answer) or error.option
        raise error
    return answer.raise_for_status()


def _blamed_option(answer: Answer) -> str | None:
    """The option for the first field that a 400 names."""
    refusal = answer.parse_or_none(Refusal)
    return option_of_field(refusal.error.details.fieldErrors) if refusal else None


def _draws(listed: Listed | str) -> bool:
    return isinstance(listed, str) or listed.output_modalities is None or "image" in listed.output_modalities


def _name(listed: Listed | str) -> str:
    return listed if isinstance(listed, str) else listed.name


def _unlisted_model(id: str) -> Model:
    return _model(Listed(name=id))


def _model(listed: Listed) -> Model:
    is_openai_like = OPENAI_WORD in listed.name.lower()
    return Model(
        id=listed.name,
        title=one_line(listed.description or "").partition(" - ")[0][:60] or listed.name,
        price=_price(listed.pricing or {}),
        capabilities=Capabilities(
            image_to_image="image" in (listed.input_modalities or ()),
            sizes=COMMON_SIZES,
            size_range=SIZE_RANGE,
            seed=True,
            qualities=QUALITIES if is_openai_like else (),
            transparent=is_openai_like,
            safety_checker=True,
        ),
    )


def _price(pricing: Mapping[str, Any]) -> Price | None:
    """Per picture; per token where prompt tokens have a price, too."""
    currency = pricing.get("currency")
    return Price.of(
        pricing.get("completionImageTokens", pricing.get("price")),
        currency=(one_line(currency)[:CURRENCY_CHARACTERS] or None) if isinstance(currency, str) else None,
        unit="token" if any(name.startswith("prompt") for name in pricing) else "picture",
    )
