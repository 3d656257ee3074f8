"""PopCord, by its page "AI API Documentation"; the error texts are ours."""

import asyncio
import re
from typing import Any, ClassVar

from aiohttp import web

from tests.replay.faults import PAGE
from tests.replay.pictures import noise
from tests.replay.server import Body, Call, Replay, Unexpected, expect

MODELS = ["flux", "poli", "sdxl-turbo", "dalle3"]
SIZES = ["1024x1024", "1024x576", "1024x768", "512x512", "576x1024", "786x1024"]
ODD_SIZES = ["1024*1024", "640X960", "512 x 512", " 768x768", "0512x0512"]
ODD_LINKS = {"url-empty": "", "url-relative": "/pictures/0.png"}


class Wanted(Body):
    model: str
    prompt: str
    size: str | None = None


class PopCordReplay(Replay):
    name = "popcord"
    needs_key = False
    model = "flux"
    links = True
    cases: ClassVar = {
        "inner-500": "status_code 500 in the body, under HTTP 200",
        "inner-nulls": "the same, with an image_url that is null",
        "nulls": "a status_code that is null beside the link",
        "upstream": "500 with the sentence in `error`",
        "detail-list": "422 with a list of details",
        "lists-503": "the lists answer 503 and HTML",
        "lists-false": "the lists say that they have no success",
        "lists-grown": "a new model and a new size in the lists",
        "lists-odd": "sizes in other spellings than ours",
        "url-empty": "an empty image_url",
        "url-relative": "a relative image_url",
        "slow": "success after 25 seconds",
        "noise": "a picture of 3 MB",
    }

    async def answer(self, call: Call) -> web.Response:
        expect("authorization" not in call.headers, "a key for an API that has none")
        match call.method, call.path:
            case "GET", "/models" | "/sizes":
                return self._list(call)
            case "POST", "/image/generate":
                return await self._generate(call)
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"status_code": status, "detail": text}, status=status)

    def linked(self, url: str) -> Any:
        return {"image_url": url}

    def _list(self, call: Call) -> web.Response:
        grown = call.case == "lists-grown"
        match call.case, call.path:
            case "lists-503", _:
                return web.Response(status=503, text=PAGE, content_type="text/html")
            case "lists-false", _:
                return web.json_response({"success": False})
            case "lists-odd", "/sizes":
                return web.json_response({"success": True, "sizes": [*ODD_SIZES, "640x960"]})
            case _, "/models":
                return web.json_response({"success": True, "models": [*MODELS, *["nova"] * grown]})
            case _:
                return web.json_response({"success": True, "sizes": [*SIZES, *["640x960"] * grown]})

    async def _generate(self, call: Call) -> web.Response:
        wanted = call.parse(Wanted)
        expect("size" not in call.json or wanted.size, "a size that is null")
        expect(call.case == "lists-grown" or wanted.model in MODELS, f"a model that is not listed: {wanted.model}")
        expect(call.case == "lists-grown" or wanted.size in (None, *SIZES), f"a size not listed: {wanted.size}")
        if wanted.model == "poli" and wanted.size not in (None, "1024x1024"):
            return self.refusal(400, "poli only supports 1024x1024")
        match call.case:
            case "inner-500":
                return web.json_response({"status_code": 500, "detail": "The machine is out of breath"})
            case "inner-nulls":
                body = {"image_url": None, "status_code": 500, "detail": "The machine is out of breath"}
                return web.json_response(body)
            case "upstream":
                return web.json_response({"error": "Upstream failed"}, status=500)
            case "detail-list":
                missing = {"loc": ["body", "prompt"], "msg": "field required", "type": "value_error.missing"}
                return web.json_response({"detail": [missing]}, status=422)
            case "url-empty" | "url-relative":
                return web.json_response(self.linked(ODD_LINKS[call.case]))
            case "slow":
                await asyncio.sleep(self.slow_seconds)
            case _:
                pass
        width, height = map(int, re.findall(r"\d+", wanted.size or "1024x1024"))
        if call.case == "noise":
            return web.json_response(self.linked(self.host(call, noise((width, height)))))
        nulls = {"status_code": None, "detail": None} if call.case == "nulls" else {}
        return web.json_response(nulls | self.linked(self.draw(call, wanted.prompt, width, height)))
