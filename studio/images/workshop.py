"""Where files from outside are decoded: in processes that have limits, and are killed and replaced when they pass them.

Of our own, because every pool in the libraries has its processes import the main module, and hands them the
environment with its secrets.
"""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from pathlib import Path
from threading import Semaphore, Timer
from typing import IO, Any, cast

from domain import Defect
from studio.images.base import Made, NotAPicture
from studio.images.wire import REFUSAL, Message, read, write

log = logging.getLogger(__name__)

AT_ONCE = 4
IDLE_SECONDS = 60.0
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "studio.images.worker")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}
"""Nothing of ours; each arena would count 64 MiB as memory."""


class Lane(Enum):
    """Who waits for whom: arrivals for nobody, copies and others for arrivals alone, and only when those take all."""

    ARRIVALS = auto()
    """What a provider has sent: paid for, and kept already."""
    COPIES = auto()
    """What is made smaller for its place."""
    OTHERS = auto()
    """Uploads, and unfinished pictures."""


class Died(Exception):
    """The process crashed twice, or does not answer as it should."""


class TooSlow(Died):
    """The process was killed at its limit."""


class NoProcess(Died):
    """None can be started: the file is not to blame."""


class Rested(Exception):
    """The process had just ended by itself, and has not seen the file."""


class Crashed(Exception):
    """The process has ended before its time: the file is to blame, or whoever has killed it."""


class Worker:
    """One process, for one file at a time."""

    def __init__(self, idle_seconds: float) -> None:
        self._killed = False
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            (*COMMAND, str(idle_seconds)),
            cwd=ROOT,
            env=None if sys.platform == "win32" else ENVIRONMENT,  # there, nothing starts without its own
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )

    def ask(self, task: str, data: bytes, facts: dict[str, Any], seconds: float) -> Message:
        """Died, Crashed or Rested; it is of no further use then."""
        timer = Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            write(cast("IO[bytes]", self._process.stdin), {"task": task, "facts": facts, "seconds": seconds}, data)
            return read(cast("IO[bytes]", self._process.stdout))
        except (OSError, EOFError):
            raise self._end_of() from None
        except Exception as error:  # noqa: BLE001 - whatever it is, half an answer is left unread
            self.kill()  # or the next file would get the answer that is still to come for this one
            raise Died(f"its answer cannot be read, {type(error).__name__}") from None
        finally:
            timer.cancel()
            timer.join()

    def _end_of(self) -> Exception:
        """Why it does not answer."""
        if self._killed:
            return TooSlow("killed")
        code = self._process.wait()
        return Crashed(f"it ended with {code}") if code else Rested()

    @property
    def lives(self) -> bool:
        return not self._killed and self._process.poll() is None

    def kill(self) -> None:
        self._killed = True
        self._process.kill()

    def end(self) -> None:
        """For one that nobody asks anything any more."""
        self.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                cast("IO[bytes]", pipe).close()


class Workshop:
    """A few such processes, started when they are needed; they end by themselves when they are not."""

    def __init__(self, at_once: int = AT_ONCE, idle_seconds: float = IDLE_SECONDS) -> None:
        widths = {Lane.ARRIVALS: at_once, Lane.COPIES: 1, Lane.OTHERS: max(at_once - 2, 1)}
        self._lanes = {lane: ThreadPoolExecutor(width, f"easel-{lane.name.lower()}") for lane, width in widths.items()}
        self._turns = Semaphore(at_once)
        self._idle_seconds = idle_seconds
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    async def do(self, task: str, data: bytes, seconds: float, lane: Lane = Lane.OTHERS, **facts: Any) -> Made:
        """As `tasks.do`: NotAPicture or NotPossible; Died, where nothing came of it."""
        work = partial(self._do, task, data, facts, seconds)
        answer, made = await asyncio.get_running_loop().run_in_executor(self._lanes[lane], work)
        if "failed" in answer:
            raise Died(f"an error in Easel itself, {answer['failed']}")
        if "damaged" in answer:
            raise NotAPicture(answer["damaged"], Defect(answer["defect"]))
        if "refused" in answer:
            raise REFUSAL.validate_python(answer["refused"])
        return Made(made, answer["size"], answer["way"])

    def interrupt(self) -> None:
        """End what is under way: its files count as too slow. Who is idle ends with us."""
        for worker in self._busy.copy():
            worker.kill()

    def _do(self, *asked: Any) -> Message:
        """Once more after a crash, in a new process: where memory was short, all that idled may have been ended."""
        with self._turns:
            try:
                return self._ask(self._take, *asked)
            except Crashed as first:
                log.warning("a process that decodes pictures: %s", first)
            try:
                return self._ask(self._start, *asked)
            except Crashed as second:
                raise Died(str(second)) from None

    def _ask(self, source: Callable[[], Worker], *asked: Any) -> Message:
        while True:
            worker = source()
            self._busy.add(worker)
            try:
                return worker.ask(*asked)
            except Rested:
                continue
            finally:
                self._busy.discard(worker)
                self._put(worker)

    def _take(self) -> Worker:
        with suppress(IndexError):  # another thread may take the last one at any moment
            while not (worker := self._idle.pop()).lives:
                worker.end()
            return worker
        return self._start()

    def _start(self) -> Worker:
        try:
            return Worker(self._idle_seconds)
        except OSError as error:
            raise NoProcess(f"no process can be started: {error.strerror}") from None

    def _put(self, worker: Worker) -> None:
        if worker.lives:
            self._idle.append(worker)
        else:
            worker.end()


WORKSHOP = Workshop()
