"""AI Horde: volunteers' machines, free, with an anonymous key; polled by id, pictures in WebP.

Facts: the server's source (version 5.1.5). Its peculiarities:

- `###` in a prompt begins the negative one, so it is escaped in members' text.
- A refused prompt bans the caller's IP address for a while, so `suspension_time` suspends that member.
- `nsfw` and `censor_nsfw` have other defaults in its Swagger file than in its parser: both are always sent.
- `status` may be called ten times a minute, so only once for each job, when `check` says that it is done.
- MaintenanceMode has status 400, though 503 is documented; some errors have no `rc`.

Not confirmed: the polarity of the mask (white = repaint), and that `shared` gives pictures away for training.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from pydantic import Field

from domain import (
    BadResponse,
    Cause,
    ContentRejected,
    EaselError,
    ImageRequest,
    Model,
    Picture,
    Sources,
    Timeout,
    Unavailable,
)
from providers.aihorde.offers import FALLBACK, MODELS_PATH, ModelList, make_model, served_models
from providers.aihorde.refusals import as_poll_answer, checked, code_of
from providers.aihorde.wire import Accepted, GeneratedImage, JobState, Result, User, draw_body
from providers.http.answers import Answer, one_line
from providers.http.api import MAX_JSON_BYTES, path_segment
from providers.http.encoding import decode_picture_async
from providers.http.transport import Transport
from providers.kit.base import Health, Progress, Provider, keep_all
from providers.kit.model_lists import choose_models
from providers.kit.polling import PollIntervals, poll
from providers.kit.results import pictures_in
from providers.kit.settings import SwitchableSettings
from providers.kit.variables import Secret, Switch

log = logging.getLogger(__name__)

BASE_URL = "https://aihorde.net"
ANONYMOUS = "0000000000"
"""The documented anonymous key: no secret, so it is not redacted in responses, where it may be data."""
CLIENT_AGENT = "Easel:0.1:github.com/easel-bot/easel"
"""name:version:contact; unknown callers may be blocked."""
UNSERVED_SECONDS = 30.0
"""Seconds for which a job may wait without any worker, before it is cancelled."""
CANCEL_BEFORE_END_SECONDS = 30.0
"""Seconds before the deadline at which a job is cancelled, to fetch the pictures that are finished."""
CHECK_INTERVALS = PollIntervals(silence_limit=60.0)
STATUS_INTERVALS = PollIntervals(first=0.2, longest=12.0, growth=2.0, silence_limit=60.0)
"""Slow back-off: other jobs of this IP address share ten calls a minute."""


class AIHordeSettings(SwitchableSettings):
    api_key: Secret | None = Field(default=None, description="A key of your own waits less, and may draw larger.")
    enabled: Switch = Field(
        default_factory=lambda read: read["api_key"] is not None,
        examples=["on"],
        description="Volunteers draw on their own machines, for nothing, and could read the prompts; no key is needed. "
        "`off` switches it off. Unset: on where there is a key.",
    )


class AIHorde(Provider[AIHordeSettings]):
    name = "aihorde"
    title = "AI Horde"
    is_paid = False
    reports = frozenset({"position", "eta"})
    suspension_time = timedelta(minutes=10)
    uses_volunteers = True

    def __init__(self, settings: AIHordeSettings, transport: Transport) -> None:
        super().__init__(settings, transport)
        root = (settings.base_url or BASE_URL).rstrip("/").removesuffix("/api/v2") + "/api/v2"
        key = settings.api_key if settings.api_key and settings.api_key.get_secret_value() != ANONYMOUS else None
        self._own_key = key is not None
        self._headers = {"Client-Agent": CLIENT_AGENT} | ({} if key else {"apikey": ANONYMOUS})
        self._api = self.api(root, header="apikey", key=key)
        self._discovery = self.discovery(
            self._offered, self._models([make_model(name, self._own_key) for name in FALLBACK])
        )

    @classmethod
    def missing_setting(cls, settings: AIHordeSettings) -> str | None:
        return None if settings.enabled else "set AIHORDE=on"

    async def offered(self) -> Sequence[Model]:
        return await self._discovery.get()

    async def generate(self, request: ImageRequest, sources: Sources, progress: Progress) -> None:
        if progress.remembered is None:
            await self._submit(await draw_body(request, sources, own_key=self._own_key), progress)
        ref = progress.remembered or {}
        pictures = [GeneratedImage.model_validate(each) for each in ref.get("pictures", ())]
        if not pictures:
            await self._wait(ref["id"], progress)
            pictures = await self._fetch_pictures(ref["id"], progress)
        await keep_all(progress, pictures, self._picture)

    async def check(self) -> Health:
        user = checked(await self._send("GET", "find_user")).parse(User)
        key = f"accepted, {user.kudos or 0:.0f} kudos" if self._own_key else "the anonymous one, which works"
        return Health(reachable=True, models=len(await self._discover()), key=key)

    async def cancel(self, ref: Mapping[str, Any]) -> None:
        await self._cancel(ref["id"])

    async def _submit(self, fields: dict[str, Any], progress: Progress) -> None:
        answer = await self._send("POST", "generate/async", json=fields)
        if code_of(answer) == "KudosUpfront" and "allow_downgrade" not in fields:
            answer = await self._send("POST", "generate/async", json={**fields, "allow_downgrade": True})
        accepted = checked(answer).parse(Accepted)
        await progress.remember({"id": accepted.id})
        if remarks := [str(remark) for remark in (accepted.message, accepted.warnings) if remark]:
            log.info("AI Horde says: %s", one_line(" ".join(remarks)))

    async def _wait(self, id: str, progress: Progress) -> None:
        unserved_since: float | None = None

        async def is_done(answer: Answer) -> bool:
            nonlocal unserved_since
            state = answer.parse(JobState)
            if state.faulted:
                await self._give_up(id, progress, Unavailable(cause=Cause.WORKERS_FAILED, blames_model=True))
            now = asyncio.get_running_loop().time()
            unserved_since = None if state.is_possible or state.done else unserved_since or now
            if unserved_since and now - unserved_since >= UNSERVED_SECONDS:
                await self._give_up(id, progress, Unavailable(cause=Cause.NO_WORKER, option="model"))
            if progress.seconds_left() <= CANCEL_BEFORE_END_SECONDS and not state.done:
                await self._give_up(id, progress, Timeout("not all pictures were drawn in time"))
            await progress.report(position=state.queue_position, eta=state.wait_time)
            return state.done

        ask = partial(self._ask, f"generate/check/{path_segment(id)}", cap=MAX_JSON_BYTES)
        await poll(self.transport, progress, ask, is_done, CHECK_INTERVALS)

    async def _give_up(self, id: str, progress: Progress, reason: EaselError) -> None:
        """Cancel the job, keep the pictures that the cancellation returns, and raise the reason."""
        pictures = list[GeneratedImage]()
        try:
            pictures = await self._cancel(id)
        except EaselError as error:
            log.warning("a job that was given up could not be cancelled: %s", error)
        await progress.forget()
        await keep_all(progress, pictures, self._picture)
        raise reason

    async def _cancel(self, id: str) -> list[GeneratedImage]:
        answer = await self._send("DELETE", f"generate/status/{path_segment(id)}")
        return [] if answer.status in (404, 410) else checked(answer).parse(Result).pictures

    async def _fetch_pictures(self, id: str, progress: Progress) -> list[GeneratedImage]:
        """The finished pictures, without censored ones; links are remembered."""
        answer = await self._fetch_result(id, progress)
        result = answer.parse(Result)
        has_no_own_picture = not any(each.img.strip() for each in result.generations)
        pictures = (
            [GeneratedImage(img=each) for each in pictures_in(answer.data())] if has_no_own_picture else result.pictures
        )
        if not pictures:
            await progress.forget()
            nothing = BadResponse("done, without a picture")
            raise ContentRejected("censored by the workers") if result.generations else nothing
        if all(each.is_link for each in pictures):
            await progress.remember({"id": id, "pictures": [each.model_dump() for each in pictures]})
        return pictures

    async def _fetch_result(self, id: str, progress: Progress) -> Answer:
        answers: list[Answer] = []

        async def is_there(answer: Answer) -> bool:
            answers.append(answer)
            return True

        ask = partial(self._ask, f"generate/status/{path_segment(id)}")
        await poll(self.transport, progress, ask, is_there, STATUS_INTERVALS)
        return answers[0]

    async def _picture(self, image: GeneratedImage) -> Picture:
        if image.is_link:
            return await self._api.fetch(image.img, seed=image.seed)
        return Picture(data=await decode_picture_async(image.img), seed=image.seed)

    async def _offered(self) -> Sequence[Model]:
        return self._models(await self._discover())

    def _models(self, listed: Sequence[Model]) -> Sequence[Model]:
        return choose_models(self.settings, listed, lambda name: make_model(name, self._own_key))

    async def _discover(self) -> tuple[Model, ...]:
        listed = checked(await self._send("GET", MODELS_PATH, cap=MAX_JSON_BYTES)).parse(ModelList).root
        return served_models(listed, own_key=self._own_key)

    async def _ask(self, path: str, **options: Any) -> Answer:
        return as_poll_answer(await self._send("GET", path, **options))

    async def _send(self, method: str, path: str, **options: Any) -> Answer:
        return await self._api.send(method, path, headers=self._headers, **options)
