"""Nebula Block: pictures, models and credit; the error texts are ours."""

import base64
import binascii
import io
import math
import textwrap
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image
from pydantic import Field

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, Unexpected, expect

ROOT = "/api/v1"
SDXL, SCHNELL = "stabilityai/stable-diffusion-xl-base-1.0", "black-forest-labs/FLUX.1-schnell"
FILL, SEEDREAM = "black-forest-labs/FLUX.1-Fill-dev", "bytedance/seedream-3-0"
COMMON = {"model", "prompt", "width", "height", "guidance_scale"}
OPTIONS = {
    SDXL: {"negative_prompt", "num_steps"},
    SCHNELL: {"num_steps", "seed"},
    FILL: {"num_steps", "image", "mask", "input_image", "mask_image"},
    SEEDREAM: set[str](),
}
LISTED = [
    {"model_name": "meta/llama", "model_alias": "Llama", "model_type": "Text", "context_length": 8192, "price": 0.1},
    {"model_name": FILL, "model_alias": "FLUX Fill", "model_type": "Image", "price": 0.009},
    {"model_name": SCHNELL, "model_alias": "FLUX schnell", "model_type": "Image", "price": 0.005},
    {"model_name": SDXL, "model_alias": "SDXL", "model_type": "Image", "price": 0.003, "description": "Pictures"},
    {"model_name": SEEDREAM, "model_alias": "Seedream", "model_type": "Image", "price": 0.03},
    {"model_name": "baai/bge", "model_alias": "BGE", "model_type": "Embedding", "price": 0.01},
]
REFUSED = {
    "bad-token": (401, "Invalid token"),
    "minute": (429, "Too many requests per minute"),
    "day": (429, "Daily limit reached, back at 00:00 UTC"),
}


class Wanted(Body):
    model: str
    prompt: str
    width: int = Field(1024, ge=64, le=4096)
    height: int = Field(1024, ge=64, le=4096)
    guidance_scale: float = 5.0
    num_steps: int = Field(25, ge=1)
    negative_prompt: str = ""
    seed: int = 0
    image: str = ""
    mask: str = ""
    input_image: str = ""
    mask_image: str = ""


class NebulaBlockReplay(Replay):
    name = "nebulablock"
    model = SDXL
    embeds = True
    cases: ClassVar = {
        "no-credit": "`failed` under HTTP 200, out of credit",
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        "two": "two pictures, out of order",
        "no-data": "success without data",
        "nulls": "null in every field but the picture",
        "trifles": "timings and an index that cannot be read",
        "no-number": "timings and a seed that are no numbers that JSON knows",
        "dialect": "base64 as a data URL, with line breaks and without padding",
        "url-safe": "base64 in the alphabet for URLs",
        "other-names": "takes input_image and mask_image instead of image and mask",
        "lists-text-price": "prices as strings",
        "lists-empty": "no models at all",
        "lists-no-fill": "no model that fills",
    }

    async def answer(self, call: Call) -> web.Response:
        if not call.path.startswith(ROOT) or call.path.startswith(ROOT * 2):
            return self.refusal(404, "Not found")
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal(401, f"Invalid token {call.headers.get('authorization', '')}")
        match call.method, call.path.removeprefix(ROOT):
            case "GET", "/serverless/models":
                return _success({"models": _listed(call.case)}, "Models listed")
            case "GET", "/users/credits":
                return _success({"available_balance": "1228.55600"}, "Credit read")
            case "POST", "/images/generation":
                return self._generate(call)
            case _, "/images/generation":
                return self.refusal(405, "Method not allowed")
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"message": text, "status": "failed"}, status=status)

    def embedded(self, base64: str) -> Any:
        return {**_ANSWER, "data": [{"timings": {"inference": 13.37}, "index": 0, "b64_json": base64}]}

    def _generate(self, call: Call) -> web.Response:
        wanted = call.parse(Wanted)
        expect(wanted.model in OPTIONS, f"no such model: {wanted.model}")
        if strange := set(call.json) - COMMON - OPTIONS[wanted.model]:
            return web.json_response({"detail": [{"loc": ["body", min(strange)], "msg": "not taken"}]}, status=422)
        if wanted.model == FILL and (refused := self._sources(wanted, call)):
            return refused
        if call.case in REFUSED:
            return self.refusal(*REFUSED[call.case])
        if call.case == "no-credit":
            return web.json_response({"data": None, "message": "Insufficient credits", "status": "failed"})
        if call.case == "no-data":
            return web.json_response({**_ANSWER, "data": []})
        told = dict.fromkeys(_ANSWER) if call.case == "nulls" else {**_ANSWER, "model": wanted.model}
        return web.json_response({**told, "data": _data(wanted, call.case)})

    def _sources(self, wanted: Wanted, call: Call) -> web.Response | None:
        expect(wanted.width % 16 == wanted.height % 16 == 0, "Fill takes multiples of 16")
        if call.case == "other-names" and wanted.image:
            return self.refusal(422, "image is not known, use input_image and mask_image")
        expect(call.case == "other-names" or not wanted.input_image, "input_image without being told")
        image, mask = _opened(wanted.image or wanted.input_image), _opened(wanted.mask or wanted.mask_image)
        expect(image.size == mask.size, "a mask that is not of the image's size")
        expect(mask.mode == "L", "a mask that is not grey")
        return None


_ANSWER = {"model": SCHNELL, "object": "list", "message": "Image generated successfully", "status": "success"}


def _success(data: Any, message: str) -> web.Response:
    return web.json_response({"data": data, "message": message, "status": "success"})


def _listed(case: str) -> list[dict[str, Any]]:
    if case == "lists-empty":
        return []
    if case == "lists-text-price":
        return [{**each, "price": str(each["price"])} for each in LISTED]
    return [each for each in LISTED if case != "lists-no-fill" or each["model_name"] != FILL]


def _data(wanted: Wanted, case: str) -> list[dict[str, Any]]:
    order = (1, 0) if case == "two" else (0,)
    texts = {index: _text(draw(f"{wanted.prompt} {index}", (wanted.width, wanted.height)), case) for index in order}
    odd: dict[str, Any] = {
        "nulls": {"timings": None, "index": None},
        "trifles": {"timings": {"inference": "13.37 s"}, "index": "first"},
        "no-number": {"timings": {"inference": math.nan}, "index": math.inf, "seed": 10**400},
    }.get(case, {})
    return [{"timings": {"inference": 13.37}, "index": index, "b64_json": texts[index], **odd} for index in order]


def _text(picture: bytes, case: str) -> str:
    if case == "url-safe":
        return base64.urlsafe_b64encode(picture).decode()
    text = base64.b64encode(picture).decode()
    return "data:image/png;base64," + "\n".join(textwrap.wrap(text.rstrip("="), 76)) if case == "dialect" else text


def _opened(text: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
        image.load()
    except (binascii.Error, OSError) as error:
        raise Unexpected(f"no base64 of a picture: {error}") from None
    return image
