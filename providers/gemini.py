"""Google Gemini: one picture a call, from words or from words and images, returned as base64 between parts of text.

Facts: google-genai 3.6.1. It takes a ratio and no size in pixels, so each size stands for its ratio at 1K or 2K; 4K is
not offered, because its files exceed every upload limit of Discord. It has no negative prompt, steps, guidance or
mask; its seed guarantees nothing and is not sent. A refusal has status 200, and a reason or only a text; a wrong key
has status 400.

Read leniently, because not confirmed: the details of errors, the pixels behind a ratio, `pageSize`, which models know
`imageSize` (2K is offered by the third generation; 1K is what is drawn where a model does not know the word), pictures
among thoughts (reported by users), a data: URL in the text (of proxies).
"""

import re
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Annotated, Any

from pydantic import AliasChoices, Field

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Model,
    Picture,
    ProviderError,
    QuotaError,
    RateLimited,
    Size,
    Sources,
)
from providers.http.answers import Answer, one_line
from providers.http.api import path_segment
from providers.http.encoding import decode_picture_async, encode_base64, is_inline_picture
from providers.http.failures import blaming_model
from providers.http.parsing import NONE_IF_INVALID, SKIP_INVALID_ENTRIES, Reply
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider
from providers.kit.model_lists import BoundedList, cap_models, choose_models
from providers.kit.results import pictures_in
from providers.kit.settings import ProviderSettings

BASE_URL = "https://generativelanguage.googleapis.com"
MAX_IMAGE_BYTES = 14_000_000
"""A request of inline data has 20 MB at most, and base64 takes a third more than the file."""
RATIOS = {
    Size(1024, 1024): "1:1",
    Size(1344, 768): "16:9",
    Size(768, 1344): "9:16",
    Size(1184, 864): "4:3",
    Size(864, 1184): "3:4",
    Size(1248, 832): "3:2",
    Size(832, 1248): "2:3",
    Size(1536, 672): "21:9",
}
IMAGE_CONFIGS = {
    Size(size.width * factor, size.height * factor): {"aspectRatio": ratio, "imageSize": f"{factor}K"}
    for factor in (1, 2)
    for size, ratio in RATIOS.items()
}
DRAWING_FAMILIES = ("image", "nano-banana")
"""Words in the ids of Gemini models that generate images; the list has no field for that."""
REFUSED_FINISH_REASONS = {
    *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    *("ESCALATION", "MODEL_ARMOR", "LANGUAGE"),
}
RETRYABLE_FINISH_REASONS = {
    *("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED"),
    *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"),
}
"""Finish reasons after which the call is repeated once."""
NORMAL_FINISH_REASONS = {"STOP", "MAX_TOKENS", "CONTINUATION"}
ACCOUNT_FINISH_REASONS = {"PUP_LIMITED_DISABLED"}
"""Google has limited or disabled the host's account."""
IMAGE_SIZE = re.compile("image_?size", re.IGNORECASE)
DATA_URL_IN_TEXT = re.compile(r"data:image/[\w.+-]+;base64,[A-Za-z0-9+/_=-]+")
NO_QUOTA = re.compile(r"\blimit: 0\b")
"""In the text of a 429: this account has no quota at all for the model, and no delay helps."""
WRONG_KEY = re.compile(r"API_KEY_INVALID|api.?key.{0,20}(?:not valid|invalid|expired)", re.IGNORECASE)


class Inline(Reply):
    data: str = ""


class ContentPart(Reply):
    text: str | None = None
    camel: Annotated[Inline | None, NONE_IF_INVALID] = Field(None, validation_alias="inlineData")
    snake: Annotated[Inline | None, NONE_IF_INVALID] = Field(None, validation_alias="inline_data")
    thought: Annotated[bool | None, NONE_IF_INVALID] = None

    @property
    def picture(self) -> str:
        """In base64; proxies spell the field either way, or write a data URL."""
        inline = next((each.data for each in (self.camel, self.snake) if each and each.data.strip()), "")
        match = None if inline else DATA_URL_IN_TEXT.search(self.text or "")
        return match[0] if match else inline


