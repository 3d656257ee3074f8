"""ImagePipeline: SDXL, returned at once or polled by id.

Facts: its documentation of two generations on one host. Generation 1 ("SDXL", the default here) takes every option and
several pictures a call; generation 3 ("jobs", 2026) makes a job of every call. Field names, status words and the
field of an error message differ between its pages, so all of them are read.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, Field

from domain import (
    BadResponse,
    Capabilities,
    Cause,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Model,
    ProviderError,
    QuotaError,
    RateLimited,
    Size,
    SizeRange,
    Sources,
    Span,
    Timeout,
    Unavailable,
)
from domain.numbers import Number, Seconds
from providers.http.answers import Answer
from providers.http.api import path_segment, without_none
from providers.http.failures import MODERATION_WORDS, failure_for
from providers.http.parsing import Reply
from providers.http.transport import Transport
from providers.kit.base import Progress, Provider
from providers.kit.model_lists import choose_known_models, choose_models
from providers.kit.polling import poll
from providers.kit.results import collect, pictures_in
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Pairs, one_of

log = logging.getLogger(__name__)

BASE_URL = "https://api.imagepipeline.io"
DOCUMENTED_MODEL = ("d961a274-658c-4889-8c1a-bf85416cb1c1", "SDXL")
SCHEDULERS = (  # named in the samples and in the list of its next generation, which is longer
    "UniPCMultistepScheduler",
    "EulerDiscreteScheduler",
    "DDIMScheduler",
    "DDPMScheduler",
    "HeunDiscreteScheduler",
    "DPMSolverMultistepScheduler",
)
DONE_STATUSES = {"success", "completed", "succeeded"}
FAILED_STATUSES = {"failure", "failed", "error", "cancelled"}
PENDING_STATUSES = {"pending", "queued", "processing", "in_progress", "started"}


class Status(Reply):
    """Response to a submit or poll, in both generations' fields."""

    status: str = ""
    id: str | int | None = Field(None, validation_alias=AliasChoices("id", "job_id"))
    progress: Number = None
    eta: Seconds = Field(None, validation_alias="estimated_time_seconds")
    reason: str | None = Field(None, validation_alias="failure_reason_code")

    @property
    def word(self) -> str:
        return self.status.strip().lower()


@dataclass(frozen=True)
class ApiGeneration:
    header: str
    path: str
    capabilities: Capabilities


def _sizes(*texts: str) -> tuple[Size, ...]:
    return tuple(map(Size.parse, texts))


GENERATIONS = {
    1: ApiGeneration(
        header="API-Key",
        path="sdxl/text2image/v1",
        capabilities=Capabilities(
            sizes=_sizes("768x768", "768x432", "432x768", "768x512", "512x768", "512x512", "1024x1024"),
            # 768 is advised, not a limit; 1536 is the limit of the generation after it.
            size_range=SizeRange(low=128, high=1536, multiple=8),
            per_call=4,
            negative_prompt=True,
            seed=True,
            steps=Span(low=1, high=100),
            guidance_scale=Span(low=1, high=20),
            strength=Span(low=0, high=1),
            schedulers=SCHEDULERS,
            refiner=True,
            safety_checker=True,
        ),
    ),
    3: ApiGeneration(
        header="X-API-Key",
        path="generate/image/v1",
        capabilities=Capabilities(
            sizes=_sizes("1024x1024", "1024x576", "576x1024", "1024x768", "768x1024", "768x768", "512x512"),
            size_range=SizeRange(low=128, high=1024, multiple=8),
            seed=True,
            steps=Span(low=1, high=100),
            guidance_scale=Span(low=0, high=20),
        ),
    ),
}
ERROR_BY_REASON: dict[str, type[ProviderError]] = {
    "RATE_LIMIT_EXCEEDED": RateLimited,
    "CONCURRENT_JOBS_EXCEEDED": RateLimited,
    "TIMEOUT": Timeout,
    "INSUFFICIENT_CREDITS": QuotaError,
    "CREDIT_CHARGE_FAILED": QuotaError,
    "INPUT_INVALID": InvalidRequest,
}


class ImagePipelineSettings(ProviderSettings):
    models: Pairs = Field(
        default=(),
        description="The SDXL models to offer, as `id=title, id=title`, from its models page. Unset: the one in its "
        "documentation.",
    )
    generation: Annotated[Literal[1, 3], one_of(1, 3)] = Field(
        default=1, description="Which of its APIs, 1 or 3: try 3, that of 2026, where 1 answers 404 or 410."
    )


