"""OpenAI's image API and compatible servers, one dialect at a time; the error texts are ours."""

import base64
import io
from collections.abc import Sequence
from typing import Any, ClassVar

from aiohttp import web
from PIL import Image

from tests.replay.faults import FAULTS
from tests.replay.forms import Field as FormField
from tests.replay.forms import fields_of
from tests.replay.openai_dialects import BODIES, KEYLESS, as_sd_cpp
from tests.replay.openai_streams import BLOCKED, ODDLY_BLOCKED, STREAMS, Told, streamed, told
from tests.replay.pictures import draw
from tests.replay.server import Call, Replay, Unexpected, expect

FREE, FIXED, MINI = "gpt-image-2", "gpt-image-2.6-sunburst", "gpt-image-1-mini"
FIXED_SIZES = ("auto", "1024x1024", "1536x1024", "1024x1536")
LOOKS = {"quality", "background", "output_format"}
EDITS = {
    "openai": ("image", {"model", "prompt", "n", "size", "stream", "partial_images"} | LOOKS),
    "litellm": ("image", {"model", "prompt", "n", "size", "quality", "background"}),
    "sdcpp": ("image[]", {"prompt", "n", "size"}),
}
"""The part that holds the image, and the fields that may go with it."""
MOST_MASK = 4_000_000

