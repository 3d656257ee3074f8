"""`python -m benchmarks.run_bot bot`: a bot's main(), with a watch over its event loop from outside.

BEATS names a file for the delays of a heartbeat, PROFILE one for the functions that took the CPU.
"""

import asyncio
import importlib
import itertools
import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Coroutine
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

BEAT = 0.005
SAMPLE = 0.002
"""CPU seconds from one sample to the next."""
DEEPEST = 200
SHOWN = 100
ROOT = Path(__file__).parent.parent


Beats = list[tuple[float, float, float]]
"""When a wake-up was due, how late it came, and how much CPU the loop's thread used meanwhile."""


async def _beat(beats: Beats) -> None:
    while True:
        due, used = time.monotonic() + BEAT, time.thread_time()
        await asyncio.sleep(BEAT)
        beats.append((due, time.monotonic() - due, time.thread_time() - used))


class Sampler:
    """Counts where the main thread is each time that the process has used some CPU."""

    def __init__(self) -> None:
        self.counts = {kind: Counter[str]() for kind in ("packages", "alone", "within")}

    def start(self) -> None:
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE, SAMPLE)

    def _sample(self, _: int, frame: FrameType | None) -> None:
        frames = [each for each, _ in itertools.islice(traceback.walk_stack(frame), DEEPEST)]
        names = [_name(each.f_code) for each in frames]
        self.counts["packages"][next(filter(None, (_package(each.f_code) for each in frames)), "asyncio")] += 1
        self.counts["alone"][names[0]] += 1
        self.counts["within"].update(set(names))

    def told(self) -> dict[str, Any]:
        """The largest of each kind, and how many samples there are."""
        largest = {kind: counter.most_common(SHOWN) for kind, counter in self.counts.items()}
        return {**largest, "samples": self.counts["alone"].total()}


@cache
def _name(code: CodeType) -> str:
    return f"{'/'.join(Path(code.co_filename).parts[-2:])}:{getattr(code, 'co_qualname', code.co_name)}"


@cache
def _package(code: CodeType) -> str | None:
    """The package, of Easel or installed; None for the standard library, whose time counts for its caller."""
    path = Path(code.co_filename)
    if "site-packages" in path.parts:
        return path.parts[path.parts.index("site-packages") + 1]
    return f"easel {path.parent.name}" if path.is_relative_to(ROOT) and path.parent.name != "benchmarks" else None


async def _watched(main: Coroutine[Any, Any, Any], beats: Beats, sampler: Sampler) -> Any:
    beating = asyncio.create_task(_beat(beats)) if "BEATS" in os.environ else None
    if "PROFILE" in os.environ:
        sampler.start()
    try:
        return await main
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        if beating:
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating


def main() -> Any:
    module = importlib.import_module(sys.argv.pop(1))
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # for a bot without a handler of its own
    beats: Beats = []
    sampler = Sampler()
    run = asyncio.Runner.run

    def watched(runner: asyncio.Runner, coro: Coroutine[Any, Any, Any], **options: Any) -> Any:
        return run(runner, _watched(coro, beats, sampler), **options)

    asyncio.Runner.run = watched  # type: ignore[method-assign]
    try:
        return module.main()
    finally:
        if path := os.environ.get("BEATS"):
            Path(path).write_text(json.dumps(beats), "utf-8")
        if path := os.environ.get("PROFILE"):
            Path(path).write_text(json.dumps(sampler.told()), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
