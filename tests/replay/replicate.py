"""Replicate: a schema for each model, predictions polled by id; the error texts are ours."""

import base64
import re
from typing import Any, ClassVar, cast

from aiohttp import web
from pydantic import Field

from tests.replay.forms import fields_of
from tests.replay.replicate_schemas import COMMUNITY, IMAGE_INPUTS, INPUTS, SCHNELL, faults, schema
from tests.replay.server import Body, Call, Replay, expect
from tests.replay.sources import DATA_URL, expect_mask, opened

VERSIONS = {name: f"{number:064x}" for number, name in enumerate(INPUTS, 1)}
OUTPUTS = ("output-string", "output-dict", "output-null", "output-words", "output-data")
LOGS = " 45%|####      | 9/20 [00:01<00:01]\n"
WAITED = {"polled", "odd-word", "foreign", "late", "lost", "nsfw", "failed", "others-credit", "canceled", "aborted"}
ENDS = {
    "nsfw": ("failed", "NSFW content detected. Try running it again."),
    "failed": ("failed", "The machine is out of breath"),
    "others-credit": ("failed", "openai: You exceeded your current quota"),
    "canceled": ("canceled", None),
    "aborted": ("aborted", None),
}
REFUSED = {
    "throttled": (429, "Request was throttled. Your rate limit resets in ~30s."),
    "no-credit": (402, "You have insufficient credit to run this model."),
    "invalid": (422, "- input.prompt: it is too long"),
    "missing": (422, "- input: image is required"),
}
PREDICTION = re.compile(r"/predictions/([^/]+)(/cancel)?")


TRIFLES: dict[str, dict[str, Any]] = {
    "trifle-seconds": {"metrics": {"predict_time": "quick"}},
    "trifle-metrics": {"metrics": []},
    "trifle-logs": {"logs": ["a", "b"]},
}


class Run(Body):
    input: dict[str, Any]
    version: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")


