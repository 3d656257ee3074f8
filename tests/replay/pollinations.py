"""Pollinations: a picture by GET, cached by its URL, or by POST; the error texts are ours."""

import base64
import json
from typing import Any, ClassVar
from urllib.parse import parse_qsl, unquote

from aiohttp import web
from pydantic import Field, ValidationError

from tests.replay.pictures import SVG, draw, foreign
from tests.replay.server import Body, Call, Replay, Unexpected, expect
from tests.replay.sources import opened

LONGEST_URL = 2000
KINDS = {"png": "PNG", "webp": "WEBP"}
FOREIGN = foreign()
LISTED: list[Any] = [
    {
        "name": "kontext",
        "description": "FLUX.1 Kontext - In-context editing",
        "pricing": {"currency": "pollen", "promptImageTokens": "0.00001", "completionImageTokens": "0.00003"},
        "input_modalities": ["text", "image"],
        "output_modalities": ["image"],
        "aliases": [],
    },
    {
        "name": "flux",
        "description": "Flux Schnell - Fast and good",
        "pricing": {"currency": "pollen", "completionImageTokens": 0.001},
        "input_modalities": ["text"],
        "output_modalities": ["image"],
    },
    {"name": "veo", "input_modalities": ["text", "image"], "output_modalities": ["video"]},
    {"name": "gptimage", "pricing": None},
]
CODES = {400: "BAD_REQUEST", 401: "UNAUTHORIZED", 402: "PAYMENT_REQUIRED", 403: "FORBIDDEN", 429: "RATE_LIMITED"}
REFUSED = {
    "no-pollen": (402, "Insufficient pollen balance"),
    "unauthorized": (401, "A key is needed"),
    "forbidden": (403, "This key may not use this model"),
    "unprocessable": (422, "The prompt could not be read"),
    "rejected": (400, "The prompt was flagged by content moderation"),
    "broken": (500, "Something went wrong"),
    "bad-gateway": (502, "The upstream gave no answer"),
    "slow-for-ever": (502, "Upstream said 429: Too Many Requests"),
}
MODALITIES = {"input_modalities": "text", "output_modalities": "image"}
ODD_LISTS: dict[str, Any] = {
    "lists-strings": ["turbo", "flux"],
    "lists-mixed": ["turbo", *LISTED],
    "lists-empty": [],
    "lists-videos": [LISTED[2]],
    "lists-other": [{"id": "flux"}],
    "lists-odd-entries": [*LISTED, {"id": "nova"}, {"name": 7}, 7, None, []],
    "lists-odd-prices": [
        {"name": "no-currency", "pricing": {"price": 0.001}},
        {"name": "odd-currency", "pricing": {"currency": 7, "price": 0.001}},
        {"name": "no-number", "pricing": {"currency": "pollen", "price": "free"}},
        {"name": "long", "pricing": {"currency": "pollen" * 60, "price": "1e300"}},
    ],
    "lists-odd-fields": [*LISTED, {"name": "nova", "description": 7, "pricing": "0.001", **MODALITIES}],
}


class Query(Body):
    """The documented parameters, all of them as text."""

    model: str
    width: str = Field("1024", pattern=r"^[1-9][0-9]{1,3}$")
    height: str = Field("1024", pattern=r"^[1-9][0-9]{1,3}$")
    seed: str = Field(pattern=r"^[0-9]{1,10}$")
    safe: str = Field("nsfw", pattern="^nsfw$")
    quality: str = Field("medium", pattern="^(low|medium|high|hd)$")
    transparent: str = Field("true", pattern="^true$")


class Posted(Body):
    model: str
    prompt: str = Field(min_length=1, max_length=32000)
    n: int = Field(1, ge=1, le=1)
    size: str = Field(pattern=r"^[0-9]+x[0-9]+$")
    seed: int = Field(ge=0, lt=2**31)
    safe: str = "nsfw"
    quality: str = Field("medium", pattern="^(low|medium|high|hd)$")
    transparent: bool = False


class Wanted(Posted):
    response_format: str = Field(pattern="^b64_json$")


class Link(Body):
    image_url: str = Field(pattern="^data:image/png;base64,")


class Edit(Posted):
    image: list[Link] = Field(min_length=1)


