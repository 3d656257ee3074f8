"""fal: the queue in front of its apps; the error texts are ours."""

import base64
from typing import Any, ClassVar

from aiohttp import web
from pydantic import Field

from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, expect
from tests.replay.sources import DATA_URL, expect_mask, opened

SCHNELL, DEV, PRO = "fal-ai/flux/schnell", "fal-ai/flux/dev", "fal-ai/flux-pro/v1.1"
FROM_IMAGE, KONTEXT = "fal-ai/flux/dev/image-to-image", "fal-ai/flux-pro/kontext"
EDIT, FILL = "fal-ai/flux-2/edit", "fal-ai/flux-pro/v1/fill"
FLUX_2, FLUX_2_PRO, QWEN_EDIT = "fal-ai/flux-2", "fal-ai/flux-2-pro", "fal-ai/qwen-image-edit"
KONTEXT_WORDS, GPT_IMAGE = "fal-ai/flux-pro/kontext/text-to-image", "fal-ai/gpt-image-1/text-to-image"
NGINX = "<html><head><title>502 Bad Gateway</title></head><body><hr>nginx</body></html>"
POLICY = {"loc": ["body", "prompt"], "msg": "It was flagged", "type": "content_policy_violation"}
TOO_LARGE: dict[str, Any] = {
    "loc": ["body", "image_url"],
    "msg": "Too many pixels",
    "type": "image_too_large",
    "ctx": {},
}
REFUSED: dict[str, tuple[int, Any]] = {
    "policy-list": (422, [POLICY]),
    "policy-object": (422, POLICY),
    "too-large": (422, [TOO_LARGE]),
    "no-balance": (403, "User is locked. Reason: Exhausted balance"),
    "result-policy": (422, [POLICY]),
}
ERRORS = {
    "failed": ("The machine is out of breath", None),
    "failed-policy": ("It was flagged", "content_policy_violation"),
    "failed-type": (None, "runner_error"),
    "failed-behind": ("Invalid status code: 422", "http_error"),
}
TRIFLES: dict[str, dict[str, Any]] = {
    "trifle-seed": {"seed": 1.5},
    "trifle-flags": {"has_nsfw_concepts": [None]},
    "trifle-flag": {"has_nsfw_concepts": False},
    "trifle-timings": {"timings": []},
    "trifle-seconds": {"timings": {"inference": "fast"}},
}
FLAGS = {"nsfw": [True], "nsfw-some": [False, True, False, False], "nsfw-null": None}
LAST_WORDS = {"result-500": 500, "result-502": 502, "result-503": 503}
TIMED_OUT = {"X-Fal-Request-Timeout-Type": "user"}


class Size(Body):
    width: int = Field(ge=1, le=14142)
    height: int = Field(ge=1, le=14142)


class App(Body):
    """What every app takes."""

    prompt: str


class Seeded(App):
    seed: int | None = None


class Several(Seeded):
    num_images: int = Field(1, ge=1, le=4)


class Checked(Seeded):
    enable_safety_checker: bool = True


class Tolerant(Seeded):
    safety_tolerance: str = Field("2", pattern=r"^[1-6]$")


class Sized(Seeded):
    image_size: Size | None = None


class Stepped(Several, Checked):
    num_inference_steps: int = Field(28, ge=1, le=50)
    guidance_scale: float = Field(3.5, ge=1, le=20)


class Flux(Stepped, Sized):
    pass


class FluxPro(Several, Tolerant, Sized):
    pass


class Flux2Pro(Tolerant, Checked, Sized):
    safety_tolerance: str = Field("2", pattern=r"^[1-5]$")


class FromImage(Stepped):
    image_url: str
    strength: float = Field(0.95, ge=0, le=1)


class KontextWords(Several, Tolerant):
    guidance_scale: float = Field(3.5, ge=1, le=20)
    aspect_ratio: str = Field("1:1", pattern=r"^(21:9|16:9|4:3|3:2|1:1|2:3|3:4|9:16|9:21)$")


class Kontext(KontextWords):
    image_url: str


