"""ImagePipeline, generations 1 and 3 on one host; the error texts are ours."""

from typing import Annotated, Any, ClassVar, Literal, NamedTuple

from aiohttp import web
from pydantic import Field

from tests.replay.server import Body, Call, Replay, expect

FIRST, THIRD = "/sdxl/text2image/v1", "/generate/image/v1"
HEADERS = {FIRST: "api-key", THIRD: "x-api-key"}
Side = Annotated[int, Field(ge=1, le=1536)]
Steps = Annotated[int, Field(ge=1, le=100)]
FAILURES = {
    "no-credit": ("INSUFFICIENT_CREDITS", "The account is empty", False),
    "rate-limit": ("RATE_LIMIT_EXCEEDED", "Too many jobs", True),
    "policy": ("INPUT_INVALID", "The prompt breaks the content policy", False),
    "bad-input": ("INPUT_INVALID", "The prompt is too short", False),
    "model-error": ("MODEL_ERROR", "The model fell over", True),
    "took-too-long": ("TIMEOUT", "Nobody drew it in time", True),
}
POLLED = {*FAILURES, "pending", "for-ever", "authorization", "late", "lost", "gateway", "odd-words", "unknown-word"}
WORDS = ("PENDING", "SUCCESS"), ("queued", "completed")
UNUSED = ("id", "download_urls", "error", "failure_reason_code", "estimated_time_seconds")
ODD_WORDS = ("  Processing ", "Succeeded"), ("In_Progress", "COMPLETED")


class First(Body):
    model_id: str
    prompt: str
    negative_prompt: str = ""
    num_inference_steps: Steps = 30
    strength: float = Field(0.5, ge=0, le=1)
    samples: int = Field(1, ge=1, le=4)
    guidance_scale: float = Field(7.5, ge=1, le=20)
    width: Side = 768
    height: Side = 768
    seed: int = 0
    safety_checker: bool = True
    refiner: bool = False
    scheduler: str = Field("UniPCMultistepScheduler", pattern=r"^\w+Scheduler$")


class Third(Body):
    prompt: str
    num_inference_steps: Steps = 30
    guidance_scale: float = Field(7.5, ge=0, le=20)
    width: int = Field(1024, ge=1, le=1024)
    height: int = Field(1024, ge=1, le=1024)
    seed: int = -1
    output_format: Literal["webp", "jpeg", "png"] = "webp"

    @property
    def samples(self) -> int:
        return 1


class Accepted(NamedTuple):
    path: str
    wanted: First | Third


