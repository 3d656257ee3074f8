"""Stability AI: takes forms, responds with bytes; the error texts are ours."""

import base64
import io
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image

from tests.replay.forms import Field, fields_of
from tests.replay.pictures import draw
from tests.replay.server import Call, Replay, Unexpected, expect

ROOT = "/v2beta/stable-image"
RATIOS = {
    "16:9": (1344, 768),
    "1:1": (512, 512),  # small, for the tests' sake
    "21:9": (1536, 672),
    "2:3": (832, 1248),
    "3:2": (1248, 832),
    "4:5": (896, 1120),
    "5:4": (1120, 896),
    "9:16": (768, 1344),
    "9:21": (672, 1536),
}
COMMON = {"prompt", "negative_prompt", "seed", "output_format", "style_preset"}
FIELDS = {
    "/generate/core": COMMON | {"aspect_ratio"},
    "/generate/ultra": COMMON | {"aspect_ratio", "image", "strength"},
    "/generate/sd3": COMMON | {"aspect_ratio", "model", "mode", "image", "strength", "cfg_scale"},
    "/edit/inpaint": COMMON | {"image", "mask"},
    "/upscale/fast": {"image", "output_format"},
}
STYLES = {
    *("3d-model", "analog-film", "anime", "cinematic", "comic-book", "digital-art", "enhance", "fantasy-art"),
    *("isometric", "line-art", "low-poly", "modeling-compound", "neon-punk", "origami", "photographic", "pixel-art"),
    "tile-texture",
}
SD3 = {"sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash"}
LARGEST_SEED = 4294967294
REFUSED: dict[str, tuple[int, str, Any]] = {
    "moderation": (403, "content_moderation", ["Your words were stopped by our filter"]),
    "moderation-null": (403, "content_moderation", None),
    "moderation-objects": (403, "content_moderation", [{"message": "Stopped"}, None]),
    "moderation-fields": (403, "content_moderation", {"prompt": "Stopped"}),
    "permission": (403, "permission_denied", ["This key may not do that"]),
    "no-credit": (402, "payment_required", ["There is nothing left to pay with"]),
    "too-large": (413, "payload_too_large", ["That is more than 10 MiB"]),
    "list": (422, "invalid_request", ["aspect_ratio: none of ours", "seed: too large"]),
    "bad": (400, "bad_request", ["prompt: cannot be empty"]),
    "busy": (429, "rate_limit_exceeded", ["More than 150 requests in 10 seconds"]),
}


class StabilityReplay(Replay):
    name = "stability"
    model = "core"
    embeds = True
    cases: ClassVar = {
        "json": "JSON with base64, though bytes were asked for",
        "filtered": "200 with a blurred picture, and CONTENT_FILTERED in the header",
        "filtered-json": "the same in JSON",
        "odd-type": "the bytes are labelled application/json; type=image/png",
        "no-headers": "the bytes without seed and finish-reason",
        "other-seed": "drawn with another seed than the one asked for",
        "cut": "bytes of a picture, cut short",
        "message": "400 with a message instead of errors",
        **{name: f"{status} {word}" for name, (status, word, _) in REFUSED.items()},
    }

    async def answer(self, call: Call) -> web.Response:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return self._refused(401, "unauthorized", [f"Not known: {call.headers.get('authorization', '')}"])
        if (call.method, call.path) == ("GET", "/v1/user/balance"):
            return web.json_response({"credits": 12.5})
        path = call.path.removeprefix(ROOT)
        expect(call.method == "POST" and path in FIELDS and call.path.startswith(ROOT), "no such call")
        expect(call.headers.get("accept") == "image/*", "another answer than bytes")
        fields = _fields(path, call)
        if call.case in REFUSED:
            return self._refused(*REFUSED[call.case])
        if call.case == "message":
            return web.json_response({"id": "e1", "name": "bad_request", "message": "Not like that"}, status=400)
        return self._drawn(call, fields)

    def refusal(self, status: int, text: str) -> web.Response:
        return self._refused(status, "error", [text])

    def embedded(self, base64: str) -> Any:
        return {"image": base64, "finish_reason": "SUCCESS", "seed": 7}

    def form(self, index: int = 0) -> dict[str, str | bytes]:
        """The form of a POST: files as bytes."""
        posts = [call for call in self.requests if call.method == "POST"]
        return {field.name: field.data if field.filename else field.text for field in fields_of(posts[index])}

    def _refused(self, status: int, name: str, errors: Any) -> web.Response:
        return web.json_response({"id": "e1", "name": name, "errors": errors}, status=status)

    def _drawn(self, call: Call, fields: dict[str, Field]) -> web.Response:
        ratio, prompt = fields.get("aspect_ratio"), fields.get("prompt")
        size = _opened(fields["image"]).size if "image" in fields else RATIOS[ratio.text if ratio else "1:1"]
        data = draw(prompt.text if prompt else "larger", size)
        seed = 9 if call.case == "other-seed" else int(fields["seed"].text) if "seed" in fields else 7
        reason = "CONTENT_FILTERED" if call.case.startswith("filtered") else "SUCCESS"
        if call.case in ("json", "filtered-json"):
            body = {"image": base64.b64encode(data).decode(), "finish_reason": reason, "seed": seed}
            return web.json_response(body)
        headers = {"finish-reason": reason, "seed": str(seed), "x-request-id": "r1"}
        kind = "application/json; type=image/png" if call.case == "odd-type" else "image/png"
        return web.Response(
            body=data[:-40] if call.case == "cut" else data,
            headers={"Content-Type": kind} | ({} if call.case == "no-headers" else headers),
        )