class PollinationsReplay(Replay):
    name = "pollinations"
    model = "flux"
    by_get = True
    cases: ClassVar = {
        **{name: f"the picture as {kind}" for name, kind in KINDS.items()},
        **{name: f"{name}, with its own type" for name in FOREIGN},
        "cut": "a picture, cut short",
        "error-as-200": "an error in JSON, under HTTP 200",
        "x402": "402 with an offer to pay",
        "field-errors": "400 that blames the width",
        "other-field-errors": "400 that blames a field that nobody knows",
        "slow-down": "502 that hides a 429, then success",
        "last-pollen": "500, and then 402",
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        "post-link": "POST answers with a link",
        "post-svg": "POST answers with an SVG",
        "post-nothing": "POST answers without a picture",
        **dict.fromkeys(ODD_LISTS, "another list of models"),
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.billed: dict[str, bytes] = {}
        """The cache: pictures by the whole request."""

    async def answer(self, call: Call) -> web.Response:
        expect("key" not in dict(parse_qsl(call.query)), "a key in the URL")
        expect("x-payment" not in call.headers, "a payment")
        if (call.method, call.path) == ("GET", "/image/models"):
            return web.json_response(ODD_LISTS.get(call.case, LISTED))
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal(401, f"No such key: {call.headers.get('authorization', '')}")
        if refused := self._refused(call):
            return refused
        match call.method, call.path:
            case "GET", path if path.startswith("/image/") and path.count("/") == 2:
                return self._get(call)
            case "POST", "/v1/images/generations":
                return self._post(call, call.parse(Wanted))
            case "POST", "/v1/images/edits":
                edit = call.parse(Edit)
                expect("image" in self._listed(edit.model).get("input_modalities", []), "an image for a model without")
                opened(edit.image[0].image_url.partition(",")[2])
                return self._post(call, edit)
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str, **details: Any) -> web.Response:
        error = {"code": CODES.get(status, "INTERNAL_ERROR"), "message": text, "timestamp": "2026-11-01T00:00:00Z"}
        return web.json_response(
            {"status": status, "success": False, "error": {**error, **({"details": details} if details else {})}},
            status=status,
        )

    def _refused(self, call: Call) -> web.Response | None:
        match call.case:
            case name if name in REFUSED:
                return self.refusal(*REFUSED[name])
            case "slow-down" if self.hit(call) == 1:
                return self.refusal(*REFUSED["slow-for-ever"])
            case "last-pollen":
                return self.refusal(*REFUSED["broken" if self.hit(call) == 1 else "no-pollen"])
            case "x402":
                accepts = [{"scheme": "exact", "network": "base", "maxAmountRequired": "1000", "payTo": "0x0"}]
                offer = {"x402Version": 1, "error": "X-PAYMENT header is required", "accepts": accepts}
                return web.json_response(offer, status=402)
            case "field-errors":
                return self.refusal(400, "Wrong parameters", fieldErrors={"width": ["too wide"]}, formErrors=[])
            case "other-field-errors":
                return self.refusal(400, "Wrong parameters", fieldErrors={"zz": ["no"]}, formErrors=[])
            case _:
                return None

    def _get(self, call: Call) -> web.Response:
        expect(len(f"{self.url}{call.path}?{call.query}") <= LONGEST_URL, "a URL that is too long")
        try:
            wanted = Query.model_validate(dict(parse_qsl(call.query, strict_parsing=True)))
        except (ValidationError, ValueError) as error:
            raise Unexpected(f"a query that is not documented: {error}") from None
        expect(int(wanted.seed) < 2**31, "a seed that is too large")
        self._listed(wanted.model)
        match call.case:
            case name if name in FOREIGN:
                data, kind = FOREIGN[name]
                return web.Response(body=data, content_type=kind)
            case "error-as-200":
                return web.json_response({"status": 500, "success": False, "error": {"message": "It went wrong"}})
            case _:
                size = int(wanted.width), int(wanted.height)
                data = self._drawn(f"{call.path}?{call.query}", unquote(call.path), size, KINDS.get(call.case, "JPEG"))
                return web.Response(body=data[:-40] if call.case == "cut" else data, content_type="image/jpeg")

    def _post(self, call: Call, wanted: Posted) -> web.Response:
        self._listed(wanted.model)
        width, height = map(int, wanted.size.split("x"))
        data = self._drawn(json.dumps(call.json), wanted.prompt, (width, height), "PNG")
        match call.case:
            case "post-link":
                item = {"url": self.host(call, data)}
            case "post-svg":
                item = {"b64_json": base64.b64encode(SVG).decode(), "media_type": "image/svg+xml"}
            case "post-nothing":
                item = {"revised_prompt": "a cat"}
            case _:
                item = {"b64_json": base64.b64encode(data).decode()}
        return web.json_response({"created": 1, "data": [item], "usage": {}})

    def _listed(self, model: str) -> dict[str, Any]:
        listed: dict[str, Any] = {each["name"]: each for each in LISTED} | {"turbo": {}}
        expect(model in listed, f"no such model: {model}")
        return listed[model]

    def _drawn(self, whole: str, prompt: str, size: tuple[int, int], kind: str) -> bytes:
        return self.billed.setdefault(whole, draw(f"{prompt} {whole}", size, kind))
