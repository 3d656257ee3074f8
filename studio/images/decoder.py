"""Main module of a decoder process: runs tasks from standard input until its end.

Argument: idle timeout in seconds, after which the process exits.
"""

import os
import queue
import signal
import sys
from queue import SimpleQueue
from threading import Thread
from typing import Any, cast

from domain import Failure, NotPossible
from studio.images import codec, tasks
from studio.images.base import NotAPicture
from studio.images.messages import FAILURE_ADAPTER, Message, read, write

NICENESS = 10
"""Lower CPU priority than the bot and its database (nice(2))."""
MAX_MEMORY = 2**30
"""Bytes of address space; a picture of 67 megapixels takes 300 MiB."""


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to the whole process group; the bot ends this process
    codec.configure_pillow()
    _limit_memory()
    if sys.platform != "win32":
        os.nice(NICENESS)
    messages: SimpleQueue[Message | None] = SimpleQueue()
    Thread(target=_read_messages, args=(messages,), daemon=True).start()
    idle_seconds = None
    while message := _next_message(messages, idle_seconds):
        header, data = message
        _limit_seconds(header["seconds"])
        write(sys.stdout.buffer, *_answer(header, data))
        idle_seconds = float(sys.argv[1])


def _read_messages(messages: "SimpleQueue[Message | None]") -> None:
    try:
        while True:
            messages.put(read(sys.stdin.buffer))
    except EOFError:
        messages.put(None)


def _next_message(messages: "SimpleQueue[Message | None]", idle_seconds: float | None) -> Message | None:
    """The next message; None at the end of the input or after the idle timeout."""
    try:
        return messages.get(timeout=idle_seconds)
    except queue.Empty:
        return None


def _answer(header: dict[str, Any], data: bytes) -> Message:
    try:
        made = tasks.run_task(header["task"], data, header["options"])
    except NotAPicture as reason:
        return {"damaged": str(reason), "defect": reason.defect}, b""
    except NotPossible as refusal:
        return {"refused": FAILURE_ADAPTER.dump_python(cast("Failure", refusal), mode="json")}, b""
    except Exception as error:  # noqa: BLE001 - an edge: a bug must not end the process, which serves other files
        return {"failed": type(error).__name__}, b""
    return {"size": made.size, "way": made.way}, made.data


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, MAX_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds(seconds: float) -> None:
    """Limit the CPU time from now on: if the bot was killed, it cannot kill this process."""
    if sys.platform != "win32":
        import resource

        used = sum(os.times()[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
    os._exit(0)  # the reading thread may be blocked