def _fields(path: str, call: Call) -> dict[str, Field]:
    expect(len(call.body) <= 10 * 2**20, "more than 10 MiB")
    listed = fields_of(call)
    fields = {field.name: field for field in listed}
    expect(len(fields) == len(listed), "a field twice")
    expect(set(fields) <= FIELDS[path], f"fields that are not documented: {set(fields) - FIELDS[path]}")
    expect(path == "/upscale/fast" or 1 <= len(fields["prompt"].text) <= 10000, "a prompt of 1 to 10000 characters")
    expect("seed" not in fields or 0 <= int(fields["seed"].text) <= LARGEST_SEED, "a seed out of range")
    expect("aspect_ratio" not in fields or fields["aspect_ratio"].text in RATIOS, "no such ratio")
    expect("style_preset" not in fields or fields["style_preset"].text in STYLES, "no such style")
    expect(fields["output_format"].text in ("png", "jpeg", "webp"), "no such format")
    if path == "/generate/sd3":
        _check_sd3(fields)
    elif path != "/generate/core" and path != "/generate/ultra":
        expect("image" in fields, "no image")
    if path == "/upscale/fast":
        width, height = _opened(fields["image"]).size
        expect(max(width, height) <= 1536 and width * height <= 1048576, "an image that is too large")
    if path == "/generate/ultra":
        expect(("image" in fields) == ("strength" in fields), "an image and a strength")
    if path == "/edit/inpaint":
        image, mask = _opened(fields["image"]), _opened(fields["mask"])
        expect(image.size == mask.size and mask.mode == "L", "a mask that is not grey, or not of the image's size")
    return fields


def _check_sd3(fields: dict[str, Field]) -> None:
    expect(fields["model"].text in SD3, "no such model")
    expect("cfg_scale" not in fields or 1 <= float(fields["cfg_scale"].text) <= 10, "a cfg_scale out of range")
    if "image" in fields:
        _opened(fields["image"])
        expect(fields["mode"].text == "image-to-image" and "aspect_ratio" not in fields, "an image and a ratio")
        expect(0 <= float(fields["strength"].text) <= 1, "no strength from 0 to 1")
    else:
        expect(not {"mode", "strength"} & set(fields), "an image's options without an image")


def _opened(field: Field) -> Image.Image:
    expect(field.kind == "image/png" and field.filename, "an image that is no file")
    try:
        image = Image.open(io.BytesIO(field.data))
        image.load()
    except OSError as error:
        raise Unexpected(f"no picture: {error}") from None
    return image
