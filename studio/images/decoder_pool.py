"""A pool of processes that decode untrusted files; one that exceeds its time or memory is killed and replaced.

Not a ProcessPoolExecutor, whose workers import the main module and inherit the environment with its secrets.
"""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from enum import Enum, auto
from functools import partial
from pathlib import Path
from threading import Semaphore, Timer
from typing import IO, Any, cast

from domain import Defect
from studio.images.base import NotAPicture, TaskResult
from studio.images.messages import FAILURE_ADAPTER, UNREADABLE_MESSAGE, Message, read, write

log = logging.getLogger(__name__)

MAX_PROCESSES = 4
IDLE_SECONDS = 60.0
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "studio.images.decoder")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}
"""Without secrets. Each further malloc arena would count as 64 MiB of memory."""


class Lane(Enum):
    """Kinds of work with a thread pool each, so that one does not wait for another unless all processes are busy."""

    ARRIVALS = auto()
    """Pictures that a provider has sent."""
    COPIES = auto()
    """Smaller copies for a message's size limit."""
    OTHERS = auto()
    """Uploads and previews."""


class DecodingFailed(Exception):
    """The process crashed twice, or its answer cannot be read."""


class TooSlow(DecodingFailed):
    """The process was killed at its time limit."""


class NoProcess(DecodingFailed):
    """No process can be started; this is not the file's fault."""


class IdleExit(Exception):
    """The process had exited after its idle timeout, before it read the file."""


class Crashed(Exception):
    """The process crashed while it had the file, or was killed by the system."""


class DecoderProcess:
    """A child process that runs one task at a time."""

    def __init__(self, idle_seconds: float) -> None:
        self._killed = False
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            (*COMMAND, str(idle_seconds)),
            cwd=ROOT,
            env=None if sys.platform == "win32" else ENVIRONMENT,  # Windows starts no process without its own variables
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, task: str, data: bytes, options: dict[str, Any], seconds: float) -> Message:
        """Run a task; after DecodingFailed, Crashed or IdleExit, the process cannot be used any more."""
        timer = Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        with ExitStack() as unanswered:
            unanswered.callback(self.kill)  # or the next task would read this one's answer
            try:
                write(
                    cast("IO[bytes]", self._process.stdin), {"task": task, "options": options, "seconds": seconds}, data
                )
                answer = read(cast("IO[bytes]", self._process.stdout))
            except (OSError, EOFError):
                raise self._end_of() from None
            except UNREADABLE_MESSAGE as error:
                raise DecodingFailed(f"its answer cannot be read, {type(error).__name__}") from None
            finally:
                timer.cancel()
                timer.join()
            unanswered.pop_all()
            return answer

    def _end_of(self) -> Exception:
        """The error for a process that does not answer."""
        if self._killed:
            return TooSlow("killed")
        code = self._process.wait()
        return Crashed(f"it ended with {code}") if code else IdleExit()

    @property
    def is_alive(self) -> bool:
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        self._killed = True
        self._process.kill()

    def end(self) -> None:
        """Kill the process and close its pipes."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                cast("IO[bytes]", pipe).close()


class DecoderPool:
    """Up to `at_once` decoder processes, started on demand; each exits after its idle timeout."""

    def __init__(self, at_once: int = MAX_PROCESSES, idle_seconds: float = IDLE_SECONDS) -> None:
        widths = {Lane.ARRIVALS: at_once, Lane.COPIES: 1, Lane.OTHERS: max(at_once - 2, 1)}
        self._lanes = {lane: ThreadPoolExecutor(width, f"easel-{lane.name.lower()}") for lane, width in widths.items()}
        self._slots = Semaphore(at_once)
        self._idle_seconds = idle_seconds
        self._idle: list[DecoderProcess] = []
        self._busy: set[DecoderProcess] = set()

    async def run(self, task: str, data: bytes, seconds: float, lane: Lane = Lane.OTHERS, **options: Any) -> TaskResult:
        """As `tasks.run_task`, in a decoder process; NotAPicture, NotPossible, DecodingFailed."""
        work = partial(self._run, task, data, options, seconds)
        answer, data = await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work)
        if "failed" in answer:
            raise DecodingFailed(f"an error in Easel itself, {answer['failed']}")
        if "damaged" in answer:
            raise NotAPicture(answer["damaged"], Defect(answer["defect"]))
        if "refused" in answer:
            raise FAILURE_ADAPTER.validate_python(answer["refused"])
        return TaskResult(data, answer["size"], answer["way"])

    def interrupt(self) -> None:
        """Kill the busy processes, whose tasks raise TooSlow. Idle ones exit when this process does."""
        for worker in self._busy.copy():
            worker.kill()

    def _run(self, *asked: Any) -> Message:
        """Run the task, and retry once in a new process after a crash: the system may have killed the idle ones."""
        with self._slots:
            try:
                return self._ask(self._reuse_or_start, *asked)
            except Crashed as first:
                log.warning("a decoder process crashed: %s", first)
            try:
                return self._ask(self._start, *asked)
            except Crashed as second:
                raise DecodingFailed(str(second)) from None

    def _ask(self, source: Callable[[], DecoderProcess], *asked: Any) -> Message:
        while True:
            worker = source()
            self._busy.add(worker)
            try:
                return worker.ask(*asked)
            except IdleExit:
                continue
            finally:
                self._busy.discard(worker)
                self._give_back(worker)

    def _reuse_or_start(self) -> DecoderProcess:
        with suppress(IndexError):  # another thread may take the last one at any moment
            while not (worker := self._idle.pop()).is_alive:
                worker.end()
            return worker
        return self._start()

    def _start(self) -> DecoderProcess:
        try:
            return DecoderProcess(self._idle_seconds)
        except OSError as error:
            raise NoProcess(f"no process can be started: {error.strerror}") from None

    def _give_back(self, worker: DecoderProcess) -> None:
        if worker.is_alive:
            self._idle.append(worker)
        else:
            worker.end()


DECODERS = DecoderPool()
