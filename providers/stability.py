"""Stability AI (v2beta): multipart requests, and one picture as response body.

Facts: tryAGI/StabilityAI @016c91b, a copy of its OpenAPI file. It takes a ratio, so each size stands for its ratio, and
the picture may have other pixels. Seed 0 means a random one there, so another is sent for it. With an image, sd3 takes
no ratio, and the picture has the image's. A filtered picture has status 200 and is blurred; only `finish-reason` says
so.

Read leniently, because not confirmed: 402 for credit, and the shape that Ultra gives a picture from an image. Not used:
`grow_mask`, the headers that identify users, and edits that need more than words, an image and a mask.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from domain import (
    Capabilities,
    ContentRejected,
    ImageRequest,
    Model,
    Picture,
    ProviderFailure,
    Size,
    Sources,
    Span,
)
from domain.numbers import Number, Seed
from providers.http.answers import Answer, one_line
from providers.http.bodies import FormPart
from providers.http.encoding import decode_picture_async, is_inline_picture
from providers.http.failures import option_of_field
from providers.http.parsing import Reply
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider
from providers.kit.inputs import shrink_sources
from providers.kit.model_lists import choose_models
from providers.kit.results import pictures_in
from providers.kit.settings import ProviderSettings

BASE_URL = "https://api.stability.ai"
RATIOS = {
    Size(1024, 1024): "1:1",
    Size(1344, 768): "16:9",
    Size(768, 1344): "9:16",
    Size(1248, 832): "3:2",
    Size(832, 1248): "2:3",
    Size(1120, 896): "5:4",
    Size(896, 1120): "4:5",
    Size(1536, 672): "21:9",
    Size(672, 1536): "9:21",
}
SEED_FOR_ZERO = 4294967294
"""Sent for seed 0: the API's largest, which Easel never draws."""
MAX_SEED = SEED_FOR_ZERO - 4
"""The seeds of four pictures follow each other."""
DEFAULT_STRENGTH = 0.6
"""The API requires one for image to image."""
FILTERED_REASON = "CONTENT_FILTERED"
STYLES = (
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art"),
    *("isometric", "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art"),
    "tile-texture",
)
MAX_FILE_BYTES = 9 * 2**20
"""Of the image; a request may have 10 MiB, of which the mask takes little."""
MAX_FILE_SIDE = 16384
MAX_FILE_PIXELS = 9437184
MAX_UPSCALED_SIDE = 1536
MAX_UPSCALED_PIXELS = 1048576
WORD = re.compile(r"\w+")


class Endpoint(NamedTuple):
    title: str
    path: str
    capabilities: Capabilities


FROM_TEXT = Capabilities(sizes=tuple(RATIOS), negative_prompt=True, seed=True, max_seed=MAX_SEED, styles=STYLES)
FROM_BOTH = FROM_TEXT.having(image_to_image=True, strength=Span(low=0, high=1))
SD3 = Endpoint("", "generate/sd3", FROM_BOTH.having(sized_by_image=True, guidance_scale=Span(low=1, high=10)))
INPAINT = FROM_TEXT.having(sizes=(), text_to_image=False, inpainting=True)
ENDPOINTS = {
    "core": Endpoint("Stable Image Core", "generate/core", FROM_TEXT),
    "ultra": Endpoint("Stable Image Ultra", "generate/ultra", FROM_BOTH),
    "sd3.5-large": SD3._replace(title="Stable Diffusion 3.5 Large"),
    "sd3.5-large-turbo": SD3._replace(title="Stable Diffusion 3.5 Large Turbo"),
    "sd3.5-medium": SD3._replace(title="Stable Diffusion 3.5 Medium"),
    "sd3.5-flash": SD3._replace(title="Stable Diffusion 3.5 Flash"),
    "inpaint": Endpoint("Inpaint", "edit/inpaint", INPAINT),
    "upscale-fast": Endpoint("Fast upscaler", "upscale/fast", Capabilities(text_to_image=False, upscale=True)),
}


class Result(Reply):
    """The JSON response, which is documented, but not requested."""

    finish_reason: str = ""
    seed: Seed = None


class Refusal(Reply):
    id: str | None = None
    name: str = ""
    errors: Any = None
    """A list of messages, as far as is known."""


class Balance(Reply):
    credits: Number = None


