"""Black Forest Labs: FLUX from its maker, submitted by model and polled at the link in the response.

Facts: its OpenAPI file (tryAGI/BlackForestLabs @dfc296a) and black-forest-labs/skills @d0793c8. A result's link
lives for ten minutes. Moderated requests are not billed. The mask of `fill` is white where it repaints. The sources
disagree on its path, so the other is tried after a 404. To verify: the statuses Reasoning and Generating, and that
`progress` goes from 0 to 1.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from math import gcd
from typing import Annotated, Any

from pydantic import Field
from pydantic_core import to_json

from domain import (
    BadResponse,
    Capabilities,
    ContentRejected,
    ImageRequest,
    Model,
    Size,
    Sources,
)
from domain.numbers import Number, Seed, fraction
from providers.http.answers import Answer, one_line
from providers.http.api import path_segments, without_none
from providers.http.encoding import encode_base64
from providers.http.failures import failure_for, option_of_field
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider
from providers.kit.model_lists import choose_models
from providers.kit.polling import poll
from providers.kit.results import collect, pictures_in
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Integer

log = logging.getLogger(__name__)

BASE_URL = "https://api.bfl.ai"
KEY_DOMAIN = "bfl.ai"
MAX_IMAGE_BYTES = 14_000_000
"""To verify: its pages speak of 20 MB, and base64 takes a third more than the file."""
FILL_PATHS = ("flux-pro-1.0-fill", "flux-fill")
MOST_TOLERANT = 5
"""Highest tolerance, sent where a server's admins have switched the safety checker off."""
MODERATED_STATUSES = {"request moderated", "content moderated"}
FAILED_STATUSES = {"error", "failed"}
WAITING_STATUSES = {"pending", "reasoning", "generating"}


class Accepted(Reply):
    id: str
    polling_url: str


class Refusal(Reply):
    details: dict[str, Any]
    """What is wrong, by field."""


class Credits(Reply):
    credits: Number = None


class Sample(Reply):
    seed: Seed = None


class Status(Reply):
    status: str
    progress: Number = None
    result: Annotated[Sample | None, NONE_IF_INVALID] = None
    error: Any = None
    message: Any = None
    details: Any = None

    @property
    def word(self) -> str:
        return self.status.strip().lower()


class BlackForestLabsSettings(ProviderSettings):
    concurrency: Integer = Field(default=4, ge=1, le=24, description="How many of its jobs run at once.")


class BlackForestLabs(Provider[BlackForestLabsSettings]):
    name = "bfl"
    title = "Black Forest Labs"
    max_image_bytes = MAX_IMAGE_BYTES
    reports = frozenset({"fraction"})

    def __init__(self, settings: BlackForestLabsSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._api = self.api(settings.base_url or BASE_URL, header="x-key", key=settings.api_key, domains=(KEY_DOMAIN,))

    async def offered(self) -> Sequence[Model]:
        return choose_models(self.settings, self.facts.listed, self.facts.model)

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None:
            await self._submit(request, sources, progress)
        ref = progress.remembered or {}
        if "urls" in ref:
            await collect(self._api, progress, **ref)
        else:
            finished = partial(self._collect_if_ready, request=request, progress=progress)
            await poll(self.transport, progress, partial(self._ask, ref["polling_url"]), finished)

    async def check(self) -> Health:
        balance = (await self._api.get_json("v1/credits")).raise_for_status().parse(Credits)
        return Health(reachable=True, models=None, key=f"accepted, {balance.credits or 0:g} credits")

    async def _submit(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        id = request.model or self.facts.default_id
        body = _body(request, sources, self.facts.about(id).takes)
        answer = await self._api.post(f"v1/{path_segments(id)}", body)
        if answer.status == 404 and id in FILL_PATHS:
            other = FILL_PATHS[1 - FILL_PATHS.index(id)]
            answer = await self._api.post(f"v1/{other}", body)
        accepted = _raise_for_error(answer).parse(Accepted)
        await progress.remember({"id": accepted.id, "polling_url": self._api.url(accepted.polling_url)})

    async def _ask(self, url: str) -> Answer:
        answer = await self._api.get_json(url)
        if answer.status == 200 and answer.parse(Status).word == "task not found":
            return replace(answer, status=404)
        return answer

    async def _collect_if_ready(self, answer: Answer, *, request: ImageRequest, progress: Progress) -> bool:
        status = answer.parse(Status)
        if status.word == "ready":
            await self._collect(answer, status.result or Sample(), request, progress)
            return True
        if status.word in MODERATED_STATUSES | FAILED_STATUSES:
            await progress.forget()
            text = _error_text(status)
            raise ContentRejected(said=text) if status.word in MODERATED_STATUSES else failure_for(text)
        if status.word not in WAITING_STATUSES:
            log.warning("unknown status, treated as pending: %.40s", status.word)
        await progress.report(fraction(status.progress))
        return False

    async def _collect(self, answer: Answer, result: Sample, request: ImageRequest, progress: Progress) -> None:
        if not (urls := pictures_in(answer.data(), "result")):
            await progress.forget()
            raise BadResponse("ready without a sample")
        seed = request.seed if result.seed is None else result.seed
        await collect(self._api, progress, urls=urls, seed=seed)


def _body(request: ImageRequest, sources: Sources, takes: Capabilities) -> dict[str, Any]:
    image, mask = encode_base64(sources.only_image()), encode_base64(sources.mask)
    pictures = {"image": image, "mask": mask} if mask else {"input_image": image}
    return without_none(
        {
            "prompt": request.prompt,
            "seed": request.seed,
            "steps": request.steps,
            "guidance": request.guidance_scale,
            "safety_tolerance": MOST_TOLERANT if request.safety_checker is False else None,
            "output_format": "png",
            **_size(request.size, takes),
            **pictures,
        }
    )


def _size(size: Size | None, takes: Capabilities) -> Mapping[str, Any]:
    if size is None or not takes.sizes:
        return {}
    if takes.size_range:
        return {"width": size.width, "height": size.height}
    divisor = gcd(*size)
    return {"aspect_ratio": f"{size.width // divisor}:{size.height // divisor}"}


def _raise_for_error(answer: Answer) -> Answer:
    """The response, or its error, which blames the first known field of a `validation_error`."""
    refusal = None if answer.ok else answer.parse_or_none(Refusal)
    if error := answer.error(option=option_of_field(refusal.details) if refusal else None):
        raise error
    return answer


def _error_text(status: Status) -> str:
    """The status, with its error, message and details where there are any."""
    told = (each for each in (status.error, status.message, status.details) if each is not None)
    texts = (each if isinstance(each, str) else to_json(each).decode() for each in told)
    return one_line(": ".join((status.status, *texts)))
