"""AI Horde: accepted, checked, fetched; the error texts are ours."""

import base64
import binascii
import io
import re
from collections import Counter
from typing import Any, ClassVar, Literal, NamedTuple

from aiohttp import web
from PIL import Image
from pydantic import Field, field_validator

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, Unexpected, expect

ROOT, ANONYMOUS = "/api/v2", "0000000000"
AGENT = re.compile(r"[^:]+:[^:]+:[^:]+")
BANNED = "My-Project:v0.0.1:My-Contact"
STATUS_LIMIT = 10
SAMPLERS = (
    "k_lms k_heun k_euler k_euler_a k_dpm_2 k_dpm_2_a k_dpm_fast k_dpm_adaptive k_dpmpp_2s_a k_dpmpp_2m "
    "dpmsolver k_dpmpp_sde DDIM lcm"
)
REFUSED: dict[str, tuple[int, str | None, str]] = {
    "wrong-key": (401, "InvalidAPIKey", "No user matches this key"),
    "agent-banned": (403, "BannedClientAgent", "This client is not welcome"),
    "unsafe-ip": (403, "UntrustedUnsafeIP", "Only Trusted users are allowed to do that"),
    "kudos-ever": (403, "KudosUpfront", "This needs 12 kudos up front"),
    "shared-key-empty": (403, "SharedKeyEmpty", "This shared key has run out of kudos"),
    "shared-key-short": (403, "SharedKeyInsufficientKudos", "This shared key has too few kudos for that"),
    "too-many": (429, "TooManyPrompts", "32 of 30 prompts are under way"),
    "limiter": (429, None, "2 per 1 second"),
    "corrupt": (400, "CorruptPrompt", "These words are not drawn here"),
    "ip-timeout": (403, "TimeoutIP", "Your address is in timeout for 187 more seconds"),
    "maintenance": (400, "MaintenanceMode", "Nobody is served while we tidy up"),
    "maintenance-503": (503, "MaintenanceMode", "Nobody is served while we tidy up"),
    "no-workers": (400, "NoValidWorkers", "None of these workers is here"),
    "bad-size": (400, "InvalidSize", "That is no multiple of 64"),
    "bad-steps": (400, "TooManySteps", "Too many steps"),
    "bad-sampler": (400, "UnsupportedSampler", "Nobody knows this sampler"),
    "bad-model": (400, "UnsupportedModel", "Nobody knows this model"),
    "bad-cfg": (400, "BadCFGDecimals", "Two decimals at most"),
    "bad-image": (400, "ImageValidationFailed", "That is no webp"),
    "image-too-large": (400, "SourceImageSizeExceeded", "That image is too large"),
    "no-mask": (400, "InpaintingMissingMask", "There is no mask"),
    "loras": (400, "TooManyLoras", "Too many of them"),
}
PASSING = [f"{what}-{name}" for what in ("check", "status") for name in ("ip-timeout", "maintenance")]
LISTED = [
    {"name": "Quiet", "count": 1, "performance": 1.0, "queued": 900.0, "jobs": 9.0, "eta": 600, "type": "image"},
    {"name": "stable_diffusion", "count": 9, "performance": 9.0, "queued": 0, "jobs": 0, "eta": 0, "type": "image"},
    {"name": "Nobody", "count": 0, "performance": 0.0, "queued": 9.0, "jobs": 1.0, "eta": 10000, "type": "image"},
    {"name": "Flux.1", "count": 4, "performance": 2.0, "queued": 70.0, "jobs": 2.0, "eta": 59, "type": "image"},
]


class Params(Body):
    width: int = Field(512, ge=64, le=3072, multiple_of=64)
    height: int = Field(512, ge=64, le=3072, multiple_of=64)
    n: int = Field(1, ge=1, le=20)
    steps: int = Field(30, ge=1, le=500)
    cfg_scale: float = Field(7.5, ge=0, le=100)
    seed: str = Field("", pattern=r"^[0-9]*$")
    sampler_name: str = "k_euler_a"
    denoising_strength: float = Field(0.75, ge=0.01, le=1)

    @field_validator("cfg_scale")
    @classmethod
    def _two_decimals(cls, value: float) -> float:
        assert value == round(value, 2), "two decimals at most"
        return value

    @field_validator("sampler_name")
    @classmethod
    def _known(cls, value: str) -> str:
        assert value in SAMPLERS.split(), "no such sampler"
        return value


class Wanted(Body):
    prompt: str = Field(min_length=1)
    params: Params
    models: list[str] = Field(min_length=1)
    nsfw: bool
    censor_nsfw: bool
    r2: bool = False
    shared: bool = False
    replacement_filter: bool = True
    allow_downgrade: bool = False
    source_image: str | None = None
    source_mask: str | None = None
    source_processing: Literal["img2img", "inpainting"] | None = None


class Accepted(NamedTuple):
    wanted: Wanted
    id: str


