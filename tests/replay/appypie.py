"""Appy Pie's gateway: SDXL from an image, and from words alone; the error texts are ours."""

import base64
import re
from typing import Any, ClassVar

from aiohttp import web
from pydantic import Field

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, Unexpected, expect

TEXT, IMAGE = "/getImage/v1/getSDXLImage", "/img2img/getImage/v1/getSDXLImage"
CONTRACT = {
    "no-prompt": (400, "prompt is required"),
    "unreachable": (400, "inputImage could not be fetched"),
    "broken": (500, "Something went wrong"),
}
AZURE = {
    "azure-401": (401, "Access denied due to a subscription key that is not valid"),
    "azure-429": (429, "Rate limit is exceeded"),
    "azure-429-text": (429, "Rate limit is exceeded. Try again in 26 seconds."),
}


class FromImage(Body):
    prompt: str
    inputImage: str = Field(pattern=r"^https?://")  # noqa: N815 - the API's name
    negative_prompt: str = ""
    size: str = Field("1024x1024", pattern=r"^[0-9]+x[0-9]+$")


class Words(Body):
    """What both gateways take."""

    prompt: str
    negative_prompt: str = ""
    width: int = Field(1024, ge=512)
    height: int = Field(1024, ge=512)
    guidance_scale: float = 5.0
    seed: int = 0


class FromWords(Words):
    num_inference_steps: int = Field(20, ge=1, le=20)


class PixazoWords(Words):
    """What the newer gateway takes at the same path."""

    num_steps: int = Field(20, ge=1, le=20)


class AppyPieReplay(Replay):
    name = "appypie"
    model = "sdxl"
    links = collects = embeds = True
    cases: ClassVar = {
        "raw": "the bytes of a PNG",
        "json-as-png": "JSON, labelled image/png",
        **{name: f"{status} {text}" for name, (status, text) in (CONTRACT | AZURE).items()},
        "text-code": "402, with the code as a string and the trace as a number",
        "inner-500": "status 500 in the body, under HTTP 200",
        "link": "a link in `output`",
        "links": "a list of links in `output`",
        "link-nulls": "a link in `url`, and null in all that stands for another success",
        "inner-402": "statusCode 402 in the body, under HTTP 200, and a code that is null",
        "empty": "an empty image_data",
        "pixazo": "as the newer gateway, Pixazo: num_steps, a link under `images`",
    }

    async def answer(self, call: Call) -> web.Response:
        expect(call.method == "POST" and call.path in (TEXT, IMAGE), "no such call")
        expect(call.headers.get("cache-control") == "no-cache", "without Cache-Control: no-cache")
        if call.headers.get("ocp-apim-subscription-key") != self.key:
            return _azure(401, "Access denied due to a missing subscription key")
        wanted = self._wanted(call)
        size = _size(wanted.size) if isinstance(wanted, FromImage) else (wanted.width, wanted.height)
        return self._error(call.case) or self._success(draw(wanted.prompt, size), call)

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"code": status, "message": text, "traceId": "t-1"}, status=status)

    def linked(self, url: str) -> Any:
        return {"output": url}

    def embedded(self, base64: str) -> Any:
        return {"status": 200, "content-type": "image/png", "content-length": "size_in_bytes", "image_data": base64}

    def _wanted(self, call: Call) -> FromImage | FromWords | PixazoWords:
        if call.case == "pixazo":
            expect(call.path == TEXT, "no such call of Pixazo")
            return call.parse(PixazoWords)
        return call.parse(FromImage if call.path == IMAGE else FromWords)

    def _error(self, case: str) -> web.Response | None:
        if case in AZURE:
            return _azure(*AZURE[case], retry_after="26" if case == "azure-429" else "")
        if case == "text-code":
            body = {"code": "402", "message": "Payment needed", "traceId": 7}
            return web.json_response(body, status=402)
        if case == "inner-500":
            return web.json_response({"status": 500, "message": "Something went wrong"})
        if case == "inner-402":
            return web.json_response({"code": None, "statusCode": 402, "message": "Payment needed", "traceId": "t-1"})
        return self.refusal(*CONTRACT[case]) if case in CONTRACT else None

    def _success(self, picture: bytes, call: Call) -> web.Response:
        if call.case == "raw":
            return web.Response(body=picture, content_type="image/png")
        if call.case == "pixazo":
            return web.json_response({"images": [{"url": self.host(call, picture)}]})
        if call.case == "links":
            return web.json_response({"output": [self.host(call, picture), self.host(call, picture)]})
        if call.case == "link-nulls":
            return web.json_response(
                {"code": None, "image_data": None, "output": None, "url": self.host(call, picture)}
            )
        if call.case == "link" or call.case.startswith("picture-"):
            return web.json_response(self.linked(self.host(call, picture)))
        text = "" if call.case == "empty" else base64.b64encode(picture).decode()
        content_type = "image/png" if call.case == "json-as-png" else "application/json"
        return web.json_response(self.embedded(text), content_type=content_type)


def _azure(status: int, text: str, retry_after: str = "") -> web.Response:
    headers = {"Retry-After": retry_after} if retry_after else {}
    return web.json_response({"statusCode": status, "message": text}, status=status, headers=headers)


def _size(text: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]{1,3})x([1-9][0-9]{1,3})", text)
    if not found:
        raise Unexpected(f"no size: {text}")
    return int(found[1]), int(found[2])
