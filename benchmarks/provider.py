"""A loopback provider that speaks like Nebula Block (base64 in JSON) and like PopCord (a link to the picture)."""

import base64
import io
import json
import random

from PIL import Image

from benchmarks import hostile
from benchmarks.loopback import Asked, Reply, Server

SIDE = 660
"""Noise does not shrink: 660 x 660 RGB pixels make a PNG of 1.3 MB."""
MODEL = "black-forest-labs/FLUX.1-schnell"


def picture(side: int = SIDE) -> bytes:
    """A PNG of noise, the same each time."""
    image = Image.frombytes("RGB", (side, side), random.Random(1).randbytes(side * side * 3))  # noqa: S311
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=1)
    return out.getvalue()


class Provider(Server):
    """Both APIs on one port. `delay` holds back the answer to a submit, `download` a linked picture."""

    delay = download = 0.0
    submits = 0

    async def start(self) -> None:
        await super().start()
        await self.on_picture(SIDE)

    async def on_picture(self, side: int) -> int:
        data = picture(side)
        item = {"b64_json": base64.b64encode(data).decode(), "index": 0, "timings": {"inference": 0.5}}
        self._embedded = Reply(json.dumps({"status": "success", "data": [item]}).encode())
        self._raw = Reply(data, content_type="image/png")
        return len(data)

    async def on_delay(self, delay: float, download: float = 0.0) -> None:
        self.delay, self.download = delay, download

    async def on_submits(self) -> int:
        return self.submits

    def answer(self, asked: Asked) -> Reply:
        match asked.method, asked.path:
            case "POST", "/api/v1/images/generation":
                self.submits += 1
                return self._embedded._replace(delay=self.delay)
            case "POST", "/image/generate":
                self.submits += 1
                url = f"http://127.0.0.1:{self.port}/picture.png"
                return Reply(json.dumps({"image_url": url}).encode(), delay=self.delay)
            case "GET", "/picture.png":
                return self._raw._replace(delay=self.download)
            case "GET", "/models":
                return Reply(b'{"success": true, "models": ["flux"]}')
            case "GET", "/sizes":
                return Reply(b'{"success": true, "sizes": ["1024x1024"]}')
            case "GET", "/api/v1/serverless/models":
                listed = {"model_name": MODEL, "model_alias": "FLUX.1 schnell", "model_type": "Image", "price": "0.002"}
                return Reply(json.dumps({"data": {"models": [listed]}}).encode())
            case _:
                return hostile.answer(asked.method, asked.path) or Reply(b"{}", 404)