class Content(Reply):
    parts: Annotated[list[ContentPart] | None, SKIP_INVALID_ENTRIES, NONE_IF_INVALID] = None


class Candidate(Reply):
    content: Annotated[Content | None, NONE_IF_INVALID] = None
    reason: str | None = Field(None, validation_alias=AliasChoices("finishReason", "finish_reason"))
    message: str | None = Field(None, validation_alias=AliasChoices("finishMessage", "finish_message"))

    @property
    def parts(self) -> list[ContentPart]:
        return (self.content and self.content.parts) or []

    @property
    def text(self) -> str:
        return one_line(" ".join(part.text for part in self.parts if part.text and not part.thought))


class Feedback(Reply):
    reason: str | None = Field(None, validation_alias=AliasChoices("blockReason", "block_reason"))
    message: str | None = Field(None, validation_alias=AliasChoices("blockReasonMessage", "block_reason_message"))


class Result(Reply):
    candidates: Annotated[list[Candidate] | None, SKIP_INVALID_ENTRIES, NONE_IF_INVALID] = None
    feedback: Feedback | None = Field(None, validation_alias=AliasChoices("promptFeedback", "prompt_feedback"))


class Detail(Reply):
    reason: str = ""


class ErrorBody(Reply):
    details: list[Detail]


class Refusal(Reply):
    error: ErrorBody


class Listed(Reply):
    name: str
    title: str | None = Field(None, validation_alias="displayName")
    methods: list[str] | None = Field(None, validation_alias="supportedGenerationMethods")

    @property
    def id(self) -> str:
        return self.name.removeprefix("models/")


class ModelList(Reply):
    models: BoundedList[Listed]