REFUSED: dict[str, tuple[int, Told]] = {
    "moderation": (400, BLOCKED),
    **{f"moderation-{name}": (400, blocked) for name, blocked in ODDLY_BLOCKED.items()},
    "policy": (400, told("Your request was held back", code="content_policy_violation")),
    "billing-limit": (400, told("The hard limit is reached", code="billing_hard_limit_reached")),
    "no-quota": (429, told("You have run out", "insufficient_quota", code="insufficient_quota")),
    "rate-limit": (429, told("Too many images", "requests", code="rate_limit_exceeded")),
    "rate-limit-ever": (429, told("Too many images", "requests", code="rate_limit_exceeded")),
    "bad-size": (400, told("That size is too large for your credit card", param="size")),
    "bad-count": (400, told("Too many at once", param="n")),
    "bad-image": (400, told("Not a picture", param="image[0]")),
    "bad-quality": (400, told("No such quality", param="quality")),
    "bad-background": (400, told("Not with this model", param="background")),
    "bad-moderation": (400, told("Not like that", param="moderation")),
    "no-model": (404, told("No such model", code="model_not_found")),
    "wrong-key": (401, told("Wrong key", code="invalid_api_key")),
    "not-verified": (403, told("Your organization must be verified to use this model")),
    "server-error": (500, told("The machine is out of breath", "server_error")),
    "prompt-required": (400, {"error": "prompt required"}),
    "server-word": (500, {"error": "server_error", "message": "out of memory"}),
    "odd-error": (400, {"error": {"message": ["odd"], "code": {"a": 1}}, "detail": "Something else"}),
}
LISTED: list[Told] = [
    {"id": "gpt-9-mini", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": None},
    {"id": "gpt-image-1", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": "2026-10-23"},
    {"id": MINI, "object": "model", "created": 1, "owned_by": "system", "shutdown_date": "2999-12-31"},
    {"id": "dall-e-3", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": None},
    {"id": "gpt-image-2-2026-04-21", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": None},
    {"id": "gpt-image-9", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": 1_760_000_000},
    {"id": "gpt-image-10", "object": "model", "created": 1, "owned_by": "system", "shutdown_date": {"odd": 1}},
    {"id": FREE, "object": "model", "created": 1, "owned_by": "system", "shutdown_date": None},
    {"id": FIXED, "object": "model", "created": 1, "owned_by": "system", "shutdown_date": None},
]
LISTS: dict[str, list[str]] = {
    "sdcpp": ["sd-cpp-local"],
    "localai": ["dreamshaper", "llama", "realesrgan-x4"],
    "xai": ["grok-5", "grok-imagine-image", "grok-imagine-video", "grok-imagine-image-2.0"],
    "litellm": [
        *("openai/gpt-image-2", "vertex/picture"),
        *("dall-e-3", "openai/dall-e-3", "openai/gpt-image-1", "azure/dall-e-2"),
    ],
}
TOGETHER_LISTED: list[Told] = [
    {"id": "meta/llama", "type": "chat"},
    {"id": "bfl/flux-schnell", "type": "image"},
    {"id": "bfl/flux.1-kontext-pro", "type": "image"},
]


class OpenAIReplay(Replay):
    name = "openai"
    model = FREE
    links = collects = True
    embeds = True
    cases: ClassVar = {
        **{name: f"an error under {status}" for name, (status, _) in REFUSED.items()},
        **STREAMS,
        "url": "links instead of base64",
        "url-path": "a link without a host",
        "mixed": "base64 and a link in one answer",
        "data-prefix": "base64 as a data URL",
        "empty": "200 and no pictures",
        "held-back": "200 and a picture without payload, stopped by the filter",
        "one-held-back": "the same for the first picture only",
        "no-payload": "200 and a picture without payload",
        "error-as-200": "200 and an error",
        "lists-empty": "no model that makes pictures",
        "lists-none": "404 for the list",
    }

    def __init__(self, port: int = 0, *, key: str = "test-key") -> None:
        super().__init__(port, key=key)
        self.dialect = "openai"

    async def answer(self, call: Call) -> web.Response:
        if self.dialect not in KEYLESS and call.headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal(401, f"Incorrect API key provided: {call.headers.get('authorization', '')}")
        match call.method, call.path.removeprefix("/v1"):
            case "GET", "/models":
                return self._listed(call)
            case "GET", "/model/info" if self.dialect == "litellm":
                return self.refusal(403, "only for admins")
            case "POST", "/images/generations":
                return self._generate(call)
            case "POST", "/images/edits":
                return self._edit(call)
            case "POST", "/images/inpainting" | "/images/upscale" as path:
                return self._own(call, path)
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response(told(text), status=status, headers={"x-request-id": "req_1"})

    def linked(self, url: str) -> Any:
        return {"created": 1, "data": [{"url": url}]}

    def embedded(self, base64: str) -> Any:
        return {"created": 1, "data": [{"b64_json": base64}]}

    def _listed(self, call: Call) -> web.Response:
        if call.case == "lists-none":
            return self.refusal(404, "Not found")
        if self.dialect == "together":
            return web.json_response(TOGETHER_LISTED)
        listed = [{"id": id, "object": "model"} for id in LISTS.get(self.dialect, [])] or LISTED
        return web.json_response({"object": "list", "data": listed[:1] if call.case == "lists-empty" else listed})

    def _generate(self, call: Call) -> web.Response:
        wanted = call.parse(BODIES[self.dialect]).model_dump()
        if self.dialect == "openai":
            _check_size(wanted["model"], wanted["size"])
            _check_looks(wanted)
            expect(wanted["stream"] or not wanted["partial_images"], "partial_images without a stream")
        if self.dialect == "localai" and wanted["file"]:
            _picture(base64.b64decode(wanted["file"], validate=True))
        return self._drawn(call, wanted, "image_generation")

    def _edit(self, call: Call) -> web.Response:
        expect(self.dialect in EDITS, "this server has no edits")
        part, known = EDITS[self.dialect]
        texts, files = _form(call)
        expect(set(texts) <= known and "prompt" in texts, f"fields that are not documented: {set(texts) - known}")
        expect(set(files) <= {part, "mask"} and part in files, f"files that are not documented: {set(files)}")
        expect(texts.get("model") or self.dialect == "sdcpp", "no model")
        image = _picture(files[part].data)
        if "mask" in files:
            expect(self.dialect != "sdcpp", "a mask, which is documented nowhere")
            _check_mask(files["mask"].data, image.size)
        expect(texts.get("stream", "true") == "true", "a strange boolean")
        wanted = {"size": "1024x1024", **texts, "n": int(texts.get("n", 1)), "stream": "stream" in texts}
        if self.dialect == "openai":
            _check_size(texts["model"], texts.get("size", "1024x1024"))
            _check_looks(texts)
        return self._drawn(call, wanted, "image_edit")

    def _own(self, call: Call, path: str) -> web.Response:
        """Calls that only LocalAI has."""
        expect(self.dialect == "localai", "a call that LocalAI alone has")
        texts, files = _form(call)
        if path == "/images/upscale":
            expect(set(texts) == {"model", "scale"} and texts["scale"] in ("2", "4"), "other fields than documented")
            expect(set(files) == {"image"}, "other files than documented")
        else:
            expect(set(texts) <= {"model", "prompt", "steps"} and "prompt" in texts, "other fields than documented")
            mask = _picture(files["mask"].data)
            expect(mask.mode == "L" and mask.size == _picture(files["image"].data).size, "a mask of another kind")
        return self._drawn(call, {"prompt": texts.get("prompt", ""), "n": 1}, "")

    def _drawn(self, call: Call, wanted: dict[str, Any], event: str) -> web.Response:
        if call.case in REFUSED and not (call.case == "rate-limit" and self.hit(call) > 1):
            status, body = REFUSED[call.case]
            headers = {"x-request-id": "req_1"} | ({"retry-after-ms": "1500"} if status == 429 else {})
            return web.json_response(body, status=status, headers=headers)
        if self.dialect == "sdcpp":
            wanted = as_sd_cpp(wanted)
        width, height = _shape(wanted)
        first = wanted.get("drawn_seed", 0)
        pictures = [draw(f"{wanted['prompt']} {first + n}", (width, height)) for n in range(wanted["n"])]
        # A fault changes plain JSON, the response of a server that does not stream.
        if (
            wanted.get("stream")
            and not call.case.startswith("no-stream")
            and call.case not in FAULTS
            and call.case not in PLAIN
        ):
            return streamed(call.case, event, pictures[0], self.host(call, pictures[0]))
        kind = "text/event-stream" if call.case == "no-stream-labelled" else "application/json"
        return web.json_response(self._result(call, pictures), headers={"x-request-id": "req_1"}, content_type=kind)

    def _result(self, call: Call, pictures: Sequence[bytes]) -> Any:
        linked = call.case in ("url", "url-path") or call.case.startswith("picture-")
        items = [self._linked_item(call, each) if linked else _item(each, call.case) for each in pictures]
        if call.case == "mixed":
            items = [*items, self._linked_item(call, pictures[0])]
        if call.case in ("held-back", "no-payload"):
            items = [{} if call.case == "no-payload" else {"respect_moderation": False}]
        if call.case == "one-held-back":
            items[0] = {"respect_moderation": False}
        if call.case == "error-as-200":
            return told("The machine is out of breath", "server_error")
        if self.dialect == "together":
            kinds = {"b64_json": "b64_json", "url": "url"}
            items = [{"index": n, "type": kinds[next(iter(item))], **item} for n, item in enumerate(items)][::-1]
            return {"id": "oat-1", "model": "m", "object": "list", "data": items}
        usage: Told = {"input_tokens": 9, "output_tokens": 9, "total_tokens": 18, "output_tokens_details": {}}
        return {"created": 1713833628, "data": [] if call.case == "empty" else items, "usage": usage, "size": "auto"}

    def _linked_item(self, call: Call, picture: bytes) -> Told:
        url = self.host(call, picture)
        return {"url": url.removeprefix(self.url) if call.case == "url-path" else url}


PLAIN = {case for case in OpenAIReplay.cases if case not in STREAMS} | {f"picture-{fault}" for fault in FAULTS}


def _item(picture: bytes, case: str) -> Told:
    text = base64.b64encode(picture).decode()
    return {
        "b64_json": f"data:image/png;base64,{text}" if case == "data-prefix" else text,
        "revised_prompt": "a very quiet harbour",
    }


def _shape(wanted: dict[str, Any]) -> tuple[int, int]:
    if "aspect_ratio" in wanted:
        across, down = map(float, wanted["aspect_ratio"].split(":"))
        return round(across * 32), round(down * 32)
    if "width" in wanted:
        return wanted["width"], wanted["height"]
    width, _, height = wanted.get("size", "64x64").partition("x")
    return int(width), int(height)


def _check_size(model: str, size: str) -> None:
    if not model.startswith(("gpt-image-2-", "gpt-image-2.5")) and model != FREE:
        expect(size in FIXED_SIZES, f"{model} takes no {size}")
        return
    width, height = map(int, size.split("x"))
    expect(width % 16 == height % 16 == 0, "sides that are no multiples of 16")
    expect(max(width, height) <= 3 * min(width, height), "too long for its width")
    expect(max(width, height) <= 3840 and width * height <= 8_294_400, "too large")


def _check_looks(wanted: dict[str, Any]) -> None:
    fine = wanted.get("quality") in ("xhigh", "max")
    expect(not fine or wanted["model"].startswith("gpt-image-2.5"), "a quality of 2.5 only")
    clear = wanted.get("background") == "transparent"
    expect(not clear or wanted.get("output_format") in ("png", "webp"), "transparent, in a format that cannot be")


def _form(call: Call) -> tuple[dict[str, str], dict[str, FormField]]:
    fields = fields_of(call)
    texts = {field.name: field.text for field in fields if field.filename is None}
    files = {field.name: field for field in fields if field.filename is not None}
    expect(len(texts) + len(files) == len(fields), "a field that comes twice")
    expect(all(file.kind == "image/png" for file in files.values()), "a file that is not labelled as PNG")
    return texts, files


def _picture(data: bytes) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(data), formats=("PNG",))
        image.load()
    except OSError as error:
        raise Unexpected(f"no PNG: {error}") from None
    return image


def _check_mask(data: bytes, size: tuple[int, int]) -> None:
    mask = _picture(data)
    expect(len(data) < MOST_MASK, "a mask of 4 MB and more")
    expect(mask.mode == "RGBA", "a mask without alpha")
    expect(mask.size == size, "a mask that is not of the image's size")
    alpha = mask.getchannel("A").histogram()
    expect(sum(alpha[1:255]) == 0, "a mask that is half transparent")
