"""Where files from outside are decoded: in processes that have limits, and are killed and replaced when they pass them.

Of our own, because every pool in the libraries has its processes import the main module, and hands them the
environment with its secrets.
"""

import asyncio
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Timer
from typing import IO, Any, cast

from studio.images.base import Made, NotAPicture, WrongMask
from studio.images.wire import Message, read, write

AT_ONCE = 2
ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "studio.images.worker")
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "MALLOC_ARENA_MAX": "1"}
"""Nothing of ours; each arena would count 64 MiB as memory."""


class Died(Exception):
    """The process was killed at its limits, or crashed."""


class Rested(Exception):
    """The process had just ended by itself, and has not seen the file."""


class Worker:
    """One process, for one file at a time."""

    def __init__(self) -> None:
        self._killed = False
        inherited = None if sys.platform == "win32" else ENVIRONMENT  # there, nothing starts without
        self._process = subprocess.Popen(  # noqa: S603 - ourselves
            COMMAND, cwd=ROOT, env=inherited, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )

    def ask(self, task: str, data: bytes, facts: dict[str, Any], seconds: float) -> Message:
        """Died, or Rested; it is of no further use then."""
        timer = Timer(seconds, self.kill)
        timer.daemon = True
        timer.start()
        try:
            write(cast("IO[bytes]", self._process.stdin), {"task": task, "facts": facts, "seconds": seconds}, data)
            return read(cast("IO[bytes]", self._process.stdout))
        except (OSError, EOFError):
            self._process.kill()
            raise (Died("killed, or crashed") if self._process.wait() else Rested) from None
        finally:
            timer.cancel()
            timer.join()

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

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix="easel-image")
        self._idle: list[Worker] = []
        self._busy: set[Worker] = set()

    async def do(self, task: str, data: bytes, seconds: float, **facts: Any) -> Made:
        """As `tasks.do`: NotAPicture; Died, where the file needs more time or memory than there is."""
        work = partial(self._ask, task, data, facts, seconds)
        answer, made = await asyncio.get_running_loop().run_in_executor(self._threads, work)
        if "refused" in answer:
            raise (WrongMask if answer["mask"] else NotAPicture)(answer["refused"])
        return Made(made, answer["size"], answer["way"])

    def close(self) -> None:
        """End the processes, at whatever they are. The next file starts new ones."""
        for worker in self._busy.copy():
            worker.kill()
        while self._idle:
            self._idle.pop().end()

    def _ask(self, task: str, data: bytes, facts: dict[str, Any], seconds: float) -> Message:
        while True:
            worker = self._take()
            self._busy.add(worker)
            try:
                return worker.ask(task, data, facts, seconds)
            except Rested:
                continue
            finally:
                self._busy.discard(worker)
                self._put(worker)

    def _take(self) -> Worker:
        if self._idle:
            return self._idle.pop()
        try:
            return Worker()
        except OSError as error:
            raise Died(f"no process can be started: {error.strerror}") from None

    def _put(self, worker: Worker) -> None:
        if worker.lives:
            self._idle.append(worker)
        else:
            worker.end()


WORKSHOP = Workshop()
