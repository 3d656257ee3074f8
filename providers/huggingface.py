"""Hugging Face: its own servers (hf-inference) behind the router; the response is a picture's bytes.

Facts: huggingface_hub @ee0a451. Its partners, whose APIs differ, are not supported: several of them are providers of
this bot themselves. No call lists the models that are served at the moment, so the list below is only an example;
HUGGINGFACE_MODELS replaces it, and a 404 means a model that is not served.

A model that is not loaded answers 503 with `estimated_time` (not confirmed), which is waited for. Which models take
an image follows from their names, and the limits of sizes, steps and guidance are wide: the API validates them.
"""

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from domain import (
    Acceptance,
    Capabilities,
    Cause,
    ImageRequest,
    Model,
    Picture,
    SizeRange,
    Sources,
    Span,
    Unavailable,
)
from providers.http.answers import MAX_POLL_PAUSE, RETRY_AFTER_RANGE, Answer, one_line
from providers.http.api import path_segments, without_none
from providers.http.encoding import encode_base64
from providers.http.failures import failure_for
from providers.http.parsing import Reply
from providers.http.transport import Transport
from providers.kit.base import COMMON_SIZES, Progress, Provider
from providers.kit.model_lists import choose_models
from providers.kit.results import picture_from_answer
from providers.kit.settings import ProviderSettings

BASE_URL = "https://router.huggingface.co"
EXAMPLE_MODELS = (
    ("black-forest-labs/FLUX.1-schnell", "FLUX.1 schnell"),
    ("stabilityai/stable-diffusion-xl-base-1.0", "Stable Diffusion XL 1.0"),
)
EDIT_WORDS = ("kontext", "edit", "pix2pix", "img2img", "image-to-image", "refiner")
"""Words in the ids of models that draw from an image."""
MAX_LOADING_SECONDS = 240.0
"""A model that loads for longer is given up before the job's deadline, so that the error names the reason."""


class Loading(Reply):
    estimated_time: float = Field(allow_inf_nan=False)


class ErrorBody(Reply):
    error: str


class HuggingFace(Provider):
    name = "huggingface"
    title = "Hugging Face"
    reports = frozenset({"eta"})

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = settings.base_url or BASE_URL
        self._api = self.api(root, header="Authorization", prefix="Bearer ", key=settings.api_key)

    async def offered(self) -> Sequence[Model]:
        return choose_models(self.settings, [_model(*each) for each in EXAMPLE_MODELS], lambda id: _model(id, id))

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        model = request.model or EXAMPLE_MODELS[0][0]
        answer = await self._submit(f"hf-inference/models/{path_segments(model)}", _body(request, sources), progress)
        await progress.keep(await self._picture(answer, request.seed))

    async def _picture(self, answer: Answer, seed: int | None) -> Picture:
        """The picture in the response; raises the error in a body with status 200."""
        if picture := await picture_from_answer(self._api, answer, seed):
            return picture
        raise failure_for(one_line(answer.parse(ErrorBody).error))

    async def _submit(self, path: str, body: dict[str, Any], progress: Progress) -> Answer:
        """Submit, waiting while the model is being loaded."""
        waited = 0.0
        while True:
            answer = await self._api.send("POST", path, json=body, tries=1 if waited else 3)
            if (seconds := _loading_seconds(answer)) is None:
                return answer.raise_for_status()
            waited += seconds
            if waited > MAX_LOADING_SECONDS:
                raise Unavailable("503", cause=Cause.LOADING, option="model", taken=Acceptance.NOT_TAKEN)
            await progress.report(eta=seconds)
            await self.transport.sleep(seconds)


def _body(request: ImageRequest, sources: Sources) -> dict[str, Any]:
    size, image = request.size or COMMON_SIZES[0], sources.only_image()
    parameters: dict[str, Any] = {
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.guidance_scale,
        "seed": request.seed,
        "scheduler": request.scheduler,
    }
    target = {"width": size.width, "height": size.height}
    if not image:
        return {"inputs": request.prompt, "parameters": without_none(parameters | target)}
    return {
        "inputs": encode_base64(image),
        "parameters": without_none(parameters | {"prompt": request.prompt, "target_size": target}),
    }


def _loading_seconds(answer: Answer) -> float | None:
    loading = answer.parse_or_none(Loading) if answer.status == 503 else None
    return min(max(loading.estimated_time, RETRY_AFTER_RANGE[0]), MAX_POLL_PAUSE) if loading else None


def _model(id: str, title: str) -> Model:
    edits = any(word in id.lower() for word in EDIT_WORDS)
    capabilities = Capabilities(
        text_to_image=not edits,
        image_to_image=edits,
        sizes=COMMON_SIZES,
        size_range=SizeRange(low=256, high=2048, multiple=8),
        negative_prompt=True,
        seed=True,
        steps=Span(low=1, high=100),
        guidance_scale=Span(low=0, high=30),
    )
    return Model(id=id, title=title, capabilities=capabilities)
