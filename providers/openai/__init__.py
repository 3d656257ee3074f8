"""OpenAI's image API, and compatible servers: LocalAI, stable-diffusion.cpp, Together, xAI, LiteLLM…

Facts: see `profiles`, which holds the differences between servers. OpenAI itself streams a single picture, preceded by
two unfinished ones; several come in one response. Pictures are PNG. Not sent: complexity and input_fidelity, for which
members have no option, and `safety_identifier`, because no member's id reaches a provider. There is no price but that
of the tokens used; only closing the connection cancels. Undocumented, and so read leniently: the format of
`shutdown_date` (ISO or a number), errors and `[DONE]` within a stream, Together's bare list of models.
"""

import logging
from collections.abc import Sequence
from contextlib import nullcontext
from typing import NamedTuple
from urllib.parse import urljoin

from pydantic import Field
from yarl import URL

from domain import (
    BadResponse,
    Cause,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Model,
    Picture,
    ProviderError,
    Sources,
    Timeout,
    Unavailable,
)
from providers.http.answers import Answer, one_line
from providers.http.encoding import decode_picture_async
from providers.http.failures import blaming_model
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider, keep_all
from providers.kit.model_lists import cap_models, choose_models, limit_quality
from providers.kit.own_server import Authorization, OwnServerSettings
from providers.kit.results import collect
from providers.kit.settings import ProviderSettings
from providers.kit.variables import Integer
from providers.openai.calls import MAX_IMAGE_BYTES, Drawing, drawing_for
from providers.openai.profiles import MINIMAL, OPENAI, PROFILES, Profile, is_gpt_image, profile_for, title_for
from providers.openai.replies import Descriptions, Item, Listed, ModelList, error_of, failure_of, is_past, items_of
from providers.openai.streaming import Stream, is_event_stream

log = logging.getLogger(__name__)

LOW_QUALITY = "low"
SELF_HOSTED_SECONDS = 600.0
"""Time limit of a call to a self-hosted server, which may run on a CPU; the job's deadline comes first."""


class OpenAISettings(ProviderSettings):
    previews: Integer = Field(
        default=1,
        ge=0,
        le=3,
        description="How many unfinished pictures are shown while one is drawn: OpenAI bills each like 100 image "
        "tokens. None where the quality is `low`, or where the host has set a best quality.",
    )