class ReplicateReplay(Replay):
    name = "replicate"
    model = VERSIONS[SCHNELL]
    links = collects = True
    polls = r"^/predictions/"
    asides = r"^/models/[^/]+/[^/]+$"
    cases: ClassVar = {
        **{name: f"a result with {trifle}" for name, trifle in TRIFLES.items()},
        "taken-503": "503 in the wait for a prediction that was made",
        "polled": "starting, processing with a bar in the logs, succeeded",
        **{name: f"an output that is {name.removeprefix('output-')}" for name in OUTPUTS},
        **{name: f"ends as {word} {text or ''}" for name, (word, text) in ENDS.items()},
        **{name: f"{status} {text}" for name, (status, text) in REFUSED.items()},
        "foreign": "urls.get on another host",
        "odd-word": "a status that nobody knows, then as `polled`",
        "late": "404 on the first poll, then as `polled`",
        "lost": "404 on every poll",
        "no-schema": "a model without a newest version",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._jobs: dict[str, dict[str, Any]] = {}
        self.files: dict[str, bytes] = {}
        self.cancelled: list[str] = []

    async def answer(self, call: Call) -> web.Response:
        if call.headers.get("authorization") != f"Bearer {self.key}":
            return self.refusal(401, f"You did not pass a token: {call.headers.get('authorization', '')}")
        if call.path.startswith("/models/"):
            return self._model(call)
        if match := PREDICTION.fullmatch(call.path):
            return self._prediction(match[1], bool(match[2]), call)
        if call.path == "/files":
            return self._upload(call)
        expect((call.method, call.path) == ("POST", "/predictions"), "no such call")
        name = next((name for name, version in VERSIONS.items() if version == call.parse(Run).version), None)
        return self._run(name, call) if name else self.refusal(422, "Invalid version or not permitted")

    def refusal(self, status: int, text: str) -> web.Response:
        problem = {"type": "about:blank", "title": "Problem", "status": status, "detail": text, "instance": "/x"}
        return web.json_response(problem, status=status, content_type="application/problem+json")

    def linked(self, url: str) -> Any:
        return {"id": "linked", "status": "succeeded", "output": [url], "error": None, "logs": ""}

    def _invalid(self, detail: str, field: str, description: str) -> web.Response:
        wrong = [{"type": "invalid", "field": field, "description": description}]
        problem = {"title": "Input validation failed", "detail": detail, "status": 422, "invalid_fields": wrong}
        return web.json_response(problem, status=422, content_type="application/problem+json")

    def _upload(self, call: Call) -> web.Response:
        (part,) = fields_of(call)
        expect((call.method, part.name, part.kind) == ("POST", "content", "image/png"), "no upload of a file")
        id = f"file{len(self.files)}"
        self.files[id] = part.data
        urls = {"get": f"{self.url}/files/{id}"}
        made = {"id": id, "urls": urls, "content_type": part.kind, "size": len(part.data), "metadata": {}}
        return web.json_response(made, status=201)

    def _model(self, call: Call) -> web.Response:
        name, _, run = call.path.removeprefix("/models/").partition("/predictions")
        expect(
            name.count("/") == 1 and call.method == ("POST" if run or "/predictions" in call.path else "GET"), "no call"
        )
        if name not in INPUTS or (call.method == "POST" and name == COMMUNITY):
            return self.refusal(404, "The requested resource could not be found.")
        if call.method == "POST":
            expect("version" not in call.json, "a version where none is taken")
            return self._run(name, call)
        version = None if call.case == "no-schema" else {"id": VERSIONS[name], "openapi_schema": schema(name)}
        owner, _, title = name.partition("/")
        return web.json_response({"owner": owner, "name": title, "latest_version": version})

    def _run(self, name: str, call: Call) -> web.Response:
        wanted = call.parse(Run).input
        expect(re.fullmatch(r"wait(=([1-9]|[1-5]\d|60))?", call.headers.get("prefer", "wait")), "an odd Prefer")
        self._expect_known(name, wanted)
        if call.case in ("invalid", "missing"):
            _, detail = REFUSED[call.case]
            field, _, description = detail.removeprefix("- ").partition(": ")
            return self._invalid(detail, field, description)
        if call.case in REFUSED and not (call.case == "throttled" and self.hit(call) > 1):
            return self.refusal(*REFUSED[call.case])
        id = f"prediction{len(self._jobs)}"
        self._jobs[id] = wanted
        for path in (f"/predictions/{id}", f"/predictions/{id}/cancel"):
            self.follow(path, call)
        if call.case == "taken-503":
            return self.refusal(503, "upstream timed out")
        waits = call.case in WAITED or call.case.startswith("poll-") or "prefer" not in call.headers
        answer = self._waiting(id, "starting", "", call) if waits else self._done(id, call)
        return web.json_response(answer, status=201)

    def _prediction(self, id: str, cancels: bool, call: Call) -> web.Response:
        expect(call.method == ("POST" if cancels else "GET"), "a method that is not documented")
        if id not in self._jobs or call.case == "lost":
            return self.refusal(404, "Prediction not found")
        if cancels:
            self.cancelled.append(id)
            return web.json_response(self._waiting(id, "canceled", "", call))
        polls = self.hit(call)
        if call.case == "late" and polls == 1:
            return self.refusal(404, "Prediction not found")
        if call.case in WAITED and polls <= 2:
            word = "dreaming" if call.case == "odd-word" else ("starting", "processing")[polls - 1]
            return web.json_response(self._waiting(id, word, LOGS if polls == 2 else "", call))
        if call.case in ENDS:
            word, error = ENDS[call.case]
            return web.json_response({**self._waiting(id, word, LOGS, call), "error": error})
        return web.json_response(self._done(id, call))

    def _waiting(self, id: str, word: str, logs: str, call: Call) -> dict[str, Any]:
        host = self.elsewhere_url if call.case == "foreign" else self.url
        urls = {"get": f"{host}/predictions/{id}", "cancel": f"{host}/predictions/{id}/cancel"}
        return {"id": id, "model": "m", "status": word, "output": None, "error": None, "logs": logs, "urls": urls}

    def _done(self, id: str, call: Call) -> dict[str, Any]:
        done = {**self._waiting(id, "succeeded", LOGS, call), "metrics": {"predict_time": 1.5}}
        return {**done, "output": self._output(self._jobs[id], call), **TRIFLES.get(call.case, {})}

    def _output(self, wanted: dict[str, Any], call: Call) -> Any:
        size = wanted.get("width", 512), wanted.get("height", 512)
        links = [self.draw(call, f"{wanted['prompt']} {n}", *size) for n in range(wanted.get("num_outputs", 1))]
        others = {
            "output-string": links[0],
            "output-dict": {"images": links, "seed": 7, "about": "a picture"},
            "output-null": None,
            "output-words": ["a", "b"],
            "output-data": [DATA_URL + _TINY],
        }
        return others.get(call.case, links)

    def _expect_known(self, name: str, wanted: dict[str, Any]) -> None:
        """Check the inputs against the schema, and the images, which are data URLs or uploaded files."""
        expect("prompt" in wanted and None not in wanted.values(), f"a null, or no prompt: {list(wanted)}")
        expect(not (wrong := faults(name, wanted)), f"inputs that the model does not take: {wrong}")
        images = [url for each in IMAGE_INPUTS if each in wanted for url in _urls(wanted[each])]
        for image in images:
            opened(self._inline(image), prefix=DATA_URL)
        if "mask" in wanted:
            expect(images, "a mask without an image")
            expect_mask(self._inline(images[0]), self._inline(wanted["mask"]), prefix=DATA_URL)

    def _inline(self, url: str) -> str:
        """A data URL, also of an uploaded file."""
        id = url.removeprefix(f"{self.url}/files/")
        return DATA_URL + base64.b64encode(self.files[id]).decode() if id in self.files else url


def _urls(value: Any) -> list[str]:
    return cast("list[str]", value) if isinstance(value, list) else [value]


_TINY = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
