"""AUTOMATIC1111, Forge, SD.Next and stable-diffusion.cpp at one address, chosen by cases; the error texts are ours."""

import asyncio
import base64
import binascii
import io
import json
from typing import Any, ClassVar, Literal

from aiohttp import web
from PIL import Image
from pydantic import Field

from tests.replay.pictures import draw, noise
from tests.replay.server import Body, Call, Replay, Unexpected, expect

ROOT = "/sdapi/v1"
ACCOUNT = "easel:open-sesame"
PLAIN, LARGE = "plain-v1-5.safetensors [6ce0161689]", "xl/künstler-xl ✨.safetensors [31e35c80fc]"
LISTED = [(PLAIN, "plain-v1-5"), (LARGE, "künstler-xl ✨")]
SAME = [(PLAIN, "ink"), ("old/ink.ckpt [aaaaaaaaaa]", "ink"), (PLAIN, "ink"), ("Neu/ink.ckpt [bbbbbbbbbb]", "ink")]
SAMPLERS, SCHEDULERS = ("DPM++ 2M", "Euler a"), (("automatic", "Automatic"), ("karras", "Karras"))
STYLES = ("Ink & wash", "Aquarell ✨", "Ink & wash")
HEADINGS = ("---------------- STYLES ----------------", "── Euler ──")
"""Separators in lists: in Forge's styles, and in SD.Next's samplers."""
PLAIN_UPSCALERS = (("None", None), ("Lanczos", None), ("Nearest", None))
AWAY = (
    ("DAT x2", "https://models.example/DAT_x2.pth"),
    ("Aura 4x", "somebody/aura"),
    ("Seed 3B", None),
    ("VFX 2x", ""),
)
"""Upscalers whose networks the servers would have to download first."""
SDNEXT_UPSCALERS = (("None", None), ("Resize Nearest", None), ("Resize Lanczos", None), ("Latent Area", None), *AWAY)
UPSCALERS = (
    *(*PLAIN_UPSCALERS, *AWAY),
    *(("4x-Sharp", "/srv/models/ESRGAN/4x-Sharp.pth"), ("4x-Soft", "C:\\models\\4x-Soft.safetensors")),
)
"""Upscalers' names, and their files."""
SOMEBODY = "task(txt2img-SOMEBODY)"
SDNEXT = ("sdnext", "sdnext-own")
HELD = ("held", "held-late", "held-busy", "large-previews", "waiting", "foreign", *SDNEXT)
LARGE_PREVIEWS = 5
REFUSED = {
    "sampler-400": (400, "Sampler not found"),
    "sampler-404": (404, "Sampler not found"),
    "checkpoint-404": (404, "Checkpoint not found"),
    "bad-image": (500, "Invalid encoded image"),
    "no-api": (404, "Not Found"),
}
STEPS = (
    {"active": False, "queued": True, "completed": False, "textinfo": "In queue: 2/3", "id_live_preview": -1},
    {"active": True, "progress": 0.1, "eta": 9.5, "live_preview": None, "id_live_preview": -1},
    {"active": True, "progress": 0.6, "eta": 4.0, "live_preview": "<preview>", "id_live_preview": 3},
    {
        "active": True,
        "progress": 1.01,
        "eta": -1,
        "live_preview": "data:image/jpeg;base64,aGVsbG8=",
        "id_live_preview": 4,
    },
    {
        "active": False,
        "queued": False,
        "completed": True,
        "progress": 0,
        "textinfo": "Waiting...",
        "id_live_preview": -1,
    },
)
NOISE = noise((180, 180))
Side = Field(512, ge=64, le=2048, multiple_of=8)


class Override(Body):
    sd_model_checkpoint: str


class Words(Body):
    """txt2img."""

    prompt: str
    negative_prompt: str = ""
    width: int = Side
    height: int = Side
    batch_size: int = Field(1, ge=1, le=4)
    seed: int = Field(-1, ge=-1)
    steps: int = Field(50, ge=1, le=150)
    cfg_scale: float = 7
    sampler_name: str = ""
    scheduler: str = ""
    styles: list[Literal["Ink & wash", "Aquarell ✨"]] = Field([], max_length=1)
    override_settings: Override | None = None
    save_images: Literal[False] = False
    force_task_id: str = Field(pattern=r"^easel-[0-9a-f]{16}$")


class Pictured(Words):
    """img2img."""

    init_images: list[str] = Field(min_length=1, max_length=1)
    denoising_strength: float = Field(0.75, ge=0, le=1)
    mask: str | None = None
    inpainting_mask_invert: Literal[0] | None = None
    inpaint_full_res: bool | None = None


class Enlarging(Body):
    image: str
    upscaling_resize: float = Field(2, ge=1, le=8)
    upscaler_1: str


