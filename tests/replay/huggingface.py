"""Hugging Face's own servers behind the router: the bytes of a picture; the error texts are ours."""

import base64
import binascii
import io
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image
from pydantic import Field

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, Unexpected, expect

ROOT = "/hf-inference/models/"
SCHNELL, SDXL = "black-forest-labs/FLUX.1-schnell", "stabilityai/stable-diffusion-xl-base-1.0"
KONTEXT = "black-forest-labs/FLUX.1-Kontext-dev"
SERVED = (SCHNELL, SDXL, KONTEXT)
REFUSED = {
    "credits": (402, "You have depleted your monthly included credits"),
    "not-served": (404, "Model zz is not served here"),
    "wrong": (400, "width must be a multiple of 8"),
    "policy": (400, "The prompt violates a policy"),
    "busy": (429, "Too many requests"),
}
UNDER_200 = {
    "error-as-200": "The model gave up",
    "policy-as-200": "NSFW content was found",
    "credits-as-200": "Out of credits",
}
ESTIMATES: dict[str, Any] = {
    "loading": 20,
    "loading-ever": 20,
    "loading-ever-far": 400,
    "loading-text": "20.5",
    "loading-nan": float("nan"),
    "loading-far": 1e9,
    "loading-below": -5,
}


class Target(Body):
    width: int = Field(ge=64)
    height: int = Field(ge=64)


class FromWords(Body):
    negative_prompt: str = ""
    width: int = Field(1024, ge=64)
    height: int = Field(1024, ge=64)
    num_inference_steps: int = Field(20, ge=1)
    guidance_scale: float = 5.0
    seed: int = Field(0, ge=0)
    scheduler: str = ""


class FromImage(Body):
    prompt: str
    target_size: Target
    negative_prompt: str = ""
    num_inference_steps: int = Field(20, ge=1)
    guidance_scale: float = 5.0
    seed: int = Field(0, ge=0)


class Words(Body):
    inputs: str
    parameters: FromWords


class WithImage(Body):
    inputs: str
    parameters: FromImage


class HuggingFaceReplay(Replay):
    name = "huggingface"
    model = SCHNELL
    cases: ClassVar = {
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        **{name: f"{text!r}, under HTTP 200" for name, text in UNDER_200.items()},
        **{name: f"503 loading, {seconds} seconds, then success" for name, seconds in ESTIMATES.items()},
        "jpeg": "a JPEG",
        "cut": "a picture, cut short",
    }

    async def answer(self, call: Call) -> web.Response:
        expect(call.method == "POST" and call.path.startswith(ROOT) and not call.query, "no such call")
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal(401, f"Invalid username or password {call.headers.get('authorization', '')}")
        model = call.path.removeprefix(ROOT)
        expect(model in SERVED, f"no such model: {model}")
        prompt, size = _wanted(model, call)
        if call.case in REFUSED:
            return self.refusal(*REFUSED[call.case])
        if call.case in UNDER_200:
            return web.json_response({"error": UNDER_200[call.case]})
        if call.case in ESTIMATES and (self.hit(call) <= 4 or call.case.startswith("loading-ever")):
            loading = {"error": f"Model {model} is currently loading", "estimated_time": ESTIMATES[call.case]}
            return web.json_response(loading, status=503)
        data = draw(prompt, size, "JPEG" if call.case == "jpeg" else "PNG")
        return web.Response(body=data[:-40] if call.case == "cut" else data, content_type="image/png")

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"error": text}, status=status)


def _wanted(model: str, call: Call) -> tuple[str, tuple[int, int]]:
    if model == KONTEXT:
        edit = call.parse(WithImage)
        try:
            Image.open(io.BytesIO(base64.b64decode(edit.inputs, validate=True))).load()
        except (binascii.Error, OSError) as error:
            raise Unexpected(f"no base64 of a picture: {error}") from None
        return edit.parameters.prompt, (edit.parameters.target_size.width, edit.parameters.target_size.height)
    wanted = call.parse(Words)
    return wanted.inputs, (wanted.parameters.width, wanted.parameters.height)