class Gemini(Provider):
    name = "gemini"
    title = "Google Gemini"
    max_image_bytes = MAX_IMAGE_BYTES

    def __init__(self, settings: ProviderSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = (settings.base_url or BASE_URL).rstrip("/").removesuffix("/v1beta") + "/v1beta"
        self._api = self.api(root, header="x-goog-api-key", key=settings.api_key)
        self._discovery = self.discovery(self._offered, self._models(self.facts.listed))

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        model, body = request.model or self.facts.default_id, _body(request, sources)
        data = await self._draw(model, body)
        if data is None:
            with ProviderError.after_acceptance():
                data = await self._draw(model, body)
        if data is None:
            raise BadResponse("no picture and no reason, twice")
        await progress.keep(Picture(data=data))

    async def check(self) -> Health:
        return Health(reachable=True, models=len(await self._discover()), key="accepted")

    async def _draw(self, model: str, body: dict[str, Any]) -> bytes | None:
        """One call; None where it should be repeated."""
        path = f"models/{path_segment(model)}:generateContent"
        answer = await self._api.post(path, body)
        if answer.status == 400 and IMAGE_SIZE.search(answer.error_text()):
            answer = await self._api.post(path, _without_image_size(body))
        found = _picture(_checked(answer).parse(Result), answer)
        return None if found is None else await decode_picture_async(found)

    async def _offered(self) -> Sequence[Model]:
        return self._models(await self._discover())

    def _models(self, listed: Sequence[Model]) -> Sequence[Model]:
        return choose_models(self.settings, listed, self.facts.model)

    async def _discover(self) -> Sequence[Model]:
        answer = _checked(await self._api.get_json("models?pageSize=1000"))
        listed = [each for each in answer.parse(ModelList).models if not self.facts.has_ended(each.id)]
        titles = {each.id: each.title for each in listed if _draws(each)}
        first = [model.id for model in self.facts.listed if model.id in titles]
        ids = cap_models(dict.fromkeys([*first, *titles]), self.settings, str)
        return [self.facts.model(id, one_line(titles[id] or "")) for id in ids]


def _body(request: ImageRequest, sources: Sources) -> dict[str, Any]:
    parts: list[dict[str, Any]] = [{"text": request.prompt}]
    parts += [{"inlineData": {"mimeType": "image/png", "data": encode_base64(each.data)}} for each in sources.images]
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    if request.size:
        config["imageConfig"] = IMAGE_CONFIGS[min(IMAGE_CONFIGS, key=request.size.distance)]
    return {"contents": [{"role": "user", "parts": parts}], "generationConfig": config}


def _without_image_size(body: dict[str, Any]) -> dict[str, Any]:
    """The body for a model that only takes ratios; raises InvalidRequest where another size was requested."""
    config = body["generationConfig"]
    shape = config.get("imageConfig", {})
    if shape.get("imageSize") != "1K":
        raise InvalidRequest("no such imageSize", option="size", taken=Acceptance.NOT_TAKEN)
    return {**body, "generationConfig": {**config, "imageConfig": {"aspectRatio": shape["aspectRatio"]}}}


def _picture(result: Result, answer: Answer) -> str | None:
    if result.feedback and result.feedback.reason:
        raise ContentRejected(said=_with_reason(result.feedback.reason, result.feedback.message))
    candidates = result.candidates or ()
    parts = sorted((part for each in candidates for part in each.parts), key=lambda part: bool(part.thought))
    found = [each for part in parts if (each := part.picture)] or filter(is_inline_picture, pictures_in(answer.data()))
    if first := next(iter(found), None):
        return first
    if not candidates:
        raise BadResponse("neither a candidate nor a reason")
    return _raise_for_reason(candidates[0])


def _raise_for_reason(candidate: Candidate) -> None:
    """Raise the reason why there is no picture; return where the call should be repeated."""
    reason = (candidate.reason or "").upper()
    if reason in REFUSED_FINISH_REASONS:
        raise ContentRejected(said=_with_reason(reason, candidate.message or candidate.text))
    if reason in RETRYABLE_FINISH_REASONS:
        return
    if reason in ACCOUNT_FINISH_REASONS:
        raise AuthError(said=_with_reason(reason, candidate.message), taken=Acceptance.NOT_TAKEN)
    if candidate.text:
        raise ContentRejected(said=candidate.text)
    if candidate.message and reason not in NORMAL_FINISH_REASONS:
        raise ContentRejected(said=_with_reason(reason, candidate.message))
    raise BadResponse(_with_reason("no picture", candidate.reason))


def _with_reason(reason: str, text: str | None) -> str:
    return one_line(f"{reason}: {text}" if text else reason)


def _checked(answer: Answer) -> Answer:
    """Like `raise_for_status`; a 429 that says "quota" is a rate limit where it has a retry delay."""
    if answer.status == 429 and NO_QUOTA.search(answer.error_text()):
        raise QuotaError(**answer.error_details(), blames_model=True, taken=Acceptance.NOT_TAKEN)
    if answer.status == 429 and (seconds := answer.retry_after()) is not None:
        raise RateLimited(**answer.error_details(), retry_after=seconds, taken=Acceptance.NOT_TAKEN)
    if answer.status == 400 and _is_wrong_key(answer):
        raise AuthError(**answer.error_details(), taken=Acceptance.NOT_TAKEN)
    with blaming_model() if answer.status == 429 else nullcontext():  # Google's rate limits are per model
        return answer.raise_for_status()


def _details(answer: Answer) -> list[Detail]:
    refusal = answer.parse_or_none(Refusal)
    return refusal.error.details if refusal else []


def _is_wrong_key(answer: Answer) -> bool:
    return any(WRONG_KEY.search(text) for text in (answer.error_text(), *(each.reason for each in _details(answer))))


def _draws(listed: Listed) -> bool:
    """Whether a listed model is supported; Imagen, also listed, has another endpoint."""
    is_drawing_model = listed.id.startswith("gemini") and any(word in listed.id for word in DRAWING_FAMILIES)
    return is_drawing_model and (listed.methods is None or "generateContent" in listed.methods)
