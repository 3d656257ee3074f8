"""`python -m tests.replay`: all servers on fixed ports, with the settings that lead the bot to them."""

import asyncio
import signal
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack

from tests.replay import FAULTS, REPLAYS, Replay

FIRST_PORT = 8801


def settings(replay: Replay) -> str:
    prefix = replay.name.upper()
    lines = [f"{prefix}_API_KEY={replay.key}"] if replay.needs_key else []
    lines += ["AIHORDE=on"] if replay.name == "aihorde" else []
    lines += [f"{prefix}_BASE_URL={replay.url}", *_described(replay.cases)]
    return "\n".join(lines)


def _described(cases: Mapping[str, str]) -> list[str]:
    return [f"#   case:{name:<16} {about}" for name, about in cases.items()]


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


async def main() -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        _say(
            "# Answers in a prompt: write case:<name>, as in: a cat case:pending. Cases named lists-… strike lists that"
        )
        _say("# no prompt asks for: put /case/<name> behind the base URL instead. For every provider:")
        _say(*_described({name: fault.about for name, fault in FAULTS.items()}))
        _say("#   case:poll-<fault>, case:picture-<fault>: the same where a job is polled, or a picture downloaded")
        for port, kind in enumerate(REPLAYS, FIRST_PORT):
            _say("", settings(await stack.enter_async_context(kind(port))))
        await stop.wait()


try:
    asyncio.run(main())
except OSError as error:
    sys.exit(f"could not listen: {error.strerror}")