class ImagePipeline(Provider[ImagePipelineSettings]):
    name = "imagepipeline"
    title = "ImagePipeline"
    reports = frozenset({"fraction", "eta"})

    def __init__(self, settings: ImagePipelineSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._generation = GENERATIONS[settings.generation]
        self._api = self.api(settings.base_url or BASE_URL, header=self._generation.header, key=settings.api_key)
        self._models = self._offered()

    async def offered(self) -> Sequence[Model]:
        return self._models

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None and await self._submit(request, progress):
            return
        ref = progress.remembered or {}
        if "urls" in ref:
            await collect(self._api, progress, urls=ref["urls"], seed=request.seed)
        else:
            await self._poll(ref["id"], request, progress)

    def _offered(self) -> Sequence[Model]:
        """The models to offer; generation 3 takes no model, so the host cannot add any."""
        documented = self._model(*DOCUMENTED_MODEL)
        if self.settings.generation == 3:
            return choose_known_models(self.settings, [documented])
        return choose_models(self.settings, [documented], lambda id: self._model(id, id))

    def _model(self, id: str, title: str) -> Model:
        return Model(id=id, title=title, capabilities=self._generation.capabilities)

    async def _submit(self, request: ImageRequest, progress: Progress) -> bool:
        """Submit; True where the response holds the pictures already."""
        answer = await self._api.post(self._generation.path, self._body(request))
        if answer.status in (404, 410):
            other = 3 if self.settings.generation == 1 else 1
            log.error("ImagePipeline answers %s: try IMAGEPIPELINE_GENERATION=%s", answer.status, other)
            raise Unavailable(str(answer.status), cause=Cause.API_GONE)
        status = answer.raise_for_status().parse(Status)
        if await self._collect_if_done(status, answer, request, progress):
            return True
        if status.id in (None, ""):
            raise BadResponse("a pending job without an id")
        await progress.remember({"id": str(status.id)})
        await progress.report(eta=status.eta)
        return False

    def _body(self, request: ImageRequest) -> dict[str, Any]:
        size = request.size or self._generation.capabilities.sizes[0]
        fields: dict[str, Any] = {
            "prompt": request.prompt,
            "width": size.width,
            "height": size.height,
            "num_inference_steps": request.steps,
            "guidance_scale": request.guidance_scale,
            "seed": request.seed,
        }
        if self.settings.generation == 1:
            fields |= {
                "model_id": request.model,
                "negative_prompt": request.negative_prompt,
                "samples": request.count,
                "strength": request.strength,
                "scheduler": request.scheduler,
                "refiner": request.refiner or None,
                "safety_checker": request.safety_checker,
            }
        else:
            fields["output_format"] = "png"
        return without_none(fields)

    async def _poll(self, id: str, request: ImageRequest, progress: Progress) -> None:
        async def is_done(answer: Answer) -> bool:
            status = answer.parse(Status)
            if await self._collect_if_done(status, answer, request, progress):
                return True
            await progress.report(fraction=None if status.progress is None else status.progress / 100, eta=status.eta)
            return False

        await poll(self.transport, progress, partial(self._ask, id), is_done)

    async def _ask(self, id: str) -> Answer:
        path = f"{self._generation.path}/status/{path_segment(id)}"
        answer = await self._api.get_json(path)
        if answer.status == 401:  # "as the authorization", says the page on status
            answer = await self._api.get_json(path, headers=self._api.key_header("Authorization"))
        return answer

    async def _collect_if_done(self, status: Status, answer: Answer, request: ImageRequest, progress: Progress) -> bool:
        if status.word in FAILED_STATUSES:
            await progress.forget()
            raise _failure_error(status, answer.error_text())
        if status.word not in DONE_STATUSES:
            if status.word not in PENDING_STATUSES:
                log.warning("unknown status, treated as pending: %.40s", status.word)
            return False
        if not (urls := pictures_in(answer.data(), "download_urls", "result_url")):
            await progress.forget()
            raise ContentRejected("no picture came back") if request.safety_checker else BadResponse("no link")
        await collect(self._api, progress, urls=urls, seed=request.seed)
        return True


def _failure_error(status: Status, text: str) -> ProviderError:
    kind = ERROR_BY_REASON.get((status.reason or "").upper())
    if kind is InvalidRequest and MODERATION_WORDS.search(text):
        kind = ContentRejected
    return kind(said=text) if kind else failure_for(text)
