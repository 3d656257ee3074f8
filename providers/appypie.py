"""Appy Pie's SDXL: two endpoints, image to image from a link and text to image.

Facts: its endpoint documentation, and Pixazo-AI/skills 57db436 for Pixazo, as the API is called today: text to image
alone, at the same path of another host, with `num_steps`. Five of its six samples lack the key header; it is always
sent. A response is JSON with base64 or a link, or the bytes of an image; that of text to image is not documented by the
older gateway. So the format is detected.
"""

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

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
from providers.kit.variables import Secret, one_of

BASE_URLS = {"appypie": "https://gateway.appypie.com", "pixazo": "https://gateway.pixazo.ai"}
STEPS_INPUTS = {"appypie": "num_inference_steps", "pixazo": "num_steps"}
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
    api: Annotated[Literal["appypie", "pixazo"], one_of("appypie", "pixazo")] = Field(
        default="appypie",
        description="Which of its gateways: `appypie`, or `pixazo`, the newer one, which draws from words alone.",
    )


class AppyPie(Provider[AppyPieSettings]):
    name = "appypie"
    title = "Appy Pie"

    def __init__(self, settings: AppyPieSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        base_url = settings.base_url or BASE_URLS[settings.api]
        self._api = self.api(base_url, header="Ocp-Apim-Subscription-Key", key=settings.api_key)
        known = [model for model in MODELS if settings.api == "appypie" or model.id == TEXT]
        self._models = choose_known_models(settings, known)

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
        body = _image_body(request, sources) if model == IMAGE else self._text_body(request)
        answer = await self._api.post(PATHS[model], without_none(body), headers=headers)
        if answer.status < 300 and answer.is_picture():
            await progress.keep(Picture(data=answer.body, seed=request.seed))
            return
        result = _result(answer)
        urls = pictures_in(answer.data(), "image_data", "image", "b64_json")
        if not urls:
            raise BadResponse("neither an image nor a link", reference=_reference(result))
        await collect(self._api, progress, urls=urls, seed=request.seed)

    def _text_body(self, request: ImageRequest) -> dict[str, Any]:
        size = request.size or COMMON_SIZES[0]
        return {
            "prompt": request.prompt,
            "negative_prompt": request.negative_prompt,
            "width": size.width,
            "height": size.height,
            STEPS_INPUTS[self.settings.api]: request.steps,
            "guidance_scale": request.guidance_scale,
            "seed": request.seed,
        }


def _image_body(request: ImageRequest, sources: Sources) -> dict[str, Any]:
    if not (link := sources.only_link()):
        raise BadUpload(option="image", defect=Defect.NO_LINK)
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "inputImage": link,
        "size": str(request.size or COMMON_SIZES[0]),
    }


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
