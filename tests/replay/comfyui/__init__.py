"""ComfyUI: a queue, a socket, a history; the error texts are ours, and the old server's shapes are a case."""

import asyncio
import io
import itertools
from contextlib import suppress
from email.parser import BytesParser
from typing import Any, ClassVar
from urllib.parse import parse_qs
from uuid import UUID

from aiohttp import web
from PIL import Image
from pydantic import Field

from tests.replay.comfyui.disk import Disk, File
from tests.replay.comfyui.nodes import (
    CHECKPOINTS,
    all_infos,
    batch_of,
    check,
    info,
    refused,
    refusing,
    size_of,
    text_of,
)
from tests.replay.comfyui.script import FILES, Job, entry, script
from tests.replay.pictures import draw
from tests.replay.server import Body, Call, Replay, expect

DEAF = {"no-socket", "queued", "lost", "lost-for-ever", "slow", "error-history", "interrupted-history", "old"}
"""Cases without sockets."""


class Submitted(Body):
    prompt: dict[str, Any] = Field(min_length=1)
    client_id: str
    prompt_id: str = ""


class ComfyUIReplay(Replay):
    name = "comfyui"
    needs_key = False
    model = CHECKPOINTS[0]
    queued = True
    polls = r"^/history/"
    asides = r"^/(?!prompt$|history/)"
    cases: ClassVar = {
        "no-socket": "no WebSockets at all",
        "drops": "the socket is lost in the middle, and goes on under the same name",
        "drops-for-ever": "every socket is lost at once",
        "no-goodbye": "a socket that tells nothing, and that cannot be closed",
        "talks-on": "a socket that tells of steps and shows previews for ever, also when the picture is there",
        "metadata": "previews of type 4, for those who ask for them",
        "foreign": "events and previews of somebody else's prompt in between",
        "odd-frames": "frames too short, of unknown types, and texts that are no events",
        "success-only": "`execution_success` and no `executing` without a node",
        "late-history": "the history has it some polls after the socket said so",
        "slow": "{} three times, then the result",
        "queued": "two others wait before it",
        "lost": "the server was started anew and knows the first prompt no more",
        "lost-for-ever": "the server knows no prompt any more",
        "error": "a node fails",
        "error-history": "the same, without a socket",
        "error-unlisted": "the same, and the history never has it",
        "interrupted": "somebody stops it at the server",
        "interrupted-history": "the same, without a socket",
        "no-status": "a history without `status`",
        "two": "two pictures and a preview of type temp",
        "only-temp": "a picture of type temp alone",
        "odd-outputs": "nodes of others tell of pictures that are no files",
        "no-subfolder": "null for a file's folder",
        "odd-names": "spaces, dots, signs and Unicode in a file's name",
        "no-pictures": "outputs without pictures",
        "no-file": "404 where the picture should be",
        "no-picture-file": "a text where the picture should be",
        "broken-disk": "500 where the picture should be",
        "refused": "400 with the errors of nodes",
        "old": "an old server: no targeted cancel, no list of models, errors as sentences, no sockets",
        "new-nodes": "no list of models; choices in the shape of new nodes",
        "no-checkpoints": "an empty list of models",
    }

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.running, self.pending = list[str](), list[str]()
        self.interrupted: list[str] = []
        """Whom an interrupt has stopped."""
        self.connected: list[str] = []
        """The names of the sockets, as they came."""
        self.uploads: dict[str, bytes] = {}
        self._jobs: dict[str, Job] = {}
        self._submitted: dict[str, asyncio.Future[Job]] = {}
        self._listened: set[str] = set()
        self.disk = Disk()

    async def socket(self, request: web.Request, call: Call) -> web.StreamResponse | None:
        if call.path != "/ws" or call.case in DEAF or "origin" in call.headers:
            return None
        expect(call.headers.get("upgrade", "").lower() == "websocket", "no WebSocket's handshake")
        (client_id,) = parse_qs(call.query, strict_parsing=True)["clientId"]
        self.connected.append(client_id)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if call.case != "drops-for-ever":
            with suppress(ConnectionError):
                await self._play(socket, client_id, call)
        await socket.close()
        return socket

    async def _play(self, socket: web.WebSocketResponse, client_id: str, call: Call) -> None:
        self._listened.add(client_id)
        status = {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client_id}
        await socket.send_json({"type": "status", "data": status})
        flags = await socket.receive_json()
        expect(flags.get("type") == "feature_flags", "a first message that is not documented")
        if call.case == "no-goodbye":
            await asyncio.Event().wait()
        reading, submitted = asyncio.create_task(socket.receive()), self._job_of(client_id)
        try:
            await asyncio.wait({reading, submitted}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done() and await self._tell(socket, submitted.result(), flags["data"]):
                await reading
        finally:
            reading.cancel()

    async def _tell(self, socket: web.WebSocketResponse, job: Job, flags: dict[str, Any]) -> bool:
        """All that is left to tell; False where it stops in the middle."""
        frames = script(job, shows_metadata=flags.get("supports_preview_metadata") is True)
        if job.case == "talks-on":
            return await self._talk_on(socket, job, frames[:-2])
        loses = job.case == "drops" and job.sent == 0
        for frame in frames[job.sent :]:
            if loses and job.sent == len(frames) // 2:
                return False
            job.sent += 1
            if job.sent >= len(frames) - 1 and job.case != "late-history":
                self._end(job)
            await _send(socket, frame)
        if job.case == "late-history":
            self._listened.discard(job.client_id)
        return True

    async def _talk_on(self, socket: web.WebSocketResponse, job: Job, frames: list[str | bytes]) -> bool:
        for number, frame in enumerate(itertools.cycle(frames)):
            if number == 5 * len(frames):
                self._end(job)
            await _send(socket, frame)
            await asyncio.sleep(0)
        return False

    def _job_of(self, client_id: str) -> "asyncio.Future[Job]":
        return self._submitted.setdefault(client_id, asyncio.get_running_loop().create_future())

    def _end(self, job: Job) -> None:
        job.over = job.case != "error-unlisted"
        self.running[:] = [id for id in self.running if id != job.id]

    async def answer(self, call: Call) -> web.Response:
        if "origin" in call.headers:
            return web.Response(status=403)
        path, _, rest = call.path.removeprefix("/").partition("/")
        match call.method, path, rest:
            case "POST", "prompt", "":
                return self._submit(call)
            case "GET", "history", id:
                return web.json_response(self._history(id, call))
            case "GET", "view", "":
                return self._view(call)
            case "POST", "upload", "image":
                return self._upload(call)
            case ("GET", "models", "checkpoints") if call.case not in ("old", "new-nodes"):
                return web.json_response([] if call.case == "no-checkpoints" else CHECKPOINTS)
            case "GET", "object_info", node:
                return web.json_response({node: info(node, call.case)} if node else all_infos())
            case "GET", "system_stats", "":
                return web.json_response({"system": {"comfyui_version": "0.3.50"}, "devices": [{"vram_total": 8}]})
            case "GET", "ws", "":
                return web.Response(status=404)
            case _:
                return self._queue(call)

    def refusal(self, status: int, text: str) -> web.Response:
        error = {"type": "invalid_prompt", "message": text, "details": ""}
        return web.json_response({"error": error, "node_errors": {}}, status=status)

    def _queue(self, call: Call) -> web.Response:
        id = call.path.removeprefix("/api/jobs/").removesuffix("/cancel")
        match call.method, call.path:
            case "GET", "/queue":
                return web.json_response(self._waiting(call.case))
            case "POST", "/queue":
                expect(list(call.json) == ["delete"], "deleting in a way that is not documented")
                self.pending[:] = [each for each in self.pending if each not in call.json["delete"]]
                return web.Response()
            case "POST", "/interrupt":
                UUID(call.json["prompt_id"])
                wanted = self.running if call.case == "old" else [call.json["prompt_id"]]
                self.interrupted += [each for each in self.running if each in wanted]
                return web.Response()
            case ("POST", _) if call.path == f"/api/jobs/{id}/cancel" and call.case != "old":
                self.interrupted += [each for each in self.running if each == id]
                known = id in (*self.running, *self.pending)
                self.pending[:] = [each for each in self.pending if each != id]
                return web.json_response({"cancelled": known})
            case _:
                expect(call.case in ("old", "new-nodes"), "no such call")
                return web.Response(status=405 if call.method == "POST" else 404)

    def _waiting(self, case: str) -> dict[str, Any]:
        entries: list[list[Any]] = [
            [number, id, {}, {}, ["9"]] for number, id in enumerate([*self.running, *self.pending])
        ]
        count = len(self.running)
        if case == "queued" and self.pending:  # the next time one has ended
            self.running = [self.pending.pop(0)]
        return {"queue_running": entries[:count], "queue_pending": entries[count:][::-1]}

    def _submit(self, call: Call) -> web.Response:
        wanted = call.parse(Submitted)
        UUID(wanted.client_id)
        check(wanted.prompt)
        if call.case == "refused" or (wrong := refused(wanted.prompt)):
            wrong = refused(wanted.prompt) or ("3", "sampler_name", "euler")
            return refusing(*wrong, call.case)
        submitted = self._job_of(wanted.client_id)
        if submitted.done():  # sent again, by whom was told to
            return self._accepted(submitted.result())
        is_found = call.case == "lost" and self._jobs
        job = Job(wanted.prompt, wanted.client_id, "no-socket" if is_found else call.case, number=len(self._jobs))
        if wanted.prompt_id and call.case != "old":
            job.id = str(UUID(wanted.prompt_id))
        self._jobs[job.id] = job
        self.follow(f"/history/{job.id}", call)
        self._place(job)
        job.files = self._saved(job)
        submitted.set_result(job)
        return self._accepted(job)

    def _accepted(self, job: Job) -> web.Response:
        return web.json_response({"prompt_id": job.id, "number": job.number, "node_errors": {}})

    def _place(self, job: Job) -> None:
        if job.case == "queued":
            self.running, self.pending = ["other-0"], ["other-1", "other-2", job.id]
        elif not job.is_lost:
            self.running.append(job.id)

    def _saved(self, job: Job) -> list[File]:
        files = FILES.get(job.case)
        count = batch_of(job.nodes) if files is None else len(files)
        pictures = [draw(f"{text_of(job.nodes)} {n}", size_of(job.nodes)) for n in range(count)]
        if files is None:
            return self.disk.save(job.nodes, pictures)
        self.disk.files.update(zip(files, pictures, strict=True))
        return files

    def _history(self, id: str, call: Call) -> dict[str, Any]:
        expect(id and (id in self._jobs or call.case.startswith("lost")), f"no such prompt: {id}")
        job = self._jobs.get(id)
        if job is None or job.is_lost:
            return {}
        heard = job.client_id in self._listened and job.case != "no-goodbye"
        if not job.over and not heard and id in self.running:
            job.over = self.hit(call) > (3 if job.case in ("slow", "late-history") else 0)
        if not job.over:
            return {}
        self._end(job)
        return {id: entry(job)}

    def _view(self, call: Call) -> web.Response:
        query = parse_qs(call.query, keep_blank_values=True, strict_parsing=True)
        expect(set(query) == {"filename", "subfolder", "type"}, "a file that is not fully named")
        file = (query["filename"][0], query["subfolder"][0], query["type"][0])
        expect("+" not in call.query, f"no such file: {file}")
        if call.case == "no-file" or file not in self.disk.files:
            return web.Response(status=404)
        if call.case == "broken-disk":
            return web.Response(status=500)
        if call.case == "no-picture-file":
            return web.Response(text="hello", content_type="image/png")
        return web.Response(body=self.disk.files[file], content_type="image/png")

    def _upload(self, call: Call) -> web.Response:
        head = b"Content-Type: " + call.headers["content-type"].encode() + b"\r\n\r\n"
        message = BytesParser().parsebytes(head + call.body)
        expect(message.get_content_type() == "multipart/form-data", "no multipart form")
        parts = {part.get_param("name", header="content-disposition"): part for part in message.walk()}
        expect(parts.keys() <= {None, "image", "type", "overwrite", "subfolder"}, "fields that are not documented")
        name, data = parts["image"].get_filename() or "", parts["image"].get_payload(decode=True)
        expect(name and isinstance(data, bytes), "no file")
        Image.open(io.BytesIO(data)).load()  # pyright: ignore[reportArgumentType]
        self.uploads[name] = data  # pyright: ignore[reportArgumentType]
        return web.json_response({"name": name, "subfolder": "", "type": "input"})


async def _send(socket: web.WebSocketResponse, frame: str | bytes) -> None:
    await (socket.send_str(frame) if isinstance(frame, str) else socket.send_bytes(frame))
