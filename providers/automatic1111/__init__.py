"""Servers with the API of AUTOMATIC1111's web UI: itself, Forge, SD.Next and stable-diffusion.cpp.

Facts: the sources of Forge, SD.Next and stable-diffusion.cpp; none of them publishes a reference. One POST returns when
the pictures are done. Progress and interrupt act on the server's current job, whoever sent it, so both are used only
where the server says that the current job has our id:

- AUTOMATIC1111 and Forge take `force_task_id` and report on it at /internal/progress (not with --nowebui).
- SD.Next gives the current job's id in /progress; where it uses ids of its own, our job cannot be recognised.
- stable-diffusion.cpp has neither progress nor interrupt.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from functools import partial
from secrets import token_hex
from typing import Any

from pydantic import Field

from domain import (
    Acceptance,
    BadResponse,
    Cancelled,
    EaselError,
    ImageRequest,
    InvalidRequest,
    Model,
    Picture,
    RateLimited,
    Sources,
    Timeout,
    Unavailable,
)
from providers.automatic1111.bodies import draw_request, upscale_body
from providers.automatic1111.results import checked, result_of
from providers.automatic1111.server import UNKNOWN, Server, discover
from providers.automatic1111.tasks import Interrupts, get_task
from providers.http.answers import Answer
from providers.http.api import Api
from providers.http.encoding import decode_picture_async
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider, keep_all
from providers.kit.model_lists import choose_models
from providers.kit.own_server import OwnServerSettings, basic_authorization
from providers.kit.results import is_link, pictures_in
from providers.kit.variables import Account, Url

log = logging.getLogger(__name__)

POST_SECONDS = 590.0
"""Time limit of the POST, which queues, loads a checkpoint and draws: a job's own limit."""
PROGRESS_POLL_SECONDS = 2.0
"""Seconds between polls of the progress."""


class Automatic1111Settings(OwnServerSettings):
    base_url: Url | None = Field(
        default=None,
        description="Where Automatic1111, Forge, SD.Next or stable-diffusion.cpp runs, started with `--api`, such as "
        "`http://127.0.0.1:7860`.",
    )
    api_key: Account | None = Field(default=None, description="With `--api-auth`: `user:password`.")


class Automatic1111(Provider[Automatic1111Settings]):
    name = "automatic1111"
    title = "Automatic1111"
    is_paid = False
    is_external = False
    reports = frozenset({"fraction", "position", "eta", "preview"})

    def __init__(self, settings: Automatic1111Settings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = (settings.base_url or "").removesuffix("/sdapi/v1")
        key = settings.api_key
        self._api = self.api(root, **(basic_authorization(key.get_secret_value()) if key else settings.authorization))
        self._discovery = self.discovery(partial(discover, self._api), UNKNOWN)
        self._interrupts = Interrupts(self._api, transport)
        self._running, self._cancelled = set[str](), set[str]()

    @classmethod
    def missing_setting(cls, settings: Automatic1111Settings) -> str | None:
        return None if settings.base_url else "set AUTOMATIC1111_BASE_URL"

    @classmethod
    def invalid_setting(cls, settings: Automatic1111Settings) -> str | None:
        if settings.api_key and ":" not in settings.api_key.get_secret_value():
            return "AUTOMATIC1111_API_KEY has to be user:password, as in --api-auth"
        return settings.two_logins(cls.name)

    async def offered(self) -> Sequence[Model]:
        server = await self._discovery.get()
        return choose_models(self.settings, server.models, server.model)

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        server = await self._server()
        if request.upscale:
            await self._upscale(sources, server, progress)
            return
        if progress.remembered:
            await self.abandon(progress.remembered)
        path, body = await asyncio.to_thread(draw_request, request, sources, server.checkpoint(request.model))
        task = f"easel-{token_hex(8)}"
        await progress.remember({"task": task})
        try:
            answer = await self._draw(path, body | {"force_task_id": task}, task, server, progress)
            await _keep(self._api, answer, request, progress)
        except EaselError as error:
            if isinstance(error, (Timeout, Unavailable)) and error.taken is not Acceptance.NOT_TAKEN:
                await self.abandon({"task": task})
            await progress.forget()
            raise

    async def check(self) -> Health:
        server = await discover(self._api)
        key = "accepted" if self.settings.api_key else "none is set, and none is wanted"
        return Health(reachable=True, models=len(server.models), key=key)

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        """Interrupt the job if it is the current one; a queued one is interrupted when it starts."""
        task = str(ref.get("task"))
        if task in self._running:
            self._cancelled.add(task)
        server = await self._server()
        if server.progress_by:
            await self._interrupts.cancel_task(server.progress_by, task)

    async def close(self) -> None:
        await self._interrupts.close()
        await super().close()

    async def _server(self) -> Server:
        """The discovered server; discovered now where it is unknown, so that its error is raised."""
        server = await self._discovery.get()
        return server if server.titles else await discover(self._api)

    async def _draw(self, path: str, body: dict[str, Any], task: str, server: Server, progress: Progress) -> Answer:
        """POST and report progress meanwhile; raises Cancelled for an interrupted job, whose picture is unfinished."""
        self._running.add(task)
        watch = asyncio.create_task(self._watch(task, server, progress))
        try:
            answer = checked(await self._post(path, body))
            if task in self._cancelled:
                raise Cancelled("interrupted: the picture is unfinished")
            return answer
        finally:
            self._running.discard(task)
            self._cancelled.discard(task)
            watch.cancel()
            await asyncio.wait({watch})

    async def _watch(self, task: str, server: Server, progress: Progress) -> None:
        last_preview = -1
        while server.progress_by:
            await asyncio.sleep(PROGRESS_POLL_SECONDS)
            try:
                # In its own task, so that its memory budget is released when it ends.
                state = await asyncio.create_task(get_task(self._api, server.progress_by, task, last_preview))
            except (Unavailable, Timeout, RateLimited):
                continue
            except EaselError as error:
                log.info("the progress cannot be read: %s", error)
                return
            last_preview = last_preview if state.id_live_preview is None else state.id_live_preview
            if state.active:
                await progress.report(state.fraction, eta=state.seconds, preview=state.preview())
            elif state.queued:
                await progress.report(position=state.position)

    async def _upscale(self, sources: Sources, server: Server, progress: Progress) -> None:
        image = sources.only_image()
        if not (server.upscaler and image):
            raise InvalidRequest("no upscaler, or no image", option="image")
        answer = checked(await self._post("extra-single-image", upscale_body(image, server.upscaler)))
        text = next(iter(pictures_in(answer.data(), "image")), "")
        await progress.keep(
            await self._api.fetch(text) if is_link(text) else Picture(data=await decode_picture_async(text))
        )

    async def _post(self, path: str, body: dict[str, Any]) -> Answer:
        return await self._api.send("POST", f"sdapi/v1/{path}", json=body, seconds=POST_SECONDS)


async def _keep(api: Api, answer: Answer, request: ImageRequest, progress: Progress) -> None:
    items = result_of(answer).own_pictures(request.count, request.seed)
    if not items:
        raise BadResponse("no picture came back")

    async def picture(item: tuple[str, int | None]) -> Picture:
        text, seed = item
        return (
            await api.fetch(text, seed=seed)
            if is_link(text)
            else Picture(data=await decode_picture_async(text), seed=seed)
        )

    await keep_all(progress, items, picture)
