"""fal: a job queue in front of many apps; status and result are polled at URLs from the submit response.

Facts: fal-client 1.0.3, its documentation, and the types of @fal-ai/client 1.10.1 (what each app takes). Its key goes
only to queue.fal.run and to the configured host. The safety checker replaces a blocked picture by a black one. To
verify: white in a mask is repainted, and 403 with a word about money is an empty account.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Annotated, Any

from pydantic import BeforeValidator

from domain import (
    Acceptance,
    BadResponse,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Model,
    ProviderFailure,
    QuotaError,
    Sources,
    Timeout,
    Unavailable,
)
from domain.numbers import Place, Seconds, Seed
from providers.fal.apps import app_of
from providers.fal.inputs import body, capabilities
from providers.http.answers import Answer, one_line
from providers.http.api import path_segments, without_none
from providers.http.calls import acceptance_of
from providers.http.failures import failure_for
from providers.http.parsing import NONE_IF_INVALID, Reply
from providers.http.transport import Transport
from providers.kit.base import Progress, Provider
from providers.kit.model_lists import choose_models
from providers.kit.polling import JobEnded, PollIntervals, poll
from providers.kit.results import collect, picture_of, pictures_in
from providers.kit.settings import ProviderSettings

BASE_URL = "https://queue.fal.run"
KEY_DOMAIN = "queue.fal.run"
MODELS = (
    ("fal-ai/flux/schnell", "FLUX.1 schnell"),
    ("fal-ai/flux/dev", "FLUX.1 dev"),
    ("fal-ai/flux-pro/v1.1", "FLUX 1.1 pro"),
    ("fal-ai/flux-2", "FLUX.2 dev"),
    ("fal-ai/flux-2-pro", "FLUX.2 pro"),
    ("fal-ai/flux-2/edit", "FLUX.2 dev, editing"),
    ("fal-ai/flux/dev/image-to-image", "FLUX.1 dev, from an image"),
    ("fal-ai/flux-pro/kontext", "FLUX.1 Kontext pro"),
    ("fal-ai/flux-pro/v1/fill", "FLUX.1 Fill pro"),
)
"""No call of its queue lists the apps; a host names others in FAL_MODELS."""
REQUEST_ID_HEADER = "x-fal-request-id"
TIMEOUT_HEADER = "X-Fal-Request-Timeout-Type"
RESULT_INTERVALS = PollIntervals(first=0.1)


class Accepted(Reply):
    request_id: str
    status_url: str
    response_url: str
    cancel_url: str | None = None


class Status(Reply):
    status: str
    queue_position: Place = None
    error: Any = None
    error_type: Annotated[str | None, NONE_IF_INVALID] = None


def _entry_picture(entry: Any) -> str:
    return picture_of(entry, "url")


class Timings(Reply):
    inference: Seconds = None


class Result(Reply):
    images: Annotated[list[Annotated[str, BeforeValidator(_entry_picture)]] | None, NONE_IF_INVALID] = None
    seed: Seed = None
    has_nsfw_concepts: Annotated[list[Annotated[bool | None, NONE_IF_INVALID]] | None, NONE_IF_INVALID] = None
    timings: Annotated[Timings | None, NONE_IF_INVALID] = None

    @property
    def allowed(self) -> list[str]:
        """The links to pictures that are not black."""
        flags = self.has_nsfw_concepts or []
        black = {place for place, flag in enumerate(flags) if flag}
        return [image for place, image in enumerate(self.images or ()) if image and place not in black]


class Kind(Reply):
    type: str


class Refusal(Reply):
    """An error in either of its forms."""

    detail: list[Kind] | Kind


class Fal(Provider):
    name = "fal"
    title = "fal"
    reports = frozenset({"position"})

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        self._api = self.api(
            settings.base_url or BASE_URL,
            header="Authorization",
            prefix="Key ",
            key=settings.api_key,
            domains=(KEY_DOMAIN,),
        )

    async def offered(self) -> Sequence[Model]:
        return choose_models(self.settings, [_model(id, title) for id, title in MODELS], _model)

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None:
            await self._submit(request, sources, progress)
        ref = progress.remembered or {}
        if "urls" in ref:
            await collect(self._api, progress, **ref)
            return
        status = partial(self._ask, _without_logs(ref["status_url"]), progress)
        result = partial(self._ask, ref["response_url"], progress, is_result=True)
        await poll(self.transport, progress, status, partial(self._is_completed, result=result, progress=progress))
        await poll(self.transport, progress, result, partial(self._collect_result, progress=progress), RESULT_INTERVALS)

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        if url := ref.get("cancel_url"):
            (await self._api.send("PUT", url)).raise_for_status()

    async def _submit(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        id = request.model or MODELS[0][0]
        fields = body(app_of(id), request, sources)
        answer = await self._api.send("POST", path_segments(id), json=fields, acceptance=_acceptance)
        if error := _error(answer):
            raise error
        accepted = answer.parse(Accepted)
        for link in (accepted.status_url, accepted.response_url):
            self._api.url(link)  # raises for a URL on another host, before anything is remembered
        await progress.remember(without_none(accepted.model_dump()))

    async def _ask(self, url: str, progress: Progress, *, is_result: bool = False) -> Answer:
        """One poll, without retries: a request that hit fal's own time limit must not be polled again.

        is_result: asks for the result. A response with a request id is fal's own, and so the outcome, even with status
        500; one without comes from a gateway, and is asked for again (as in fal's client).
        """
        answer = await (self._api.get if is_result else self._api.get_json)(url, tries=1)
        if answer.status == 504 and TIMEOUT_HEADER in answer.headers:
            return replace(answer, status=410)
        if answer.status >= 500 and is_result and REQUEST_ID_HEADER in answer.headers:
            await progress.forget()
            raise JobEnded(_error(answer) or BadResponse(f"{answer.status}"))
        error = None if answer.status in (404, 410) else _error(answer)
        if isinstance(error, QuotaError):
            raise error  # the job stays valid, and can be polled once the account has credit
        if isinstance(error, (ContentRejected, InvalidRequest)):
            await progress.forget()
            raise error
        return answer

    async def _is_completed(
        self, answer: Answer, *, result: Callable[[], Awaitable[Answer]], progress: Progress
    ) -> bool:
        status = answer.parse(Status)
        if status.status.upper() != "COMPLETED":
            await progress.report(position=status.queue_position)
            return False
        if status.error or status.error_type:
            with suppress(Unavailable, Timeout):
                await result()  # raises the reason, which fal's client also reads there
            await progress.forget()
            raise failure_for("; ".join(filter(None, (answer.error_text(), one_line(status.error_type or "")))))
        return True

    async def _collect_result(self, answer: Answer, *, progress: Progress) -> bool:
        result = answer.parse(Result)
        black = not result.allowed and any(result.images or ())
        urls = [] if black else result.allowed or pictures_in(answer.data())
        if not urls:
            await progress.forget()
            raise ContentRejected("a black picture: has_nsfw_concepts") if black else BadResponse("no picture")
        seconds = result.timings.inference if result.timings else None
        await collect(self._api, progress, urls=urls, seed=result.seed, seconds=seconds)
        return True


def _model(id: str, title: str = "") -> Model:
    return Model(id=id, title=title or id, capabilities=capabilities(app_of(id)))


def _acceptance(answer: Answer) -> Acceptance:
    """Unknown after a 503 with a request id: it comes from fal itself, not from a gateway (as in fal's client)."""
    is_its_own = answer.status == 503 and REQUEST_ID_HEADER in answer.headers
    return Acceptance.UNKNOWN if is_its_own else acceptance_of(answer)


def _without_logs(status_url: str) -> str:
    return f"{status_url}{'&' if '?' in status_url else '?'}logs=0"


def _error(answer: Answer) -> ProviderFailure | None:
    """The error of a response; fal puts the reason into `type`, not into the message."""
    if answer.ok:
        return None
    text = "; ".join(filter(None, (answer.error_text(), *_types(answer))))
    return answer.error(text, reference=answer.headers.get(REQUEST_ID_HEADER))


def _types(answer: Answer) -> list[str]:
    refusal = answer.parse_or_none(Refusal)
    detail = refusal.detail if refusal else []
    named = [kind.type for kind in (detail if isinstance(detail, list) else [detail])]
    return [one_line(each) for each in (*named, answer.headers.get("x-fal-error-type")) if each]
