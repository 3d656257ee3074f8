"""Black Forest Labs: submit by model, poll the link; the error texts are ours."""

import re
from typing import Any, ClassVar, Literal

from aiohttp import web
from pydantic import Field

from tests.replay.server import Body, Call, Replay, expect
from tests.replay.sources import expect_mask, opened

RESULT = "/v1/get_result"
FILL = ("flux-pro-1.0-fill", "flux-fill")
KONTEXT, ULTRA, FLEX = "flux-kontext-pro", "flux-pro-1.1-ultra", "flux-2-flex"
FLUX_1 = ("flux-pro-1.1", "flux-dev")
SIZED = ("flux-2-pro", "flux-2-max", "flux-2-klein-4b", "flux-2-klein-9b", FLUX_1[0], FLEX)
EDITING = {*SIZED, KONTEXT} - {FLUX_1[0]}
WORDS = {
    "request-moderated": ("Request Moderated", {"Moderation Reasons": ["Violence"]}),
    "content-moderated": ("Content Moderated", None),
    "policy": ("Error", None),
    "error": ("Error", "The machine is out of breath"),
    "failed": ("Failed", None),
    "lost": ("Task not found", None),
}
REFUSED = {"no-credit": (402, "Out of credits"), "forbidden": (403, "Not authenticated"), "invalid": (422, "No prompt")}
Side = Field(None, ge=64, le=4096, multiple_of=16)
SmallSide = Field(None, ge=256, le=1440, multiple_of=32)


class Wanted(Body):
    prompt: str
    seed: int | None = None
    safety_tolerance: int = Field(2, ge=0, le=5)
    output_format: Literal["jpeg", "png"] = "jpeg"


class Sized(Wanted):
    width: int | None = Side
    height: int | None = Side
    input_image: str | None = None


class Small(Wanted):
    width: int | None = SmallSide
    height: int | None = SmallSide


class Dev(Small):
    steps: int = Field(28, ge=1, le=50)
    guidance: float = Field(3, ge=1.5, le=5)


class Flex(Sized):
    steps: int = Field(50, ge=1, le=50)
    guidance: float = Field(5, ge=1.5, le=10)


class InRatio(Wanted):
    aspect_ratio: str = Field("16:9", pattern=r"^[1-9]\d*:[1-9]\d*$")
    input_image: str | None = None


class Fill(Wanted):
    image: str
    mask: str
    steps: int = Field(50, ge=15, le=50)
    guidance: float = Field(60, ge=1.5, le=100)


KINDS: dict[str, type[Wanted]] = {
    **dict.fromkeys(SIZED, Sized),
    **dict.fromkeys(FILL, Fill),
    **dict.fromkeys((KONTEXT, ULTRA), InRatio),
    FLEX: Flex,
    FLUX_1[0]: Small,
    FLUX_1[1]: Dev,
}


