"""ComfyUI: the host's own server, with the host's workflows or the default ones in this folder.

Facts: its server.py and jobs.py and Comfy-Org's documentation of August 2026. A workflow is queued; a WebSocket
reports steps and previews, and the history has the outcome. What a model takes follows from the workflow's
placeholders (workflow.py). The server needs no key; one that is set is for a proxy in front of it, as a bearer token,
or user and password in its address. No Origin is sent: the server refuses any but its own.

Not confirmed, and so read either way: type 4 of the binary frames, `progress_state` (ignored), `executing` without a
node, beside `execution_success`, as the end, a history without `status`.
"""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from domain import (
    Acceptance,
    BadResponse,
    Cause,
    ImageRequest,
    InvalidRequest,
    Model,
    Picture,
    ProviderError,
    Sources,
    Unavailable,
)
from domain.numbers import random_seed
from providers.comfyui.answers import Accepted, CancelReply, File, Uploaded, input_choices, name_list, refusal_error
from providers.comfyui.inspection import NodeDescriptions, mistakes_in
from providers.comfyui.settings import ComfyUISettings
from providers.comfyui.sockets import connect_listener
from providers.comfyui.waiting import LostPrompt, PromptPoll, queue_of
from providers.comfyui.workflow import (
    Workflow,
    WorkflowError,
    capabilities,
    read_workflows,
    sampling_values,
    with_file_prefix,
)
from providers.http.api import path_segment
from providers.http.bodies import FormPart
from providers.http.transport import Transport
from providers.kit.base import COMMON_SIZES, Health, Progress, Provider, keep_all
from providers.kit.model_lists import choose_models
from providers.kit.polling import PollIntervals, poll

log = logging.getLogger(__name__)

FIRST_CHECKPOINT = "first-checkpoint"
"""Model id while the checkpoints are unknown: the first listed one when the job runs."""
TITLES = {FIRST_CHECKPOINT: "The server's first checkpoint"}
MODEL_FILE_ENDINGS = (".safetensors", ".sft", ".ckpt", ".pt", ".pth", ".bin", ".gguf")
DEFAULT_STEPS, DEFAULT_GUIDANCE, DEFAULT_STRENGTH = 20, 7.0, 0.75
DEFAULT_SAMPLING = {"sampler": "euler", "scheduler": "normal"}
MAX_SUBMISSIONS = 3
"""Submissions of one job in all, where the server restarts: the prompt itself may crash the server."""
HISTORY_INTERVALS = PollIntervals(first=0.3, longest=1.0, silence_limit=60.0)
"""Short, for it is the host's own server; while the socket is connected the history is polled less often."""


