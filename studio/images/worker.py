"""The process beside us that decodes: one file after another from its standard input, until that ends.

Its argument: after how many idle seconds it ends by itself.
"""

import os
import signal
import sys
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, cast

from domain import Failure, NotPossible
from studio.images import codec, tasks
from studio.images.base import NotAPicture
from studio.images.wire import REFUSAL, Message, read, write

POLITENESS = 10
"""Of nice(2): the bot itself, and its database, go first."""
MOST_MEMORY = 2**30
"""Bytes of address space: a picture of 67 megapixels is decoded in 300 MiB."""


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # sent to all of a group, whose first ends us in its own time
    codec.set_up()
    _limit_memory()
    if sys.platform != "win32":
        os.nice(POLITENESS)
    asked: SimpleQueue[Message | None] = SimpleQueue()
    Thread(target=_listen, args=(asked,), daemon=True).start()
    patience = None
    while message := _next(asked, patience):
        facts, data = message
        _limit_seconds(facts["seconds"])
        write(sys.stdout.buffer, *_answer(facts, data))
        patience = float(sys.argv[1])


def _listen(asked: "SimpleQueue[Message | None]") -> None:
    try:
        while True:
            asked.put(read(sys.stdin.buffer))
    except EOFError:
        asked.put(None)


def _next(asked: "SimpleQueue[Message | None]", patience: float | None) -> Message | None:
    """None at the end, and when there has been nothing to do for so many seconds."""
    try:
        return asked.get(timeout=patience)
    except Empty:
        return None


def _answer(facts: dict[str, Any], data: bytes) -> Message:
    try:
        made = tasks.do(facts["task"], data, facts["facts"])
    except NotAPicture as reason:
        return {"damaged": str(reason), "defect": reason.defect}, b""
    except NotPossible as refusal:
        return {"refused": REFUSAL.dump_python(cast("Failure", refusal), mode="json")}, b""
    except Exception as error:  # noqa: BLE001 - a mistake of ours; the next file is read all the same
        return {"failed": type(error).__name__}, b""
    return {"size": made.size, "way": made.way}, made.data


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _limit_seconds(seconds: float) -> None:
    """Of the processor's time, from now on: whoever started us may be gone, and not there to end us."""
    if sys.platform != "win32":
        import resource

        used = sum(os.times()[:2])
        resource.setrlimit(resource.RLIMIT_CPU, (int(used + seconds) + 1, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
    os._exit(0)  # the listener may sit in a read