class BlackForestLabsReplay(Replay):
    name = "bfl"
    model = "flux-2-pro"
    links = collects = True
    queued = True
    polls = re.escape(RESULT)
    cases: ClassVar = {
        "trifle-seed": "a seed that is no whole number",
        "trifle-word": "a seed that is no number",
        "pending": "Pending three times, then Ready",
        **{name: f"the status {word}" for name, (word, _) in WORDS.items()},
        "late": "Task not found once, then as `pending`",
        "stages": "Reasoning and Generating with their progress, then Ready",
        "wrong-width": "400 validation_error that blames the width",
        "odd-word": "a status word that nobody knows, then Ready",
        "no-sample": "Ready without a sample",
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        "retry-in-body": "429 with retry_after in the body, once",
        "expired": "the sample's link is 403",
        "foreign": "a polling_url on another host",
        "other-fill": "the first path of fill is 404",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: dict[str, Wanted] = {}

    async def answer(self, call: Call) -> web.Response:
        if call.headers.get("x-key") != self.key:
            return self.refusal(403, f"Not authenticated {call.headers.get('x-key', '')}")
        if (call.method, call.path) == ("GET", "/v1/credits"):
            return web.json_response({"credits": 12.5})
        if call.method == "POST":
            return self._submit(call.path.removeprefix("/v1/"), call)
        expect(call.method == "GET" and call.path.startswith(RESULT), "no such call")
        id = call.path.rpartition("/")[2]
        expect(id in self._jobs, f"no such job: {id}")
        return self._status(id, call)

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"error": text, "message": text}, status=status)

    def linked(self, url: str) -> Any:
        return {
            "id": "task",
            "status": "Ready",
            "result": {"sample": url, "prompt": "a", "seed": 1},
            "details": None,
        }

    def _submit(self, model: str, call: Call) -> web.Response:
        expect(model in KINDS, f"no such model: {model}")
        if call.case == "other-fill" and model == FILL[0]:
            return web.json_response({"detail": "Not Found"}, status=404)
        wanted = call.parse(KINDS[model])
        expect(None not in call.json.values(), "a field that is null")
        self._expect_sources(wanted, model)
        if call.case in REFUSED:
            return self.refusal(*REFUSED[call.case])
        if call.case == "wrong-width":
            told = {"error": "validation_error", "message": "Wrong", "details": {"width": "No multiple of 16"}}
            return web.json_response(told, status=400)
        if call.case == "retry-in-body" and self.hit(call) == 1:
            return web.json_response({"error": "busy", "message": "Too many", "retry_after": 5}, status=429)
        return self._accept(wanted, call)

    def _expect_sources(self, wanted: Wanted, model: str) -> None:
        match wanted:
            case Fill():
                expect_mask(wanted.image, wanted.mask)
            case Sized() | InRatio() if wanted.input_image:
                expect(model in EDITING, "an image for a model that does not edit")
                opened(wanted.input_image)
            case _:
                pass

    def _accept(self, wanted: Wanted, call: Call) -> web.Response:
        id = f"task_{len(self._jobs)}"
        self._jobs[id] = wanted
        path = f"{RESULT}/{id}"
        self.follow(path, call)
        host = self.elsewhere_url if call.case == "foreign" else self.url
        return web.json_response({"id": id, "polling_url": f"{host}{path}?id={id}", "cost": 3.0})

    def _status(self, id: str, call: Call) -> web.Response:
        polls = self.hit(call)
        expect(call.query == f"id={id}", "not the link as it was given")
        if call.case in WORDS or (call.case == "late" and polls == 1):
            return web.json_response(self._waiting(id, *WORDS.get(call.case, WORDS["lost"])))
        if call.case == "stages" and polls <= 2:
            word, progress = (("Reasoning", 0.25), ("Generating", 0.75))[polls - 1]
            return web.json_response({**self._waiting(id, word, None), "progress": progress})
        if call.case in ("pending", "late", "odd-word") and polls <= 3:
            return web.json_response(self._waiting(id, "Dreaming" if call.case == "odd-word" else "Pending", None))
        return web.json_response(self._ready(id, call))

    def _waiting(self, id: str, word: str, details: Any) -> dict[str, Any]:
        told = {"details": details} if details else {}
        if word == WORDS["policy"][0] and not details:
            told = {"error": "content_policy_violation", "message": "Not drawn here"}
        return {"id": id, "status": word, "result": None, **told}

    def _ready(self, id: str, call: Call) -> dict[str, Any]:
        wanted = self._jobs[id]
        if call.case == "no-sample":
            return {"id": id, "status": "Ready", "result": {"prompt": wanted.prompt}}
        if call.case == "expired":
            return {**self.linked(self.host(call, b"expired", status=403)), "id": id}
        size = (wanted.width or 1024, wanted.height or 1024) if isinstance(wanted, (Sized, Small)) else (640, 640)
        seed = 42 if wanted.seed is None else wanted.seed
        sample = self.draw(call, wanted.prompt, *size, kind=wanted.output_format)
        seed = {"trifle-seed": 1.5, "trifle-word": "many"}.get(call.case, seed)
        return {"id": id, "status": "Ready", "result": {"sample": sample, "prompt": wanted.prompt, "seed": seed}}
