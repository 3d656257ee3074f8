"""Replicate: any model of a huge catalogue, each with inputs of its own, polled by id.

Facts: its documentation and client 1.0.7. What a model takes is in `latest_version.openapi_schema` of
`GET /models/{owner}/{name}`; without it only prompt and seed are sent. A short `Prefer: wait` saves the polls of quick
models; it is short because a call that is cancelled meanwhile leaves no id to cancel. Polls go to `/predictions/{id}`,
never to the links in a response. `aborted` is a prediction that ended before it began (tryAGI/Replicate 6c8ab8e, a
copy of its OpenAPI document). Large files go up by `/files`, as in its client. To verify: that a model which is not run
by its name (404) runs by its newest version.
"""

import asyncio
import logging
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any, cast

from domain import (
    Acceptance,
    BadResponse,
    Cause,
    EaselError,
    ImageRequest,
    Model,
    ProviderError,
    Sources,
    Unavailable,
)
from domain.numbers import Seconds
from providers.http.answers import Answer
from providers.http.api import path_segment, path_segments, without_none
from providers.http.calls import acceptance_of
from providers.http.encoding import is_inline_picture
from providers.http.failures import blaming_model, failure_for
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider
from providers.kit.model_lists import choose_models, limit_quality
from providers.kit.polling import poll
from providers.kit.results import collect, is_link, pictures_in
from providers.kit.settings import ProviderSettings
from providers.replicate.files import upload_large
from providers.replicate.inputs import (
    UNKNOWN_SCHEMA,
    ModelSchema,
    capabilities,
    model_inputs,
    read_schema,
    takes_several_images,
)
from providers.replicate.refusals import raise_for_refusal

log = logging.getLogger(__name__)

BASE_URL = "https://api.replicate.com/v1"
MODELS = (
    ("black-forest-labs/flux-schnell", "FLUX.1 schnell"),
    ("black-forest-labs/flux-dev", "FLUX.1 dev"),
    ("black-forest-labs/flux-1.1-pro", "FLUX 1.1 pro"),
    ("black-forest-labs/flux-kontext-pro", "FLUX.1 Kontext pro"),
    ("black-forest-labs/flux-fill-pro", "FLUX.1 Fill pro"),
    ("stability-ai/stable-diffusion-3.5-large", "Stable Diffusion 3.5 Large"),
)
"""Well-known official names; a host names others in REPLICATE_MODELS."""
PREFER_WAIT = {"Prefer": "wait=2"}
VERSION = re.compile(r"(?:[^/:]+/[^/:]+:)?([0-9a-f]{64})")
"""A version's hash, alone or after its model's name."""
SCHEMA_OPTIONS = (
    "negative_prompt",
    "size",
    "strength",
    "steps",
    "guidance_scale",
    "scheduler",
    "quality",
    "style",
    "transparent",
)
PERCENT = re.compile(r"(\d{1,3})%\|")
FAILED_STATUSES = {"failed"}
STOPPED_STATUSES = {"canceled", "aborted"}
PENDING_STATUSES = {"starting", "processing"}


class Metrics(Reply):
    predict_time: Seconds = None


class Prediction(Reply):
    id: str
    status: str
    output: Any = None
    logs: Annotated[str | None, NONE_IF_INVALID] = None
    metrics: Annotated[Metrics | None, NONE_IF_INVALID] = None

    @property
    def word(self) -> str:
        return self.status.strip().lower()


class Version(Reply):
    id: str | None = None
    openapi_schema: Any = None


class Details(Reply):
    latest_version: Version | None = None


