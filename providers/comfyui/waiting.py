"""Polls a submitted prompt: the outcome from the history, its position from the queue."""

from domain import BadResponse, EaselError
from providers.comfyui.answers import File, PromptQueue, entry_of
from providers.comfyui.sockets import Listener
from providers.http.answers import Answer
from providers.http.api import Api, path_segment
from providers.kit.base import Progress

MAX_MISSES = 3
"""Consecutive polls that find it in neither history nor queue: one may be a race at its end."""


class LostPrompt(Exception):
    """Raised where the server has restarted and lost the prompt."""


class PromptPoll:
    """The callbacks of `polling.poll` for one prompt."""

    def __init__(self, api: Api, prompt_id: str, listener: Listener, progress: Progress) -> None:
        self.files: list[File] = []
        self._api = api
        self._prompt_id = prompt_id
        self._listener = listener
        self._progress = progress
        self._has_asked = False
        self._misses = 0

    async def ask(self) -> Answer:
        """Poll the history, the first time at once: an earlier run's prompt may be finished."""
        if self._has_asked:
            await self._listener.wait_for_end()
        self._has_asked = True
        return await self._api.get(f"history/{path_segment(self._prompt_id)}")

    async def is_done(self, answer: Answer) -> bool:
        entry = entry_of(answer, self._prompt_id)
        if failure := entry.failure() if entry else self._listener.failure:
            await self._fail(failure)
        if entry is None:
            await self._check_queue()
            return False
        self.files = entry.files()
        if not self.files:
            await self._fail(BadResponse("the workflow saved no picture"))
        return True

    async def _check_queue(self) -> None:
        if self._listener.is_running:
            return
        self._misses = 0 if await self._is_queued() else self._misses + 1
        if self._misses == MAX_MISSES:
            await self._progress.forget()
            raise LostPrompt

    async def _is_queued(self) -> bool:
        try:
            queue = await queue_of(self._api)
        except EaselError:
            return True  # assumed: the queue could not be read
        if self._prompt_id in queue.pending:
            await self._progress.report(position=queue.pending.index(self._prompt_id) + 1)
            return True
        return self._prompt_id in queue.running

    async def _fail(self, failure: EaselError) -> None:
        await self._progress.forget()
        raise failure


async def queue_of(api: Api) -> PromptQueue:
    return (await api.get("queue")).raise_for_status().parse(PromptQueue)