class AIHordeReplay(Replay):
    name = "aihorde"
    model = "stable_diffusion"
    links = True
    embeds = True
    queued = True
    polls = r"/generate/(?:check|status)/"
    cases: ClassVar = {
        "base64": "webp in base64, though links were asked for",
        "some-censored": "the second picture is censored, by its flag",
        "some-csam": "the second picture is censored, by a remark",
        "all-censored": "every picture is censored",
        "none": "done, and no picture",
        "faulted": "the workers failed",
        "half-faulted": "one picture is finished, and the workers failed with the other",
        "impossible": "nobody can draw it, for ever, and a warning says so at once",
        "possible-again": "nobody can draw it for two checks",
        "kudos": "403 KudosUpfront, unless downgrading is allowed",
        **{name: f"{status} {rc or 'without a code'}" for name, (status, rc, _) in REFUSED.items()},
        "validation": "400 with a list of fields and without a code",
        "corrupt-timeout": "CorruptPrompt, and TimeoutIP from then on",
        **dict.fromkeys(PASSING, "the first poll of this kind is answered so"),
        "half": "one picture is there, the other never comes",
        "half-impossible": "the same, and nobody can draw it",
        "status-busy": "429 on the first four requests for the pictures",
        "expired": "404 on every check",
        "gone": "410 on every check",
        "vanished": "done, then 404 where the pictures were",
        "call-off-fails": "as impossible, and DELETE answers 500",
        "lists-empty": "nobody serves any model",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: list[Accepted] = []
        self._asked: Counter[str] = Counter()

    async def answer(self, call: Call) -> web.Response:
        expect(call.path.startswith(ROOT + "/"), "no such call")
        agent = call.headers.get("client-agent", "")
        if not AGENT.fullmatch(agent) or agent == BANNED:
            return self._refused(403, "BannedClientAgent", "Say who you are in Client-Agent")
        if call.headers.get("apikey") not in (self.key, ANONYMOUS):
            return self._refused(401, "InvalidAPIKey", f"No user matches {call.headers.get('apikey', '')}")
        path = call.path.removeprefix(ROOT)
        what, _, id = path.removeprefix("/generate/").partition("/")
        match call.method, what:
            case "POST", "async":
                return self._submit(call)
            case "GET", "check":
                return self._check(id, call)
            case (("GET" | "DELETE"), "status"):
                return self._status(id, call)
            case _:
                return self._listed(call, path)

    def refusal(self, status: int, text: str) -> web.Response:
        return self._refused(status, "InvalidAPIKey" if status == 401 else None, text)

    def linked(self, url: str) -> Any:
        """A response that is valid for submit, check and status."""
        return {"id": self._jobs[-1].id, **_state(1, done=True), "generations": [_generation(url, "7")]}

    def embedded(self, base64: str) -> Any:
        return self.linked(base64)

    def _refused(self, status: int, rc: str | None, text: str) -> web.Response:
        return web.json_response({"message": text, **({"rc": rc} if rc else {})}, status=status)

    def _listed(self, call: Call, path: str) -> web.Response:
        expect(call.method == "GET", "a method that is not documented")
        if path == "/find_user":
            anonymous = call.headers["apikey"] == ANONYMOUS
            return web.json_response({"username": "Anonymous#0" if anonymous else "host#1", "kudos": 123.4, "id": 1})
        expect(path == "/status/models" and call.query == "type=image&model_state=known", "no such call")
        return web.json_response([] if call.case == "lists-empty" else LISTED)

    def _submit(self, call: Call) -> web.Response:
        wanted = call.parse(Wanted)
        expect(wanted.prompt.count("###") <= 1, "a prompt in three parts")
        expect(len(wanted.prompt) < 7000 or not wanted.replacement_filter, "a filter for a prompt that is too long")
        _check_sources(wanted)
        if call.case in REFUSED:
            return self._refused(*REFUSED[call.case])
        if call.case == "corrupt-timeout":
            return self._refused(*REFUSED["corrupt" if self.hit(call) == 1 else "ip-timeout"])
        if call.case == "kudos" and not wanted.allow_downgrade:
            return self._refused(403, "KudosUpfront", "This needs 12 kudos up front")
        if call.case == "validation":
            fault = {"errors": {"params.width": "3100 is too much"}, "message": "Input payload validation failed"}
            return web.json_response(fault, status=400)
        return self._accept(wanted, call)

    def _accept(self, wanted: Wanted, call: Call) -> web.Response:
        id = f"00000000-0000-4000-8000-{len(self._jobs):012}"
        self._jobs.append(Accepted(wanted, id))
        for kind in ("check", "status"):
            self.follow(f"{ROOT}/generate/{kind}/{id}", call)
        warning = {"code": "NoAvailableWorker", "message": "Nobody here can draw that"}
        extra = {"message": "Read the news", "warnings": [warning]} if call.case == "impossible" else {}
        return web.json_response({"id": id, "kudos": 12.0, **extra}, status=202)

    def _check(self, id: str, call: Call) -> web.Response:
        wanted, checks = self._job(id).wanted, self.hit(call)
        if call.case in ("expired", "gone"):
            return self._lost(call)
        if call.case in PASSING and call.case.startswith("check") and checks == 1:
            return self._refused(*REFUSED[call.case.removeprefix("check-")])
        if call.case in ("faulted", "half-faulted"):
            return web.json_response({**_state(wanted.params.n), "faulted": True})
        never = call.case in ("impossible", "half-impossible", "call-off-fails")
        if never or (call.case == "possible-again" and checks < 3):
            return web.json_response({**_state(wanted.params.n), "is_possible": False})
        is_done = checks > 1 and call.case != "half"
        return web.json_response(_state(wanted.params.n, done=is_done, finished=int(call.case == "half")))

    def _status(self, id: str, call: Call) -> web.Response:
        wanted = self._job(id).wanted
        if call.method == "DELETE":
            if call.case == "call-off-fails":
                return self._refused(500, None, "Not now")
            if call.case in ("expired", "gone"):
                return self._lost(call)
            pictures = self._generations(wanted, call)[: int(call.case.startswith("half"))]
            return web.json_response({**_state(wanted.params.n), "generations": pictures})
        self._asked[id] += 1
        if self._asked[id] > STATUS_LIMIT or (call.case == "status-busy" and self._asked[id] <= 4):
            return self._refused(429, None, "10 per 1 minute")
        if call.case in PASSING and call.case.startswith("status") and self._asked[id] == 1:
            return self._refused(*REFUSED[call.case.removeprefix("status-")])
        if call.case == "vanished":
            return self._lost(call)
        state = _state(wanted.params.n, done=True, finished=wanted.params.n)
        return web.json_response({**state, "generations": self._generations(wanted, call), "shared": wanted.shared})

    def _lost(self, call: Call) -> web.Response:
        if call.case == "gone":
            return self._refused(410, "RequestExpired", "That request is over")
        return self._refused(404, "RequestNotFound", "No such request")

    def _job(self, id: str) -> Accepted:
        found = next((job for job in self._jobs if job.id == id), None)
        if found is None:
            raise Unexpected(f"no such job: {id}")
        return found

    def _generations(self, wanted: Wanted, call: Call) -> list[dict[str, Any]]:
        count = 0 if call.case == "none" else wanted.params.n
        return [self._drawn(wanted, call, number) for number in range(count)]

    def _drawn(self, wanted: Wanted, call: Call, number: int) -> dict[str, Any]:
        text, size = f"{wanted.prompt} {number}", (wanted.params.width, wanted.params.height)
        if not wanted.r2 or call.case == "base64":
            image = base64.b64encode(draw(text, size, "WEBP")).decode()
        else:
            image = self.draw(call, text, *size, "webp")
        generation = _generation(image, str(int(wanted.params.seed or 7) + number))
        if call.case == "all-censored" or (call.case == "some-censored" and number == 1):
            return {**generation, "censored": True}
        if call.case == "some-csam" and number == 1:
            return {**generation, "gen_metadata": [{"type": "censorship", "value": "csam", "ref": ""}]}
        return generation


def _state(count: int, *, done: bool = False, finished: int = 0) -> dict[str, Any]:
    rest = {"finished": finished, "processing": 0, "restarted": 0, "waiting": count, "faulted": False, "kudos": 12.0}
    place = {"wait_time": 0, "queue_position": 0} if done else {"wait_time": 40, "queue_position": 12}
    return {**rest, **place, "done": done, "is_possible": True}


def _generation(image: str, seed: str) -> dict[str, Any]:
    worker = {"worker_id": "w", "worker_name": "a volunteer", "model": "stable_diffusion", "state": "ok"}
    metadata = [{"type": "lora", "value": "parse_failed", "ref": "x"}]
    return {"img": image, "seed": seed, "id": "g", "censored": False, "gen_metadata": metadata, **worker}


def _check_sources(wanted: Wanted) -> None:
    expect(bool(wanted.source_image) == bool(wanted.source_processing), "an image and what to do with it")
    expect(bool(wanted.source_mask) == (wanted.source_processing == "inpainting"), "a mask and inpainting")
    image, mask = _opened(wanted.source_image), _opened(wanted.source_mask)
    expect(not (image and mask) or image.size == mask.size, "a mask that is not of the image's size")


def _opened(text: str | None) -> Image.Image | None:
    if text is None:
        return None
    try:
        image = Image.open(io.BytesIO(base64.b64decode(text, validate=True)), formats=("WEBP",))
        image.load()
    except (binascii.Error, OSError) as error:
        raise Unexpected(f"no base64 of a webp: {error}") from None
    expect(image.mode == "RGB", "an alpha channel, which would be a mask")
    return image
