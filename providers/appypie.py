"""Appy Pie's SDXL: two endpoints, image to image from a link and text to image.

Facts: its endpoint documentation (the API's brand is now Pixazo, so the base URL is a setting). Five of its six samples
lack the key header; it is always sent. A response is JSON with base64, or the bytes of an image; that of the second
endpoint is not documented. So the format is detected.
"""

import re
from collections.abc import Sequence
from typing import Any

from pydantic import AliasChoices, Field

from domain import (
    BadResponse,
    BadUpload,
    Capabilities,
    Defect,
    ImageRequest,
    Model,
    Picture,
    ProviderFailure,
    SizeRange,
    Sources,
    Span,
)
from providers.http.answers import Answer
from providers.http.api import without_none
from providers.http.failures import error_for
from providers.http.parsing import Reply
from providers.http.transport import Transport
from providers.kit.base import COMMON_SIZES, Progress, Provider
from providers.kit.model_lists import choose_known_models
from providers.kit.results import collect, pictures_in
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Secret

BASE_URL = "https://gateway.appypie.com"
TEXT, IMAGE = "sdxl", "sdxl-img2img"
PATHS = {TEXT: "getImage/v1/getSDXLImage", IMAGE: "img2img/getImage/v1/getSDXLImage"}
# "Below 512 poor"; no upper limit is documented.
SIZE_RANGE = SizeRange(low=512, high=1536, multiple=8)
MODELS = (
    Model(
        id=TEXT,
        title="SDXL",
        capabilities=Capabilities(
            sizes=COMMON_SIZES,
            size_range=SIZE_RANGE,
            negative_prompt=True,
            seed=True,
            steps=Span(low=1, high=20),
            guidance_scale=Span(low=0, high=20),  # 5 by default; the range is not documented
        ),
    ),
    Model(
        id=IMAGE,
        title="SDXL image to image",
        capabilities=Capabilities(
            text_to_image=False,
            image_to_image=True,
            image_by_link=True,
            sizes=COMMON_SIZES,
            size_range=SIZE_RANGE,
            negative_prompt=True,
        ),
    ),
)


class Result(Reply):
    """The fields of success and error: an error may have status 200."""

    code: int | str | None = Field(None, validation_alias=AliasChoices("code", "statusCode", "status"))
    trace: str | int | None = Field(None, validation_alias="traceId")

    @property
    def status(self) -> int:
        text = str(self.code)
        return int(text) if re.fullmatch(r"[0-9]{3}", text) else 0


class AppyPieSettings(ProviderSettings):
    api_key: Secret | None = Field(
        default=None,
        description="The provider's key. Its image to image fetches members' uploads by the link that Discord gives "
        "them.",
    )


class AppyPie(Provider[AppyPieSettings]):
    name = "appypie"
    title = "Appy Pie"

    def __init__(self, settings: AppyPieSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._api = self.api(settings.base_url or BASE_URL, header="Ocp-Apim-Subscription-Key", key=settings.api_key)
        self._models = choose_known_models(settings, MODELS)

    async def offered(self) -> Sequence[Model]:
        return self._models

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None:
            await self._submit(request, sources, progress)
        else:
            await collect(self._api, progress, urls=progress.remembered["urls"], seed=request.seed)

    async def _submit(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        """Submit; the picture comes as bytes, in base64 or as a link."""
        model = request.model or TEXT
        headers = {"Cache-Control": "no-cache"}
        answer = await self._api.post(PATHS[model], _body(model, request, sources), headers=headers)
        if answer.status < 300 and answer.is_picture():
            await progress.keep(Picture(data=answer.body, seed=request.seed))
            return
        result = _result(answer)
        urls = pictures_in(answer.data(), "image_data", "image", "b64_json")
        if not urls:
            raise BadResponse("neither an image nor a link", reference=_reference(result))
        await collect(self._api, progress, urls=urls, seed=request.seed)


def _body(model: str, request: ImageRequest, sources: Sources) -> dict[str, Any]:
    fields: dict[str, Any] = {"prompt": request.prompt, "negative_prompt": request.negative_prompt}
    size = request.size or COMMON_SIZES[0]
    if model == IMAGE:
        if not (link := sources.only_link()):
            raise BadUpload(option="image", defect=Defect.NO_LINK)
        fields |= {"inputImage": link, "size": str(size)}
    else:
        fields |= {
            "width": size.width,
            "height": size.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "seed": request.seed,
        }
    return without_none(fields)


def _result(answer: Answer) -> Result:
    """The parsed body; raises the error of the HTTP status or of the status code inside it."""
    try:
        result = answer.parse(Result)
    except BadResponse:
        answer.raise_for_status()
        raise
    status = max(answer.status, result.status)
    if status >= 300:
        raise _error(status, answer, result)
    return result


def _error(status: int, answer: Answer, result: Result) -> ProviderFailure:
    return error_for(status, answer.error_text(), retry_after=answer.retry_after(), reference=_reference(result))


def _reference(result: Result) -> str | None:
    return None if result.trace is None else str(result.trace)[:80]