class Stability(Provider):
    name = "stability"
    title = "Stability AI"

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        base_url = settings.base_url or BASE_URL
        self._api = self.api(base_url, header="Authorization", prefix="Bearer ", key=settings.api_key)

    async def offered(self) -> Sequence[Model]:
        return choose_models(self.settings, [_model(id) for id in ENDPOINTS], _model)

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        path = f"v2beta/stable-image/{_endpoint(request.model or 'core').path}"
        form = _form(request, await asyncio.to_thread(_within_limits, request, sources))
        answer = await self._api.send("POST", path, headers={"Accept": "image/*"}, form=form)
        await progress.keep(await _picture(_raise_for_error(answer), request.seed))

    async def check(self) -> Health:
        balance = _raise_for_error(await self._api.get_json("v1/user/balance")).parse(Balance)
        return Health(reachable=True, models=None, key=f"accepted, {balance.credits or 0:g} credits")


def _endpoint(id: str) -> Endpoint:
    """The endpoint of a model; SD3's for ids that only the host knows."""
    return ENDPOINTS.get(id, SD3)


def _model(id: str) -> Model:
    endpoint = _endpoint(id)
    return Model(id=id, title=endpoint.title or id, capabilities=endpoint.capabilities)


def _form(request: ImageRequest, sources: Sources) -> list[FormPart]:
    """The parts of the form."""
    capabilities, image = _endpoint(request.model or "core").capabilities, sources.only_image()
    fields: dict[str, Any] = {"output_format": "png"}
    if not capabilities.upscale:
        fields |= {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "seed": _seed_to_send(request.seed),
        }
    if capabilities.styles:
        fields["style_preset"] = request.style
    if capabilities.guidance_scale:
        fields |= {"model": request.model, "cfg_scale": request.guidance_scale}
    if capabilities.strength and image:
        fields["strength"] = DEFAULT_STRENGTH if request.strength is None else request.strength
        fields["mode"] = "image-to-image" if capabilities.sized_by_image else None
    if capabilities.sizes and not (image and capabilities.sized_by_image):
        fields["aspect_ratio"] = _ratio(request.size)
    parts = [FormPart(name, str(value)) for name, value in fields.items() if value is not None]
    files = {"image": image, "mask": sources.mask}
    return parts + [FormPart(name, data, f"{name}.png", "image/png") for name, data in files.items() if data]


def _within_limits(request: ImageRequest, sources: Sources) -> Sources:
    """The image, and the mask in its size, scaled down to what the endpoint takes."""
    upscales = _endpoint(request.model or "core").capabilities.upscale
    return shrink_sources(
        sources,
        most_pixels=MAX_UPSCALED_PIXELS if upscales else MAX_FILE_PIXELS,
        longest_side=MAX_UPSCALED_SIDE if upscales else MAX_FILE_SIDE,
        most_bytes=MAX_FILE_BYTES,
    )


def _ratio(size: Size | None) -> str | None:
    return RATIOS[min(RATIOS, key=size.distance)] if size else None


def _seed_to_send(seed: int | None) -> int | None:
    return SEED_FOR_ZERO if seed == 0 else seed


async def _picture(answer: Answer, seed: int | None) -> Picture:
    """The picture, with the seed that the API reports."""
    if answer.is_picture():
        data, reason = answer.body, answer.headers.get("finish-reason", "")
        reported: int | str | None = answer.headers.get("seed")
    else:
        result = answer.parse(Result)
        found = next(filter(is_inline_picture, pictures_in(answer.data(), "image")), "")
        data, reason = await decode_picture_async(found), result.finish_reason
        reported = result.seed
    if reason.strip().upper() == FILTERED_REASON:
        raise ContentRejected("200", said=FILTERED_REASON)
    return Picture(data=data, seed=_reported_seed(reported, seed))


def _reported_seed(reported: int | str | None, seed: int | None) -> int | None:
    text = str(reported)
    drawn = int(text) if re.fullmatch(r"[0-9]{1,10}", text) else None
    return seed if drawn in (None, _seed_to_send(seed)) else drawn


def _raise_for_error(answer: Answer) -> Answer:
    if error := _error(answer):
        raise error
    return answer


def _error(answer: Answer) -> ProviderFailure | None:
    """The error of a response; its `name` distinguishes refused content from a missing permission, both 403."""
    if answer.ok:
        return None
    refusal = answer.parse_or_none(Refusal) or Refusal()
    text = one_line(": ".join(filter(None, (refusal.name, answer.error_text()))))
    reference = one_line(refusal.id or answer.headers.get("x-request-id", ""))[:80] or None
    return answer.error(text, option=blamed_by_errors(refusal.errors), reference=reference)


def blamed_by_errors(errors: Any) -> str | None:
    """The option for the field that a message begins with: "aspect_ratio: must be one of …"."""
    sentences = cast("list[Any]", errors) if isinstance(errors, list) else []
    return option_of_field(found[0] for text in sentences if isinstance(text, str) and (found := WORD.search(text)))