class Replicate(Provider):
    name = "replicate"
    title = "Replicate"
    reports = frozenset({"fraction"})

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        base_url = settings.base_url or BASE_URL
        self._api = self.api(base_url, header="Authorization", prefix="Bearer ", key=settings.api_key)
        self._schemas: dict[str, ModelSchema] = {}
        self._discovery = self.discovery(self._offered, limit_quality(settings, self._models()))

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None and await self._submit(request, sources, progress):
            return
        ref = progress.remembered or {}
        if "urls" in ref:
            await collect(self._api, progress, **ref)
        else:
            finished = partial(self._finished, seed=ref.get("seed"), progress=progress)
            await poll(
                self.transport, progress, partial(self._api.get, f"predictions/{path_segment(ref['id'])}"), finished
            )

    async def check(self) -> Health:
        named = next((model.id for model in self._models() if _model_name(model.id)), None)
        if named is None:
            return await super().check()
        await self._load_schema(named)
        return Health(reachable=True, models=None, key="accepted")

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        if id := ref.get("id"):
            (await self._api.send("POST", f"predictions/{path_segment(id)}/cancel")).raise_for_status()

    async def _submit(self, request: ImageRequest, sources: Sources, progress: Progress) -> bool:
        """Submit; True where the response holds the pictures already."""
        id = request.model or MODELS[0][0]
        schema = await self._schema_of(id, is_required=_needs_schema(request, sources))
        if not takes_several_images(schema):
            sources.only_image()  # raises for a second one, before anything is uploaded
        inputs = model_inputs(schema, request, await upload_large(self._api, sources))
        seed = inputs.get("seed")
        version = VERSION.fullmatch(id)
        answer = await self._post(id, version[1] if version else None, inputs)
        if answer.status == 404 and not version and schema.version:
            answer = await self._post(id, schema.version, inputs)
        raise_for_refusal(answer)
        await progress.remember(without_none({"id": answer.parse(Prediction).id, "seed": seed}))
        return await self._finished(answer, seed=seed, progress=progress)

    async def _post(self, id: str, version: str | None, inputs: Mapping[str, Any]) -> Answer:
        path = "predictions" if version else f"models/{path_segments(id)}/predictions"
        body = without_none({"version": version, "input": inputs})
        return await self._api.send("POST", path, json=body, headers=PREFER_WAIT, acceptance=_acceptance)

    async def _finished(self, answer: Answer, *, seed: int | None, progress: Progress) -> bool:
        prediction = answer.parse(Prediction)
        if prediction.word == "succeeded":
            await self._collect(answer, prediction, seed, progress)
            return True
        if prediction.word in FAILED_STATUSES | STOPPED_STATUSES:
            await progress.forget()
            if prediction.word in STOPPED_STATUSES:
                raise Unavailable(prediction.word, cause=Cause.STOPPED, blames_model=True)
            with blaming_model():  # the message is of the model's code, which may call other APIs with its own key
                raise failure_for(answer.error_text())
        if prediction.word not in PENDING_STATUSES:
            log.warning("unknown status, treated as pending: %.40s", prediction.word)
        await progress.report(fraction=fraction(prediction.logs or ""))
        return False

    async def _collect(self, answer: Answer, prediction: Prediction, seed: int | None, progress: Progress) -> None:
        urls = output_links(prediction.output) or pictures_in(answer.data())
        if not urls:
            await progress.forget()
            raise BadResponse("succeeded without a picture")
        seconds = prediction.metrics.predict_time if prediction.metrics else None
        await collect(self._api, progress, urls=urls, seed=seed, seconds=seconds)

    async def _schema_of(self, id: str, *, is_required: bool) -> ModelSchema:
        """A model's schema, loaded where it is not cached.

        is_required: raise where it cannot be loaded, so that no paid call lacks an option of the request.
        """
        if id not in self._schemas and _model_name(id):
            try:
                await self._load_schema(id)
            except ProviderError as error:
                if is_required and isinstance(error, BadResponse):
                    why = f"a model's schema could not be read: {error}"
                    raise Unavailable(why, taken=Acceptance.NOT_TAKEN) from None
                if is_required:
                    error.taken = Acceptance.NOT_TAKEN
                    raise
                log.warning("only prompt and seed are sent, a model's schema could not be read: %s", error)
        return self._schemas.get(id, UNKNOWN_SCHEMA)

    async def _load_schema(self, id: str) -> None:
        answer = await self._api.get_json(f"models/{path_segments(_model_name(id))}")
        version = answer.raise_for_status().parse(Details).latest_version or Version()
        self._schemas[id] = read_schema(version.openapi_schema)._replace(version=version.id)

    async def _offered(self) -> Sequence[Model]:
        return limit_quality(self.settings, await self._discover())

    async def _discover(self) -> Sequence[Model]:
        """Load each model's schema separately: an error of one must not affect the others."""
        ids = [model.id for model in self._models() if _model_name(model.id)]
        results = await asyncio.gather(*map(self._load_schema, ids), return_exceptions=True)
        errors = {id: error for id, error in zip(ids, results, strict=True) if error}
        for id, error in errors.items():
            if len(errors) == len(ids) or not isinstance(error, EaselError):
                raise error
            log.warning("the schema of %s could not be read: %s", id, error)
        return self._models()

    def _models(self) -> Sequence[Model]:
        documented = [self._model(id, title) for id, title in MODELS]
        return choose_models(self.settings, documented, lambda id: self._model(id, id))

    def _model(self, id: str, title: str) -> Model:
        return Model(id=id, title=title, capabilities=capabilities(self._schemas.get(id, UNKNOWN_SCHEMA)))


def _acceptance(answer: Answer) -> Acceptance:
    """Unknown after a 503: with `Prefer: wait` the prediction exists before the response."""
    return Acceptance.UNKNOWN if answer.status == 503 else acceptance_of(answer)


def _needs_schema(request: ImageRequest, sources: Sources) -> bool:
    """Whether the request has more than prompt and seed, which every model takes."""
    return bool(sources.images) or request.count > 1 or any(getattr(request, name) for name in SCHEMA_OPTIONS)


def _model_name(id: str) -> str:
    """owner/name; empty for a bare version."""
    name, _, _ = id.partition(":")
    return name if "/" in name else ""


def output_links(output: Any) -> list[str]:
    """All links in an output: a string, a list or an object."""
    if isinstance(output, str):
        return [text] if is_link(text := output.strip()) or is_inline_picture(text) else []
    if isinstance(output, dict):
        output = list(cast("dict[str, Any]", output).values())
    return (
        [link for each in cast("list[Any]", output) for link in output_links(each)] if isinstance(output, list) else []
    )


def fraction(logs: str) -> float | None:
    """Progress of the last progress bar in the logs, such as ` 45%|####    | 9/20`."""
    found = PERCENT.findall(logs)
    return min(int(found[-1]), 100) / 100 if found else None