class OpenAICompatible(Provider):
    """An OpenAI-compatible server with the dialect of its profile."""

    def __init__(self, settings: ProviderSettings, transport: Transport, name: str, profile: Profile = MINIMAL) -> None:
        self.name = name
        super().__init__(settings, transport)
        self._profile = profile.at_url(settings.base_url)
        self.title = title_for(name)
        self._base_url = _versioned(settings.base_url or self._profile.base_url)
        login = settings.authorization if isinstance(settings, OwnServerSettings) else None
        usual = Authorization(header="Authorization", prefix="Bearer ", key=settings.api_key)
        self._api = self.api(self._base_url, **(login or usual))
        documented = self._models(self._profile.models)
        self._host_models = (
            limit_quality(settings, choose_models(settings, documented, self._model)) if settings.models else ()
        )
        self._discovery = self.discovery(self._offered, limit_quality(settings, documented))

    async def offered(self) -> Sequence[Model]:
        return self.facts.without_ended(self._host_models) or await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        with blaming_model() if self._profile.is_proxy else nullcontext():
            await self._generate(request, sources, progress)

    async def _generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is not None:
            await collect(self._api, progress, **progress.remembered)
            return
        items = await self._draw(request, sources, progress)
        urls = [self._absolute_link(item.link) for item in items if item.link]
        if urls and len(urls) == len(items):
            await collect(self._api, progress, urls=urls, seed=request.seed)
            return

        async def picture(numbered: tuple[int, Item]) -> Picture:
            place, item = numbered
            return await self._picture(item, self._seed(request, place))

        await keep_all(progress, enumerate(items), picture)

    async def check(self) -> Health:
        try:
            count = len(await self._discover())
        except InvalidRequest:
            return Health(reachable=True, models=None, key="not tested, because there is no list of models")
        accepted = "accepted" if self._profile.base_url else "not refused"  # a list may need no key
        return Health(reachable=True, models=count, key=accepted if self.settings.api_key else "none is set")

    async def _draw(self, request: ImageRequest, sources: Sources, progress: Progress) -> list[Item]:
        """The pictures that remain to be saved; a stream saves its picture itself, unless it is a link."""
        stream = Stream(progress)
        previews = self._previews(request)
        drawing = await drawing_for(self._profile, request, sources, previews=previews)
        try:
            return await self._send(drawing, stream if previews else None)
        except (Unavailable, Timeout, BadResponse) as error:
            if stream.to_fetch is None:
                raise
            log.info("%s: the stream broke after its picture: %s", self.name, error)
            return stream.to_fetch

    def _previews(self, request: ImageRequest) -> int:
        """How many unfinished pictures to ask for; none where the host or the member saves, as each is billed."""
        can_stream = self._profile.can_stream and request.count == 1 and is_gpt_image(request.model or "")
        saves = self.settings.quality is not None or request.quality == LOW_QUALITY
        return self.settings.previews if isinstance(self.settings, OpenAISettings) and can_stream and not saves else 0

    async def _send(self, drawing: Drawing, stream: Stream | None) -> list[Item]:
        seconds = SELF_HOSTED_SECONDS if self._profile.is_self_hosted else None
        on_event = stream.handle if stream else None
        answer = await self._api.send("POST", drawing.path, seconds=seconds, on_event=on_event, **drawing.options)
        if id := answer.headers.get("x-request-id"):
            log.info("%s: %s, request %s", self.name, answer.status, one_line(id))
        if error := error_of(answer):
            raise error
        if stream is None or not is_event_stream(answer):
            return self._items(answer)
        await stream.handle_all(answer)
        if stream.to_fetch is None:
            raise Unavailable(cause=Cause.STREAM_ENDED)
        return stream.to_fetch

    def _items(self, answer: Answer) -> list[Item]:
        data = items_of(answer)
        if data:
            return sorted(data, key=lambda item: item.index or 0)
        is_refusal = data == [] and self._profile.empty_is_refusal
        raise failure_of(answer) or (ContentRejected("no picture came back") if is_refusal else BadResponse("no data"))

    def _seed(self, request: ImageRequest, place: int) -> int | None:
        if request.seed is None or not self._profile.extra_args:
            return request.seed
        return request.seed + place

    async def _picture(self, item: Item, seed: int | None) -> Picture:
        if item.link:
            return await self._api.fetch(self._absolute_link(item.link), seed=seed)
        if item.picture:
            return Picture(data=await decode_picture_async(item.picture), seed=seed)
        refused = self._profile.empty_is_refusal or item.respect_moderation is False
        raise ContentRejected("a picture was filtered") if refused else BadResponse("an item without a picture")

    def _absolute_link(self, url: str) -> str:
        """Resolve a relative link; an invalid one fails later, at its own download."""
        try:
            return urljoin(self._base_url, url) if url.startswith("/") else url
        except ValueError:
            return url

    async def _offered(self) -> Sequence[Model]:
        return limit_quality(self.settings, await self._discover())

    async def _discover(self) -> tuple[Model, ...]:
        listed = (await self._api.get_json("models")).raise_for_status().parse(ModelList).data
        others = await self._models_that_do_not_draw()
        has_types = any(each.type == "image" for each in listed)
        ids = [each.id for each in listed if (not has_types or each.type == "image") and self._is_offered(each)]
        ids = [id for id in ids if id not in others]
        titles = dict(self._profile.models)
        places = {id: place for place, id in enumerate(titles)}
        ids.sort(key=lambda id: places.get(id, len(places)))
        return self._models([(id, titles.get(id, id)) for id in cap_models(ids, self.settings, str)])

    async def _models_that_do_not_draw(self) -> set[str]:
        """Ids of the server's other models, such as for chat; none if it does not tell."""
        if not self._profile.describes_models:
            return set()
        try:
            return (await self._api.get_json("model/info")).raise_for_status().parse(Descriptions).others
        except (ProviderError, BadResponse) as error:
            log.info("%s: which models draw is not told: %s", self.name, error)
            return set()

    def _is_offered(self, listed: Listed) -> bool:
        profile, id = self._profile, listed.id
        ended = is_past(listed.shutdown_date) or self.facts.has_ended(id)
        return not ended and (not profile.id_prefixes or id.startswith(profile.id_prefixes))

    def _models(self, pairs: Sequence[tuple[str, str]]) -> tuple[Model, ...]:
        return tuple(self._model(id, title) for id, title in pairs)

    def _model(self, id: str, title: str = "") -> Model:
        return Model(id=id, title=title or id, capabilities=self._profile.capabilities(id))


class Streaming(OpenAICompatible):
    reports = frozenset({"preview"})


class SelfHosted(OpenAICompatible):
    is_paid = False
    is_external = False


class OpenAI(Streaming):
    name = "openai"
    title = "OpenAI"
    max_image_bytes = MAX_IMAGE_BYTES - 1
    settings_type = OpenAISettings

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport, self.name, OPENAI)


class CompatibleSettings(OpenAISettings, OwnServerSettings):
    """Settings of a server listed in OPENAI_COMPATIBLE."""

    profile: str | None = Field(
        default=None,
        description=f"What a server that `OPENAI_COMPATIBLE` names understands: {', '.join(PROFILES)}. Unset: its name "
        "tells.",
    )

    def facts_file(self, name: str) -> str:
        return profile_for(self.profile or name).facts

    @property
    def has_unused_values(self) -> bool:
        return True  # its name in OPENAI_COMPATIBLE is a value


class CompatibleServer(NamedTuple):
    """Registry entry of an OpenAI-compatible server listed by the host."""

    name: str
    settings_type = CompatibleSettings

    def missing_setting(self, settings: CompatibleSettings) -> str | None:
        if not settings.base_url and not self._profile(settings).base_url:
            return f"set {self.name.upper()}_BASE_URL"
        return None if settings.base_url or settings.api_key else f"set {self.name.upper()}_API_KEY"

    def invalid_setting(self, settings: CompatibleSettings) -> str | None:
        return OpenAICompatible.invalid_setting(settings) or settings.two_logins(self.name)

    def __call__(self, settings: CompatibleSettings, transport: Transport) -> OpenAICompatible:
        profile = self._profile(settings)
        kind = SelfHosted if profile.is_self_hosted else Streaming if profile.can_stream else OpenAICompatible
        return kind(settings, transport, self.name, profile)

    def _profile(self, settings: CompatibleSettings) -> Profile:
        return profile_for(settings.profile or self.name)


def _versioned(base_url: str) -> str:
    """Append /v1 to a URL without a path."""
    return f"{base_url.rstrip('/')}/v1" if URL(base_url).path in ("", "/") else base_url
