"""Google Gemini: pictures among parts, refusals in several forms, and its models; the error texts are ours.

Its pictures have half the sides that a ratio stands for, to be quick.
"""

import base64
import binascii
import io
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image
from pydantic import Field

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, Unexpected, expect

MODEL = "gemini-2.5-flash-image"
NO_SIZES = "gemini-3.1-flash-lite-image"
"""A model that does not take imageSize."""
FINE = "gemini-3-pro-image"
NEWEST = "gemini-nano-banana-2.1"
"""A drawing model without "image" in its name."""
ENDED = "gemini-3.1-flash-image"
SIDES = {
    "1:1": (512, 512),
    "2:3": (416, 624),
    "3:2": (624, 416),
    "3:4": (432, 592),
    "4:3": (592, 432),
    "9:16": (384, 672),
    "16:9": (672, 384),
    "21:9": (768, 336),
}
BLOCKED = (
    *("BLOCKED_REASON_UNSPECIFIED", "SAFETY", "OTHER", "BLOCKLIST", "PROHIBITED_CONTENT"),
    *("IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"),
)
"""All values of BlockedReason, in google-genai 3.6.1."""
REFUSED = (
    *("SAFETY", "PROHIBITED_CONTENT", "BLOCKLIST", "SPII", "RECITATION"),
    *("IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    *("ESCALATION", "MODEL_ARMOR", "LANGUAGE"),
)
MISSED = (
    *("NO_IMAGE", "IMAGE_OTHER", "OTHER", "MALFORMED_RESPONSE", "FINISH_REASON_UNSPECIFIED"),
    *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "MISSING_THOUGHT_SIGNATURE"),
)
ENDED_NORMALLY = ("STOP", "MAX_TOKENS", "CONTINUATION")
ACCOUNT_LIMITED = "PUP_LIMITED_DISABLED"
FINISHED = (*REFUSED, *MISSED, *ENDED_NORMALLY, ACCOUNT_LIMITED)
"""All values of FinishReason, in google-genai 3.6.1."""
NO_QUOTA = "Quota exceeded for metric: generate_content_free_tier_requests, limit: 0, model: gemini-2.5-flash-image"
STATUSES = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
RETRY = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "34s"}
LONG_RETRY = {**RETRY, "retryDelay": "4000.5s"}
BAD_KEY = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
ERRORS: dict[str, tuple[int, str, list[dict[str, Any]]]] = {
    "minute": (429, "You exceeded your current quota", [{"@type": "Help", "links": []}, RETRY]),
    "long-minute": (429, "You exceeded your current quota", [LONG_RETRY]),
    "quota": (429, "You exceeded your current quota, please check your plan and billing details", []),
    "no-quota": (429, NO_QUOTA, [RETRY]),
    "bad-key": (400, "API key not valid. Please pass a valid API key.", [BAD_KEY]),
    "bad-key-reason": (400, "Request contains an invalid argument", [BAD_KEY]),
    "bad-key-text": (400, "API key expired. Please renew the API key.", []),
    "denied": (403, "The caller does not have permission", []),
    "overloaded": (503, "The model is overloaded", []),
    "argument": (400, "Request contains an invalid argument", []),
    "no-model": (404, "models/zz is not found", []),
}
LISTED = [
    {"name": "models/gemini-2.5-flash", "displayName": "Flash", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/imagen-4.0-generate-001", "supportedGenerationMethods": ["predict"]},
    {"name": "models/gemini-4-image", "displayName": "Four", "supportedGenerationMethods": ["generateContent"]},
    {"name": "models/gemini-5-image-live", "supportedGenerationMethods": ["bidiGenerateContent"]},
    {"name": f"models/{MODEL}", "displayName": "Nano", "supportedGenerationMethods": ["generateContent"]},
    {"name": f"models/{NO_SIZES}"},
    {"name": f"models/{ENDED}", "displayName": "Two", "supportedGenerationMethods": ["generateContent"]},
    {"name": f"models/{NEWEST}", "displayName": "Two One", "supportedGenerationMethods": ["generateContent"]},
]


class Inline(Body):
    mimeType: str = Field(pattern="^image/png$")  # noqa: N815 - the API's name
    data: str


class Part(Body):
    text: str | None = None
    inlineData: Inline | None = None  # noqa: N815 - the API's name


class Content(Body):
    role: str = Field(pattern="^user$")
    parts: list[Part] = Field(min_length=1)


class ImageConfig(Body):
    aspectRatio: str = "1:1"  # noqa: N815 - the API's name
    imageSize: str = Field("1K", pattern="^[124]K$")  # noqa: N815 - the API's name


class GenerationConfig(Body):
    responseModalities: list[str]  # noqa: N815 - the API's name
    imageConfig: ImageConfig = ImageConfig(imageSize="1K")  # noqa: N815 - the API's name


class Wanted(Body):
    contents: list[Content] = Field(min_length=1, max_length=1)
    generationConfig: GenerationConfig  # noqa: N815 - the API's name


class GeminiReplay(Replay):
    name = "gemini"
    model = MODEL
    embeds = True
    cases: ClassVar = {
        **{name: f"{status} {text}" for name, (status, text, _) in ERRORS.items()},
        **{f"block-{reason}": f"the prompt is blocked: {reason}" for reason in BLOCKED},
        **{f"finish-{reason}": f"ended without content: {reason}" for reason in FINISHED},
        **{f"once-{reason}": f"{reason}, then success" for reason in MISSED},
        "missed-then-minute": "NO_IMAGE, then the limit of a minute",
        "block-sentence": "the prompt is blocked, with a sentence",
        "new-reason": "ended for a reason that is newer than Easel, with a sentence",
        "words": "only words",
        "words-no-image": "words, ended with NO_IMAGE, then success",
        "silent": "ended with STOP and nothing else",
        "no-candidates": "no candidates at all",
        "snake": "the fields in snake case",
        "data-url": "the picture as a data: URL in a text",
        "null-thought": "nulls beside the picture",
        "null-data": "a text beside a picture that is null, before the one that counts",
        "null-names": "null under one name, the picture under the other",
        "thoughts": "a picture that was a thought, before the one that counts",
        "only-thought": "no picture but a thought",
        "lists-empty": "no models",
        "lists-words": "no model that draws",
    }

    async def answer(self, call: Call) -> web.Response:
        expect("key" not in call.query and self.key not in call.path + call.query, "a key in the URL")
        if call.headers.get("x-goog-api-key") != self.key:
            return self.refusal(*ERRORS["bad-key"])
        if call.case in ERRORS:
            return self.refusal(*ERRORS[call.case])
        if call.case == "missed-then-minute" and self.hit(call) > 1:
            return self.refusal(*ERRORS["minute"])
        match call.method, call.path:
            case "GET", "/v1beta/models":
                expect(call.query == "pageSize=1000", "an unknown query")
                listed = {"lists-empty": [], "lists-words": LISTED[:2]}.get(call.case, LISTED)
                return web.json_response({"models": listed, "nextPageToken": "zz"})
            case "POST", path if path.startswith("/v1beta/models/") and path.endswith(":generateContent"):
                return self._generate(call, path.removeprefix("/v1beta/models/").removesuffix(":generateContent"))
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str, details: list[dict[str, Any]] | None = None) -> web.Response:
        error = {"code": status, "message": text, "status": STATUSES.get(status, "UNAVAILABLE")}
        return web.json_response({"error": {**error, **({"details": details} if details else {})}}, status=status)

    def embedded(self, base64: str) -> Any:
        parts = [{"text": "Here it is:"}, {"inlineData": {"mimeType": "image/png", "data": base64}}]
        return _said(parts, "STOP")

    def _generate(self, call: Call, model: str) -> web.Response:
        wanted = call.parse(Wanted)
        expect(call.query == "", "a query")
        expect(model in (MODEL, NO_SIZES, FINE, NEWEST, "gemini-4-image"), f"no such model: {model}")
        expect(wanted.generationConfig.responseModalities == ["TEXT", "IMAGE"], "other modalities")
        config = wanted.generationConfig.imageConfig
        expect(config.aspectRatio in SIDES, f"no such ratio: {config.aspectRatio}")
        words, *pictures = wanted.contents[0].parts
        expect(words.text and not words.inlineData, "other parts")
        expect(len(pictures) <= (3 if model == MODEL else 14), "too many images")
        for each in pictures:
            _opened(each.inlineData)
        if model == NO_SIZES and "imageSize" in call.json["generationConfig"].get("imageConfig", {}):
            return self.refusal(400, 'Unknown name "imageSize" at generation_config.image_config')
        width, height = SIDES[config.aspectRatio]
        factor = int(config.imageSize[0])
        data = draw(words.text or "", (width * factor, height * factor))
        return web.json_response(self._result(call, base64.b64encode(data).decode()))

    def _result(self, call: Call, data: str) -> Any:
        kind, _, reason = call.case.partition("-")
        match kind, reason:
            case "block", "sentence":
                feedback = {"blockReason": "SAFETY", "blockReasonMessage": "Not this one"}
                return {"promptFeedback": feedback}
            case "block", _:
                return {"promptFeedback": {"blockReason": reason}, "usageMetadata": {"promptTokenCount": 5}}
            case "finish", _:
                return _said(None, reason)
            case "once", _ if self.hit(call) == 1:
                return _said([], reason)
            case "missed", _:
                return _said([], "NO_IMAGE")
            case "words", "":
                return _said([{"text": "I cannot draw"}, {"text": "that person."}], "STOP")
            case "words", _ if self.hit(call) == 1:
                return _said([{"text": "Here is your picture!"}], "NO_IMAGE")
            case "silent", _:
                return _said([], "STOP")
            case "no", "candidates":
                return {"usageMetadata": {"promptTokenCount": 5}}
            case _:
                return self._unusual(call.case, data) or self.embedded(data)

    def _unusual(self, case: str, data: str) -> Any:
        thought = {"thought": True, "inlineData": {"data": base64.b64encode(draw("a thought")).decode()}}
        match case:
            case "snake":
                parts: list[Any] = [{"inline_data": {"mime_type": "image/png", "data": data}}]
            case "data-url":
                parts = [{"text": f"Here: ![cat](data:image/png;base64,{data}) and more"}]
            case "null-thought":
                parts = [{"text": None, "thought": None, "inlineData": {"mimeType": None, "data": data}}]
            case "null-data":
                parts = [{"text": "Here", "inlineData": {"data": None}}, {"inlineData": {"data": data}}]
            case "null-names":
                parts = [{"inlineData": None, "inline_data": {"data": data}}]
            case "thoughts":
                parts = [{"text": "Hm", "thought": True}, thought, {"inlineData": {"data": data}}]
            case "only-thought":
                parts = [thought]
            case "new-reason":
                return _said(None, "ZZ", "Not for this account's age")
            case _:
                return None
        return _said(parts, "STOP")


def _said(parts: list[Any] | None, reason: str, message: str | None = None) -> Any:
    content: dict[str, Any] = {} if parts is None else {"content": {"role": "model", "parts": parts}}
    content |= {"finishMessage": message} if message else {}
    return {"candidates": [{**content, "finishReason": reason, "index": 0}], "usageMetadata": {"promptTokenCount": 5}}


def _opened(inline: Inline | None) -> None:
    try:
        Image.open(io.BytesIO(base64.b64decode(inline.data if inline else "", validate=True))).load()
    except (binascii.Error, OSError) as error:
        raise Unexpected(f"no base64 of a picture: {error}") from None