class Edit(Flux):
    image_urls: list[str]


class QwenEdit(Flux):
    image_url: str
    negative_prompt: str = ""


class Fill(Several, Tolerant):
    image_url: str
    mask_url: str


class GptImage(App):
    image_size: str = Field("1024x1024", pattern=r"^(1024x1024|1536x1024|1024x1536)$")
    num_images: int = Field(1, ge=1, le=4)


APPS: dict[str, type[App]] = {
    SCHNELL: Flux,
    DEV: Flux,
    FLUX_2: Flux,
    PRO: FluxPro,
    FLUX_2_PRO: Flux2Pro,
    FROM_IMAGE: FromImage,
    KONTEXT: Kontext,
    KONTEXT_WORDS: KontextWords,
    EDIT: Edit,
    QWEN_EDIT: QwenEdit,
    FILL: Fill,
    GPT_IMAGE: GptImage,
}
"""As the types of fal's own client have them."""


class FalReplay(Replay):
    name = "fal"
    model = SCHNELL
    links = collects = True
    queued = True
    polls = "/requests/"
    cases: ClassVar = {
        **{name: f"a result with {trifle}" for name, trifle in TRIFLES.items()},
        "own-503": "a 503 by fal itself on the first submit",
        "queue": "third in the queue, in progress, completed",
        **{name: f"has_nsfw_concepts {flags}" for name, flags in FLAGS.items()},
        **{name: f"COMPLETED with {error}" for name, error in ERRORS.items()},
        **{name: f"{status} {detail}" for name, (status, detail) in REFUSED.items()},
        "foreign": "a status_url on another host",
        "foreign-result": "a response_url on another host",
        "foreign-cancel": "a cancel_url on another host",
        "timeout-type": "504 with X-Fal-Request-Timeout-Type on a poll",
        "nginx": "a page of 502 by nginx on the first polls of status and result",
        "nginx-submit": "the same on the submit",
        "data-url": "the picture in a data URL",
        "no-images": "a result without images",
        "no-cancel": "an answer without cancel_url",
        **{name: f"{status} by fal itself as the result" for name, status in LAST_WORDS.items()},
        "late": "404 on the first polls of status and result",
        "late-result": "404 on the first eight polls of the result",
        "lost": "404 on every poll",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: dict[str, App] = {}
        self.cancelled: list[str] = []

    async def answer(self, call: Call) -> web.Response:
        if call.headers.get("authorization") != f"Key {self.key}":
            return self.refusal(401, f"No user for {call.headers.get('authorization', '')}")
        if call.method == "POST":
            return self._submit(call.path.removeprefix("/"), call)
        id, _, what = call.path.partition("/requests/")[2].partition("/")
        expect(id in self._jobs, f"no such request: {id}")
        if (call.method, what) == ("PUT", "cancel"):
            self.cancelled.append(id)
            return web.json_response({"status": "CANCELLATION_REQUESTED"}, status=202)
        expect(call.method == "GET" and what in ("", "status"), "no such call")
        return self._trouble(call) or (self._status(id, call) if what else self._result(id, call))

    def refusal(self, status: int, text: str) -> web.Response:
        return self._refused(status, text)

    def linked(self, url: str) -> Any:
        return {"status": "COMPLETED", "images": [{"url": url, "width": 512, "height": 512}], "prompt": "a"}

    def _refused(self, status: int, detail: Any) -> web.Response:
        return web.json_response({"detail": detail}, status=status, headers={"x-fal-request-id": "request"})

    def _submit(self, app: str, call: Call) -> web.Response:
        expect(app in APPS, f"no such app: {app}")
        wanted = call.parse(APPS[app])
        expect(None not in call.json.values(), "a field that is null")
        _expect_sources(wanted)
        if call.case in REFUSED and call.case != "result-policy":
            return self._refused(*REFUSED[call.case])
        if call.case == "own-503" and self.hit(call) == 1:
            return self._refused(503, "Service unavailable")
        if call.case == "nginx-submit":
            return _nginx()
        id = f"request_{len(self._jobs)}"
        self._jobs[id] = wanted
        return web.json_response({"request_id": id, "status": "IN_QUEUE", **self._urls(id, app, call)})

    def _urls(self, id: str, app: str, call: Call) -> dict[str, str]:
        path = f"/{'/'.join(app.split('/')[:2])}/requests/{id}"
        for end in ("", "/status", "/cancel"):
            self.follow(path + end, call)
        hosts = {case: self.elsewhere_url if call.case == case else self.url for case in ("foreign", "foreign-result")}
        urls = {"status_url": f"{hosts['foreign']}{path}/status", "response_url": hosts["foreign-result"] + path}
        host = self.elsewhere_url if call.case == "foreign-cancel" else self.url
        return urls if call.case == "no-cancel" else {**urls, "cancel_url": f"{host}{path}/cancel"}

    def _trouble(self, call: Call) -> web.Response | None:
        first = call.case in ("nginx", "late") and self.hit(call) == 1
        match call.case:
            case "timeout-type":
                return web.json_response({"detail": "Too late"}, status=504, headers=TIMED_OUT)
            case "nginx" if first:
                return _nginx()
            case "lost":
                return self._refused(404, "Request not found")
            case "late" if first:
                return self._refused(404, "Request not found")
            case _:
                return None

    def _status(self, id: str, call: Call) -> web.Response:
        expect(call.query == "logs=0", "logs that nobody reads")
        polls = self.hit(call)
        if call.case == "queue" and polls <= 2:
            waiting = (
                {"status": "IN_QUEUE", "queue_position": 3} if polls == 1 else {"status": "IN_PROGRESS", "logs": None}
            )
            return web.json_response({"request_id": id, **waiting})
        error, kind = ERRORS.get(call.case, (None, None))
        failure = {"error": error, "error_type": kind} if call.case in ERRORS else {}
        done = {"status": "COMPLETED", "logs": None, "metrics": {"inference_time": 1.5}}
        return web.json_response({"request_id": id, **done, **failure})

    def _result(self, id: str, call: Call) -> web.Response:
        if call.case in ("result-policy", "failed-behind"):
            return self._refused(*REFUSED["result-policy"])
        if call.case in LAST_WORDS:
            return self._refused(LAST_WORDS[call.case], "Internal Server Error")
        if call.case == "late-result" and self.hit(call) <= 8:
            return self._refused(404, "Request not found")
        wanted = self._jobs[id]
        count = getattr(wanted, "num_images", 1)
        images = [self._image(wanted, number, call) for number in range(count)]
        flags = FLAGS.get(call.case, [False] * count)
        seed = wanted.seed if isinstance(wanted, Seeded) and wanted.seed is not None else 42
        result = {"images": [] if call.case == "no-images" else images, "seed": seed, "has_nsfw_concepts": flags}
        more = {"prompt": wanted.prompt, "timings": {"inference": 1.5}}
        return web.json_response({**result, **more, **TRIFLES.get(call.case, {})})

    def _image(self, wanted: App, number: int, call: Call) -> dict[str, Any]:
        size = wanted.image_size if isinstance(wanted, Sized) and wanted.image_size else Size(width=640, height=640)
        text = f"{wanted.prompt} {number}"
        if call.case == "data-url":
            url = DATA_URL + base64.b64encode(draw(text, (size.width, size.height))).decode()
        else:
            url = self.draw(call, text, size.width, size.height)
        return {"url": url, "width": size.width, "height": size.height, "content_type": "image/png"}


def _nginx() -> web.Response:
    return web.Response(status=502, text=NGINX, content_type="text/html")


def _expect_sources(wanted: App) -> None:
    match wanted:
        case Fill():
            expect_mask(wanted.image_url, wanted.mask_url, prefix=DATA_URL)
        case FromImage() | Kontext() | QwenEdit():
            opened(wanted.image_url, prefix=DATA_URL)
        case Edit():
            expect([opened(each, prefix=DATA_URL) for each in wanted.image_urls], "no image to edit")
        case _:
            pass