class ComfyUI(Provider[ComfyUISettings]):
    name = "comfyui"
    title = "ComfyUI"
    is_paid = False
    is_external = False
    reports = frozenset({"fraction", "position", "preview"})

    def __init__(self, settings: ComfyUISettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = (settings.base_url or "").rstrip("/").removesuffix("/api")
        self._api = self.api(root, **settings.authorization)
        self._workflows = read_workflows(settings)
        self._discovery = self.discovery(self._discover, self._models([FIRST_CHECKPOINT], {}))

    @classmethod
    def missing_setting(cls, settings: ComfyUISettings) -> str | None:
        return None if settings.base_url else "set COMFYUI_BASE_URL"

    @classmethod
    def invalid_setting(cls, settings: ComfyUISettings) -> str | None:
        try:
            read_workflows(settings)
        except WorkflowError as error:
            return str(error)
        return settings.two_logins(cls.name)

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        ref = progress.remembered or {}
        if "offered" in ref:
            await self.abandon(ref)
        if "files" not in ref:
            await self._draw(request, sources, ref, progress)
        files: list[Any] = (progress.remembered or {})["files"]
        await keep_all(progress, map(File.model_validate, files), partial(self._download, request.seed))

    async def check(self) -> Health:
        (await self._api.get_json("system_stats")).raise_for_status()
        return Health(reachable=True, models=len(await self._discover()), key="needs none")

    async def mistakes(self) -> Sequence[str]:
        described = (await self._api.get("object_info")).raise_for_status().parse(NodeDescriptions).root
        offered = {model.id for model in await self._discover()}
        workflows: dict[str, Workflow | None] = self._workflows._asdict()
        used = {kind: workflow for kind, workflow in workflows.items() if workflow}
        return [each for kind, workflow in used.items() for each in mistakes_in(kind, workflow, described, offered)]

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        """Cancel by id; on older servers, interrupt only while this prompt is the running one."""
        prompt_id: str | None = ref.get("prompt_id") or ref.get("offered")
        if prompt_id is None or await self._cancel_by_id(prompt_id):
            return
        if prompt_id in (await queue_of(self._api)).pending:
            (await self._api.post("queue", {"delete": [prompt_id]})).raise_for_status()
        if (await queue_of(self._api)).running == [prompt_id]:
            # Without retries: by then another prompt may be running.
            (await self._api.send("POST", "interrupt", json={"prompt_id": prompt_id}, tries=1)).raise_for_status()

    async def _cancel_by_id(self, prompt_id: str) -> bool:
        """Cancel by id; False where the server is too old for that."""
        answer = await self._api.post(f"api/jobs/{path_segment(prompt_id)}/cancel", {})
        return answer.ok and answer.parse_or_none(CancelReply) is not None

    async def _draw(self, request: ImageRequest, sources: Sources, ref: Mapping[str, Any], progress: Progress) -> None:
        """Draw; a prompt that a restarted server has lost is submitted again, for it costs nothing."""
        for _ in range(MAX_SUBMISSIONS):
            nodes = None if "prompt_id" in ref else await self._nodes(request, sources)
            try:
                return await self._draw_once(nodes, ref, progress)
            except LostPrompt:
                log.warning("the server was restarted and has lost a prompt")
                ref = {}
        raise Unavailable(cause=Cause.RESTARTED)

    async def _draw_once(self, nodes: dict[str, Any] | None, ref: Mapping[str, Any], progress: Progress) -> None:
        """Submit and poll once. nodes: None where an earlier run has submitted them."""
        client_id = str(ref.get("client_id") or uuid4())
        async with connect_listener(self._api, self.transport.sleep, client_id, progress) as listener:
            if nodes is not None:
                ref = {"client_id": client_id, "prompt_id": await self._submit(nodes, client_id, progress)}
                await progress.remember(ref)
            listener.follow(ref["prompt_id"])
            prompt_poll = PromptPoll(self._api, ref["prompt_id"], listener, progress)
            await poll(self.transport, progress, prompt_poll.ask, prompt_poll.is_done, HISTORY_INTERVALS)
            await progress.remember({**ref, "files": [file.model_dump() for file in prompt_poll.files]})

    async def _submit(self, nodes: dict[str, Any], client_id: str, progress: Progress) -> str:
        """Submit; returns the prompt's id: the one sent, by which it can be cancelled early, or an old server's own."""
        offered = str(uuid4())
        await progress.remember({"offered": offered})
        try:
            fields = {"prompt": with_file_prefix(nodes, offered), "client_id": client_id, "prompt_id": offered}
            answer = await self._api.post("prompt", fields)
            if answer.status == 400:
                raise refusal_error(answer)
            return answer.raise_for_status().parse(Accepted).prompt_id
        except ProviderError as error:
            if not (isinstance(error, InvalidRequest) or error.taken is Acceptance.NOT_TAKEN):
                await self.abandon({"offered": offered})
            await progress.forget()
            raise

    async def _download(self, seed: int | None, file: File) -> Picture:
        answer = await self._api.get("view?" + urlencode(file.model_dump(), quote_via=quote, safe=""))
        if not answer.ok:
            what = f"the picture answers {answer.status}"
            is_away = answer.status >= 500 or answer.status in (408, 429)
            raise Unavailable(what, cause=Cause.LINK_FAILS) if is_away else BadResponse(what)
        if not answer.is_picture():
            raise BadResponse("the file is no picture")
        return Picture(data=answer.body, seed=seed)

    async def _nodes(self, request: ImageRequest, sources: Sources) -> dict[str, Any]:
        workflow = self._workflows.for_sources(sources)
        if workflow is None:
            option = "mask" if sources.mask else "image"
            raise InvalidRequest("no workflow for that", option=option, taken=Acceptance.NOT_TAKEN)
        size, image = request.size or COMMON_SIZES[0], sources.only_image()
        values = {
            "prompt": request.prompt,
            "negative": request.negative_prompt or "",
            "model": await self._checkpoint(request) if "model" in workflow.placeholders else "",
            "image": await self._upload(image) if image else "",
            "mask": await self._upload(sources.mask) if sources.mask else "",
            "width": size.width,
            "height": size.height,
            "batch": request.count,
            "seed": random_seed() if request.seed is None else request.seed,
            "steps": DEFAULT_STEPS if request.steps is None else request.steps,
            "cfg": DEFAULT_GUIDANCE if request.guidance_scale is None else request.guidance_scale,
            "denoise": _denoise(request, sources),
        }
        return workflow.fill(values | DEFAULT_SAMPLING | sampling_values(request.scheduler, workflow.placeholders))

    async def _upload(self, image: bytes) -> str:
        """Upload under a content hash, so that the same image is stored once."""
        name = f"easel-{hashlib.sha256(image).hexdigest()[:24]}.png"
        form = [FormPart("image", image, name, "image/png"), FormPart("type", "input"), FormPart("overwrite", "true")]
        return (await self._api.send("POST", "upload/image", form=form)).raise_for_status().parse(Uploaded).path

    async def _checkpoint(self, request: ImageRequest) -> str:
        if request.model not in (None, FIRST_CHECKPOINT):
            return str(request.model)
        if listed := await self._checkpoints():
            return listed[0]
        raise Unavailable(cause=Cause.NO_CHECKPOINT, taken=Acceptance.NOT_TAKEN)

    async def _discover(self) -> Sequence[Model]:
        asked = not self.settings.models and any("model" in workflow.placeholders for workflow in self._workflows.all)
        checkpoints = await self._checkpoints() if asked else ()
        models = self._models(checkpoints, await self._schedulers())
        if not models:
            raise BadResponse("the server has no checkpoint")
        return models

    async def _checkpoints(self) -> Sequence[str]:
        answer = await self._api.get_json("models/checkpoints")
        if answer.status not in (404, 405):
            return name_list(answer)
        loader = "CheckpointLoaderSimple"  # servers before that list
        return input_choices(await self._api.get_json(f"object_info/{loader}"), loader, "ckpt_name")

    async def _schedulers(self) -> dict[str, Sequence[str]]:
        if not any(workflow.placeholders & DEFAULT_SAMPLING.keys() for workflow in self._workflows.all):
            return {}
        answer = await self._api.get_json("object_info/KSampler")
        try:
            inputs = {"sampler": "sampler_name", "scheduler": "scheduler"}
            return {placeholder: input_choices(answer, "KSampler", name) for placeholder, name in inputs.items()}
        except (BadResponse, InvalidRequest):
            return {}

    def _models(self, checkpoints: Sequence[str], schedulers: Mapping[str, Sequence[str]]) -> Sequence[Model]:
        """The models: checkpoints, and workflows without a checkpoint placeholder."""
        drawing: dict[str, list[Workflow]] = {}
        for workflow in self._workflows.all:
            for id in checkpoints if "model" in workflow.placeholders else [workflow.name]:
                drawing.setdefault(id, []).append(workflow)

        any_model = [
            workflow for workflow in self._workflows.all if "model" in workflow.placeholders
        ] or self._workflows.all
        usual = capabilities(any_model, schedulers)

        def make(id: str) -> Model:
            workflows = drawing.get(id, any_model)
            takes = usual if workflows == any_model else capabilities(workflows, schedulers)
            return Model(id=id, title=_title(id), capabilities=takes)

        return choose_models(self.settings, [make(id) for id in drawing], make)


def _denoise(request: ImageRequest, sources: Sources) -> float:
    """Denoising strength; by default the white part of a mask is repainted entirely."""
    if request.strength is not None:
        return request.strength
    return DEFAULT_STRENGTH if sources.images and not sources.mask else 1.0


def _title(id: str) -> str:
    ending = next((ending for ending in MODEL_FILE_ENDINGS if id.lower().endswith(ending)), "")
    return TITLES.get(id, id[: len(id) - len(ending)])