class Asked(Body):
    id_task: str
    live_preview: bool
    id_live_preview: int


class Automatic1111Replay(Replay):
    name = "automatic1111"
    needs_key = False
    model = PLAIN
    embeds = True
    asides = r"/(sd-models|samplers|schedulers|upscalers|prompt-styles|options|progress|interrupt)$"
    cases: ClassVar = {
        "basic": "wants the user and password of --api-auth",
        "grid": "a grid in front, index_of_first_image 1",
        "grid-null": "the same, with seeds that are null",
        "control-map": "a control map behind the pictures",
        "data-url": "pictures as data: URLs",
        "no-info": "an empty info",
        "broken-info": "an info that is no JSON",
        "odd-index": "an index of the first image that is none",
        "fewer": "one picture, whatever was asked for",
        "nothing": "no picture at all",
        "steps": "queued, 0.1, 0.6 with a preview, 1.01 with a broken one, done; then the picture",
        "large-previews": "previews of 130 kB each, then a picture of as many bytes",
        "held": "draws until it is interrupted, then answers 200 with half a picture",
        "held-late": "the same, and says that it is nearly done",
        "held-busy": "the same, and answers an interrupt with 503, as somebody else's job begins",
        "waiting": "waits in the queue for ever",
        "headings": "lists with headings, with nulls and with entries of other types",
        "broken-checkpoint": "500 for a checkpoint that cannot be read",
        "foreign": "draws somebody else's picture for ever",
        "no-internal": "lacks /internal/progress, as under --nowebui",
        "no-progress-now": "answers 503 where progress should be",
        "sdnext": "SD.Next that makes up ids of its own, at work for ever",
        "sdnext-own": "SD.Next that tells of the id it was given, at work until it is interrupted",
        "sdcpp": "stable-diffusion.cpp: one checkpoint, no progress, no interrupt, no upscaling, an empty info",
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        "detail-list": "422 with a list of details",
        "out-of-memory": "500 OutOfMemoryError",
        "old": "an old server without /schedulers",
        "lists-lost": "503 in place of all lists but that of the checkpoints",
        "lists-moved": "redirects in place of all lists but that of the checkpoints",
        "same-names": "checkpoints of identical names",
        "plain-upscalers": "no upscaler but Lanczos and Nearest",
        "no-upscalers": "no upscaler but None",
        "lists-empty": "no checkpoints at all",
        "busy": "answers late: the queue is long",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.account: str | None = None
        """User and password that it wants, as `user:password`; None: it wants none."""
        self.at_work: str | None = None
        """The current task; as on the real server, it stays so when its client disconnects."""
        self.waits = True
        """Whether the job of the case "waiting" is in the queue, and not yet the current one."""
        self.interrupted: list[str | None] = []
        self._over = asyncio.Event()

    async def answer(self, call: Call) -> web.Response:
        account = ACCOUNT if call.case == "basic" else self.account
        authorization = "Basic " + base64.b64encode(account.encode()).decode() if account else None
        if call.headers.get("authorization") != authorization:
            expect(call.case == "basic", "a password that nobody asked for")
            return self.refusal(401, "Incorrect username or password")
        if call.path == "/internal/progress":
            return self._progress(call)
        if call.case in ("lists-moved", "lists-lost") and call.method == "GET" and not call.path.endswith("/sd-models"):
            return web.Response(status=307 if call.case == "lists-moved" else 503, headers={"Location": "/login"})
        expect(call.path.startswith(ROOT + "/"), "no such call")
        name = call.path.removeprefix(ROOT + "/")
        match call.method, name:
            case "GET", "progress":
                return self._global(call)
            case "GET", _:
                return self._list(name, call)
            case "POST", "txt2img" | "img2img":
                return await self._draw(call, call.parse(Words if name == "txt2img" else Pictured))
            case "POST", "extra-single-image":
                return self._enlarge(call)
            case "POST", "interrupt":
                return self._interrupt(call)
            case _:
                raise Unexpected("no such call")

    def refusal(self, status: int, text: str) -> web.Response:
        body = {"error": "HTTPException", "detail": text, "body": "", "errors": ""}
        return web.json_response(body, status=status)

    def embedded(self, base64: str) -> Any:
        return {"images": [base64], "parameters": {}, "info": json.dumps({"seed": 1, "all_seeds": [1]})}

    def _list(self, name: str, call: Call) -> web.Response:
        lists: dict[str, list[dict[str, Any]]] = {
            "sd-models": [_checkpoint(*each) for each in _checkpoints(call.case)],
            "samplers": [{"name": name, "aliases": [], "options": {}} for name in SAMPLERS],
            "schedulers": [{"name": name, "label": label} for name, label in SCHEDULERS],
            "prompt-styles": [{"name": name, "prompt": "{prompt}, ink", "negative_prompt": ""} for name in STYLES],
            "upscalers": [
                {"name": name, "model_name": None, "model_path": path, "model_url": None, "scale": 4}
                for name, path in _upscalers(call.case)
            ],
        }
        if call.case == "headings":
            lists = {name: [*HEADED, *entries] for name, entries in lists.items()}
            lists["prompt-styles"].append({"name": "Half", "prompt": None, "negative_prompt": "fog"})
        if call.case in SDNEXT:
            lists["schedulers"] = [{"name": name, "class": "Scheduler", "options": {}} for name in SAMPLERS]
            lists["sd-models"] = [{**each, "type": "sdxl"} for each in lists["sd-models"]]
        if (call.case, name) in (("old", "schedulers"), ("sdcpp", "prompt-styles")):
            return self.refusal(404, "Not Found")
        if name == "options":
            return web.json_response({"sd_model_checkpoint": LARGE, "CLIP_stop_at_last_layers": 1})
        expect(name in lists, "no such list")
        return web.json_response(lists[name])

    def _progress(self, call: Call) -> web.Response:
        asked = call.parse(Asked)
        expect(call.method == "POST", "a method that is not documented")
        if call.case in ("no-internal", "sdcpp"):
            return self.refusal(404, "Not Found")
        if call.case == "no-progress-now":
            return self.refusal(503, "Later")
        if call.case == "steps":
            return self._step(self.hit(call))
        active = asked.id_task == self.at_work
        queued = call.case == "waiting" and self.waits and not active
        state = {"active": active, "queued": queued, "completed": False}
        if call.case == "large-previews":
            state |= self._large_preview(self.hit(call))
        return web.json_response({**state, "progress": 0.97 if call.case == "held-late" else 0.3, "eta": 2.0})

    def _step(self, hit: int) -> web.Response:
        step = STEPS[min(hit, len(STEPS)) - 1]
        if hit >= len(STEPS):
            self._over.set()
        preview = "data:image/png;base64," + _text(draw("preview"))
        return web.json_response({**step, **({"live_preview": preview} if step["id_live_preview"] == 3 else {})})

    def _large_preview(self, hit: int) -> dict[str, Any]:
        if hit == LARGE_PREVIEWS:
            self._over.set()
        return {"live_preview": "data:image/png;base64," + _text(NOISE), "id_live_preview": hit}

    def _global(self, call: Call) -> web.Response:
        expect(call.query in ("skip_current_image=true", "skip_current_image=false"), "a query of another kind")
        if call.case == "sdcpp":
            return self.refusal(404, "Not Found")
        state = {"job": "scripts_txt2img", "job_count": int(bool(self.at_work)), "interrupted": False}
        body: dict[str, Any] = {"progress": 0.3, "eta_relative": 2.0, "state": state, "current_image": None}
        if call.query.endswith("false"):
            body["current_image"] = _text(draw("preview"))
        if call.case in SDNEXT:
            body["id"] = "0d1f2e3a4b5c6d7" if call.case == "sdnext" else self.at_work or ""
        return web.json_response(body)

    def _interrupt(self, call: Call) -> web.Response:
        expect(self.at_work not in (None, SOMEBODY) and call.case != "sdnext", "an interrupt of somebody else's job")
        if call.case == "held-busy":
            self.at_work = SOMEBODY
            return self.refusal(503, "Later")
        self.interrupted.append(self.at_work)
        self.at_work = None
        self._over.set()
        return web.Response(status=204) if call.case in SDNEXT else web.json_response({})

    async def _draw(self, call: Call, wanted: Words) -> web.Response:
        titles = [title for title, _ in _checkpoints(call.case)]
        override = wanted.override_settings
        expect(override is None or override.sd_model_checkpoint in titles, "an unknown checkpoint")
        expect("sd_cpp_extra_args" not in wanted.prompt + wanted.negative_prompt, "a member's orders to the server")
        expect(wanted.sampler_name in ("", *SAMPLERS), "an unknown sampler")
        expect(wanted.scheduler in ("", *(label for _, label in SCHEDULERS)), "an unknown scheduler")
        if isinstance(wanted, Pictured):
            _check_sources(wanted)
        if call.case in REFUSED:
            return self.refusal(*REFUSED[call.case])
        await self._work(call, wanted)
        match call.case:
            case "detail-list":
                wrong = {"loc": ["body", "cfg_scale"], "msg": "value is not a valid float", "type": "type_error.float"}
                return web.json_response({"detail": [wrong]}, status=422)
            case "broken-checkpoint":
                body = {"error": "ValueError", "detail": "", "body": "", "message": "Failed to recognize model type!"}
                return web.json_response(body, status=500)
            case "out-of-memory":
                body = {
                    "error": "OutOfMemoryError",
                    "detail": "",
                    "body": "",
                    "errors": "CUDA out of memory. <b>Oh</b>",
                }
                return web.json_response(body, status=500)
            case _:
                return web.json_response(self._drawn(call, wanted))

    async def _work(self, call: Call, wanted: Words) -> None:
        """Work on a job, which stays the current one when its client disconnects."""
        for path in ("/internal/progress", f"{ROOT}/progress", f"{ROOT}/interrupt"):
            self.follow(path, call)
        if call.case == "steps":
            self.at_work = wanted.force_task_id
        if call.case in HELD:
            self.at_work = SOMEBODY if call.case in ("foreign", "waiting") else wanted.force_task_id
            self.started.set()
        if call.case == "steps" or call.case in HELD:
            await self._over.wait()
        if call.case == "busy":
            await asyncio.sleep(self.slow_seconds)

    def _drawn(self, call: Call, wanted: Words) -> dict[str, Any]:
        count = {"fewer": 1, "nothing": 0}.get(call.case, wanted.batch_size)
        word = "half of " if call.case in HELD else ""
        size = (wanted.width, wanted.height)
        if call.case == "sdcpp":
            size = (-(-wanted.width // 64) * 64, -(-wanted.height // 64) * 64)
        images = [_text(draw(f"{word}{wanted.prompt} {place}", size)) for place in range(count)]
        if call.case == "large-previews":
            images = [_text(NOISE)]
        if call.case == "data-url":
            images = ["data:image/png;base64," + image for image in images]
        seed = 4000 if wanted.seed == -1 else wanted.seed
        info: dict[str, Any] = {"seed": seed, "all_seeds": [seed + place for place in range(count)], "infotexts": []}
        info["index_of_first_image"] = {"grid": 1, "grid-null": 1, "odd-index": 99}.get(call.case, 0)
        info["all_seeds"] = None if call.case == "grid-null" else info["all_seeds"]
        before = [_text(draw("grid"))] if call.case.startswith("grid") else []
        behind = [_text(draw("map"))] if call.case == "control-map" else []
        told = {"no-info": "", "sdcpp": "", "broken-info": "{"}.get(call.case, json.dumps(info))
        return {"images": [*before, *images, *behind], "parameters": {"prompt": wanted.prompt}, "info": told}

    def _enlarge(self, call: Call) -> web.Response:
        wanted = call.parse(Enlarging)
        paths = dict(_upscalers(call.case))
        expect(wanted.upscaler_1 in paths and call.case != "sdcpp", "no such upscaler")
        expect((wanted.upscaler_1, paths[wanted.upscaler_1]) not in AWAY, "an upscaler that is not there")
        if call.case in SDNEXT and paths[wanted.upscaler_1] is None:
            return self.refusal(500, "1 validation error for ResProcessImage")
        image = _opened(wanted.image)
        size = tuple(int(side * wanted.upscaling_resize) for side in image.size)
        expect(max(size) <= 4096, "a picture that is too large")
        return web.json_response({"image": _text(draw("larger", (size[0], size[1]))), "html_info": "<p>done</p>"})


def _checkpoints(case: str) -> list[tuple[str, str]]:
    return {"lists-empty": [], "same-names": SAME, "sdcpp": [(PLAIN, PLAIN)]}.get(case, LISTED)


def _checkpoint(title: str, name: str) -> dict[str, Any]:
    return {"title": title, "model_name": name, "hash": None, "sha256": None, "filename": "/m/" + title, "config": None}


HEADED: list[Any] = [
    *({"name": name, "title": name, "label": name, "prompt": None, "negative_prompt": None} for name in HEADINGS),
    *(None, "text", 7, [], {}),
    {"name": 7, "title": 7, "label": 7, "prompt": "x", "negative_prompt": "y"},
]


def _upscalers(case: str) -> tuple[tuple[str, str | None], ...]:
    plain, none = (*PLAIN_UPSCALERS, *AWAY), PLAIN_UPSCALERS[:1]
    own = {"plain-upscalers": plain, "no-upscalers": none, **dict.fromkeys(SDNEXT, SDNEXT_UPSCALERS)}
    return own.get(case, UPSCALERS)


def _check_sources(wanted: Pictured) -> None:
    size = (wanted.width, wanted.height)
    expect(_opened(wanted.init_images[0]).size == size, "an image that the server would have to fit")
    if wanted.mask is not None:
        mask = _opened(wanted.mask)
        expect(mask.mode == "L" and mask.size == size, "a mask of another kind or size")
        expect(wanted.inpainting_mask_invert == 0, "a mask that does not say what white means")


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _opened(text: str) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)))
        image.load()
    except (binascii.Error, OSError) as error:
        raise Unexpected(f"no base64 of a picture: {error}") from None
    return image