class ImagePipelineReplay(Replay):
    name = "imagepipeline"
    model = "sdxl"
    links = collects = True
    polls = "/status/"
    cases: ClassVar = {
        "pending": "PENDING three times, then SUCCESS (generation 3: queued, processing, processing, completed)",
        "failure-error": "FAILURE under HTTP 200, the sentence in `error`",
        "failure-message": "the same with `message`",
        "failure-detail": "the same with `detail`",
        "no-id": "PENDING without an id",
        "for-ever": "PENDING for ever",
        "no-links": "SUCCESS with no links",
        "two": "SUCCESS with two links, whatever was asked for",
        "bare-link": "a string where the list of links should be",
        "nulls": "every unused field is there, and null",
        "trifles": "what nothing depends on cannot be read",
        **{name: f"generation 3 fails with {reason}" for name, (reason, _, _) in FAILURES.items()},
        "detail-list": "422 with a list of details",
        "gone": "410",
        "authorization": "the status endpoint wants the key in Authorization",
        "late": "404 on the first poll, then as `pending`",
        "lost": "404 on every poll",
        "gateway": "504 on the first three polls",
        "odd-words": "status words in odd case",
        "unknown-word": "a status word that nobody knows, then SUCCESS",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: dict[str, Accepted] = {}

    async def answer(self, call: Call) -> web.Response:
        path, _, id = call.path.partition("/status/")
        expect(path in HEADERS, "no such call")
        if call.headers.get(self._key_header(path, call, id)) != self.key:
            return self.refusal(401, f"Invalid API key {call.headers.get(HEADERS[path], '')}")
        if call.method == "POST" and not id:
            return self._submit(path, call)
        expect(call.method == "GET" and id, "a method that is not documented")
        return self._status(id, call)

    def refusal(self, status: int, text: str) -> web.Response:
        return web.json_response({"status": "FAILURE", "message": text}, status=status)

    def linked(self, url: str) -> Any:
        return {"status": "SUCCESS", "download_urls": [url]}

    def _key_header(self, path: str, call: Call, id: str) -> str:
        return "authorization" if id and call.case == "authorization" else HEADERS[path]

    def _submit(self, path: str, call: Call) -> web.Response:
        wanted = call.parse(First if path == FIRST else Third)
        match call.case:
            case "gone":
                return self.refusal(410, "This endpoint has been retired")
            case "detail-list":
                missing = {"loc": ["body", "prompt"], "msg": "field required", "type": "value_error.missing"}
                return web.json_response({"detail": [missing]}, status=422)
            case "failure-error" | "failure-message" | "failure-detail":
                name = call.case.removeprefix("failure-")
                return web.json_response({"status": "FAILURE", name: "The machine is out of breath"})
            case "no-id":
                return web.json_response({"status": "PENDING"})
            case _:
                return self._accept(Accepted(path, wanted), call)

    def _accept(self, job: Accepted, call: Call) -> web.Response:
        if job.path == FIRST and call.case not in POLLED and not call.case.startswith("poll-"):
            return self._done(job, call)
        id = f"job_{len(self._jobs)}"
        self._jobs[id] = job
        self.follow(f"{job.path}/status/{id}", call)
        return web.json_response(self._waiting(id, job, call, 0))

    def _status(self, id: str, call: Call) -> web.Response:
        expect(id in self._jobs, f"no such job: {id}")
        job, polls = self._jobs[id], self.hit(call)
        if call.case in FAILURES:
            reason, text, again = FAILURES[call.case]
            failed = {"job_id": id, "status": "failed", "error": text, "failure_reason_code": reason}
            return web.json_response({**failed, "retryable": again})
        if call.case == "lost" or (call.case == "late" and polls == 1):
            return self.refusal(404, "No such job")
        if call.case == "gateway" and polls <= 3:
            return web.Response(status=504, text="late")
        drawing = polls <= 3 if job.path == FIRST else polls < 3
        if call.case == "for-ever" or (drawing and not call.case.startswith("poll-")):
            return web.json_response(self._waiting(id, job, call, polls))
        return self._done(job, call)

    def _waiting(self, id: str, job: Accepted, call: Call, polls: int) -> dict[str, Any]:
        word = "dreaming" if call.case == "unknown-word" else self._words(job, call)[0]
        if job.path == FIRST:
            return {"status": word, "id": id}
        odd = call.case == "trifles"
        told: dict[str, Any] = dict.fromkeys(UNUSED) if call.case == "nulls" else {}
        if polls:
            return told | {"job_id": id, "status": "processing", "progress": "some" if odd else 40}
        seconds = "8 s" if odd else 8
        return told | {"job_id": id, "status": word, "endpoint": job.path, "estimated_time_seconds": seconds}

    def _done(self, job: Accepted, call: Call) -> web.Response:
        wanted = job.wanted
        count = {"no-links": 0, "two": 2}.get(call.case, wanted.samples)
        kind = wanted.output_format if isinstance(wanted, Third) else "png"
        links = [self.draw(call, f"{wanted.prompt} {n}", wanted.width, wanted.height, kind) for n in range(count)]
        answer: dict[str, Any] = {"status": self._words(job, call)[1]}
        if job.path == THIRD:
            answer |= {"job_id": "job", "progress": 100, "result_url": links[0] if links else None}
            answer |= {"result_mime_type": f"image/{kind}", "credits_charged": True, "credits_amount": 1}
        else:
            answer["download_urls"] = links[0] if call.case == "bare-link" else links
        if call.case == "nulls":
            answer = dict.fromkeys((*UNUSED, "job_id", "result_url", "progress")) | answer
        return web.json_response(answer)

    def _words(self, job: Accepted, call: Call) -> tuple[str, str]:
        return (ODD_WORDS if call.case == "odd-words" else WORDS)[job.path == THIRD]
