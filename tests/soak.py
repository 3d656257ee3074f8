# pyright: basic, reportOptionalMemberAccess=false, reportOptionalSubscript=false
"""`python -m tests.soak`: thousands of jobs through the real bot with random faults; at the end each has one outcome.

The seed determines each job's faults; the moments of kills and gateway faults vary with the machine.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web

from tests.discord_server import Message, Sent, breaks, busy, fails, has_picture, is_callback, nth, refuses
from tests.discord_server.faults import Action, Answer
from tests.faults.world import DRAWING, SHORT_TIMEOUTS, Row, World, healthy, world_in

AT_ONCE, UNREAD = 60, 8
LOOK_SECONDS = 0.1
YOUTH_SECONDS = 1.0
ANSWER_SECONDS = 15.0
"""After which nobody answers a command any more."""
STUCK_SECONDS = 150.0
"""Longer than the row of a dead holder waits for the next sweep."""
MEMBERS, SERVERS = 200, 8
TOO_LATE = 16 * 60
AHEAD = 15 * 60
"""Seconds that the host's clock is before Discord's."""


class Kind(NamedTuple):
    """A provider: its pictures per submit, its smallest size, and the cases of its replay server."""

    per_call: int
    size: str
    cases: tuple[str, ...]


KINDS = {
    "popcord": Kind(
        1,
        "512x512",
        ("F04", "F05", "F08", "F11-reset", "F12", "F13-page", "F15", "F16", "picture-F06", "picture-F17"),
    ),
    "imagepipeline": Kind(
        4, "128x128", ("F16", "F04", "F05", "F12", "policy", "model-error", "gateway", "late", "no-links")
    ),
    "nebulablock": Kind(
        1, "512x512", ("F04", "F04-503", "F05", "F06", "F15", "F17", "no-number", "no-credit", "no-data", "dialect")
    ),
    "sketch": Kind(1, "64x64", ()),
}
SENT_AGAIN = {"F04-503": 3}
"""Submits of a call, where the provider says that it took none."""
ON_CALLBACK = (fails(500), fails(502, taken=True), busy(), breaks(), breaks(taken=True))
ON_THE_REST = (*ON_CALLBACK, fails(503), busy(via=False, told=False))
CHANCE_OF_CASE, CHANCE_OF_FAULT, CHANCE_OF_DELETION, CHANCE_OF_PRIVACY = 0.25, 0.1, 0.01, 0.2
CHANCE_OF_REFUSAL, CHANCE_OF_ANOTHER = 0.02, 0.02
EXPLICIT = refuses(400, 20009)
TROUBLES = ("kill", "cut", "expire", "kill", "invalidate", "stop", "cut", "kill", "expire", "kill")
"""Spread evenly over the jobs."""


@dataclass(eq=False)
class Asked:
    """One job: its request, and its faults."""

    prompt: str
    provider: str
    case: str
    count: int
    options: dict[str, Any]
    befalls: dict[bool, list[Action]]
    """On its callback (True), and on what follows."""
    deleted: bool
    """Somebody deletes the reply while it is drawn."""
    refused: bool
    """Discord takes none of its pictures where it was asked for."""
    elsewhere: bool
    """Another process with the same token answers first, and draws."""
    token: str = ""
    since: float = 0.0

    @property
    def most_submits(self) -> int:
        return ceil(self.count / KINDS[self.provider].per_call) * SENT_AGAIN.get(self.case, 1)


def planned(number: int, dice: random.Random) -> Asked:
    provider = dice.choice(list(KINDS))
    kind = KINDS[provider]
    case = dice.choice(kind.cases) if kind.cases and dice.random() < CHANCE_OF_CASE else ""
    count = dice.choice((1, 1, 1, 2, 4))
    options = {"provider": provider, "count": count, "size": kind.size, "private": dice.random() < CHANCE_OF_PRIVACY}
    options |= {"user": str(5000 + dice.randrange(MEMBERS)), "at": nth(dice.randrange(SERVERS))}
    elsewhere = dice.random() < CHANCE_OF_ANOTHER
    befalls = {
        True: [] if elsewhere else [dice.choice(ON_CALLBACK) for _ in range(1) if dice.random() < CHANCE_OF_FAULT],
        False: [dice.choice(ON_THE_REST) for _ in range(2) if dice.random() < CHANCE_OF_FAULT],
    }
    prompt = f"job {number} case:{case}" if case else f"job {number}"
    deleted, refused = dice.random() < CHANCE_OF_DELETION, dice.random() < CHANCE_OF_REFUSAL
    return Asked(prompt, provider, case, count, options, befalls, deleted, refused, elsewhere)


class Weather:
    """Injects the planned faults into the requests of each job."""

    def __init__(self, world: World, plan: list[Asked]) -> None:
        self._discord = world.discord
        self._plan = {asked.prompt: asked for asked in plan}
        self._next: Action
        self.fault = world.discord.fault(self._strikes, self._act, times=sys.maxsize)

    def _strikes(self, sent: Sent) -> bool:
        asked = self._asked(sent.path.split("/"))
        if asked is None:
            return False
        reply = self._discord.reply(asked.token) if asked.token else None
        if asked.deleted and reply and not is_callback(sent):
            reply.deleted = True
        if asked.elsewhere and asked.token and not self._discord.interactions[asked.token].answered:
            self._discord.answer_elsewhere(asked.token)
        if asked.refused and has_picture(sent):
            self._next = EXPLICIT
            return True
        befalls = asked.befalls[is_callback(sent)]
        if befalls:
            self._next = befalls.pop()
            return True
        return False

    async def _act(self, answer: Answer) -> web.StreamResponse | None:
        return await self._next(answer)

    def _asked(self, path: list[str]) -> Asked | None:
        message = self._discord.messages.get(path[-1])
        interaction = self._discord.interactions.get(path[3]) if len(path) > 3 else None
        cause = interaction or (message.cause if message else None)
        options = cause.payload["data"].get("options") if cause else None
        return self._plan.get(options[0]["value"]) if options else None


class Soak:
    def __init__(self, world: World, plan: list[Asked]) -> None:
        self.world = world
        self.plan = plan
        self.weather = Weather(world, plan)
        self._open: list[Asked] = []
        self._started = 0.0

    async def run(self) -> None:
        self.world.discord.clock.advance(-AHEAD)
        await self._start()
        troubles = {len(self.plan) * (n + 1) // (len(TROUBLES) + 1): name for n, name in enumerate(TROUBLES)}
        for number, asked in enumerate(self.plan):
            await self._until_open(AT_ONCE)
            if number in troubles:
                await getattr(self, troubles[number])()
            asked.since = time.monotonic()
            asked.token = await self.world.imagine(asked.prompt, **asked.options)
            self._open.append(asked)
            await self.world.until(self._is_calm)
        await self._until_open(1)

    def _is_calm(self) -> bool:
        """Whether few interactions wait for their acknowledgement, so that a kill meets jobs in every state."""
        young = [asked.token for asked in self._open if time.monotonic() - asked.since < YOUTH_SECONDS]
        return sum(not self.world.discord.interactions[token].answered for token in young) < UNREAD

    async def kill(self) -> None:
        await self.world.kill()
        await self._start()

    async def stop(self) -> None:
        await self.world.stop()
        await self._start()

    async def cut(self) -> None:
        self.world.discord.gateway.cut()

    async def expire(self) -> None:
        """Expire all tokens."""
        self.world.discord.clock.advance(TOO_LATE)

    async def invalidate(self) -> None:
        await self.world.discord.gateway.invalidate()
        await self.world.discord.until(lambda: self.world.discord.gateway.sessions)

    async def _start(self) -> None:
        await self.world.start(*SHORT_TIMEOUTS)
        self._started = time.monotonic()

    async def _until_open(self, fewer: int) -> None:
        """Wait until fewer jobs are under way, or none ends any more."""
        last, progress = len(self._open), time.monotonic()
        while len(self._open) >= fewer and time.monotonic() - progress < STUCK_SECONDS:
            rows = self.rows()
            self._open = [asked for asked in self._open if not self._is_over(asked, rows)]
            if len(self._open) < last:
                last, progress = len(self._open), time.monotonic()
            if len(self._open) >= fewer:
                await asyncio.sleep(LOOK_SECONDS)

    def _is_over(self, asked: Asked, rows: dict[str, Row]) -> bool:
        interaction = self.world.discord.interactions[asked.token]
        row = rows.get(interaction.id)
        if row:
            return row.final or row.parked
        if self.world.discord.said(asked.token) or asked.since < self._started:
            return True
        return not interaction.answered and time.monotonic() - asked.since > ANSWER_SECONDS

    def rows(self) -> dict[str, Row]:
        return {row.id: row for row in self.world.rows()}


def outcome(world: World, asked: Asked, row: Row | None) -> str:
    """The job's outcome in a word or two; AssertionError if it is not allowed."""
    submits = world.paid(asked.provider)[asked.prompt] if asked.provider in world.replays else 0
    assert submits <= asked.most_submits, f"submitted {submits} times"
    shown = [message for message in messages_of(world, asked) if not message.deleted]
    pictures = [message for message in shown if message.attachments]
    assert len(pictures) <= 1, f"shown {len(pictures)} times"
    if row is None:
        return _without_row(world, asked, shown)
    assert row.final or row.parked, f"still {row.state}"
    if row.parked:
        assert row.failure or (world.folder / "spool" / "pictures" / row.id).exists(), "parked without pictures"
        told = asked.deleted or asked.options["private"] or any(is_final(message) for message in shown)
        assert told, "parked, and not told"
        # Where Discord took an edit, did not say so, and the private way to its message is closed now.
        assert not pictures or asked.options["private"], "parked, and shown to all"
        return "parked, though it was shown" if pictures else "parked"
    assert bool(pictures) == (row.state == "delivered"), f"{row.state}, with {len(pictures)} pictures"
    assert asked.deleted or pictures or any(is_final(message) for message in shown), f"{row.state}, and not told"
    if row.state == "delivered":
        return "delivered" if len(pictures[0].attachments) == asked.count else "delivered in part"
    return f"{row.state}: {row.failure['kind']}"


def _without_row(world: World, asked: Asked, shown: list[Message]) -> str:
    if not world.discord.interactions[asked.token].answered:
        return "never reached the bot, or its answer never Discord"
    assert asked.deleted or any(is_final(message) for message in shown), "answered, without a row"
    return "told at once that it cannot be"


def messages_of(world: World, asked: Asked) -> list[Message]:
    """The reply, its follow-ups, and messages posted in place of it."""
    code = f"`{asked.prompt}`"
    return [
        message
        for message in world.discord.messages.values()
        if (message.cause and message.cause.token == asked.token) or message.content.split("\n")[0] == code
    ]


def is_final(message: Message) -> bool:
    return not message.thinking and not message.content.startswith(DRAWING)


def judged(soak: Soak) -> Iterator[tuple[str, str]]:
    """The outcomes, each with its fault, if any."""
    rows = soak.rows()
    for asked in soak.plan:
        row = rows.get(soak.world.discord.interactions[asked.token].id)
        try:
            yield outcome(soak.world, asked, row), ""
        except AssertionError as error:
            yield "VIOLATED", f"{asked.prompt}, {asked.provider}, count {asked.count}: {error}"


def say(*lines: object) -> None:
    sys.stdout.write("\n".join(map(str, lines)) + "\n")
    sys.stdout.flush()


async def main(jobs: int, seed: int) -> int:
    dice = random.Random(seed)
    plan = [planned(number, dice) for number in range(jobs)]
    with tempfile.TemporaryDirectory() as folder:
        async with world_in(Path(folder), quiet=True) as world:
            begun = time.monotonic()
            soak = Soak(world, plan)
            await soak.run()
            stopped = await world.stop()
            seconds = time.monotonic() - begun
            found = list(judged(soak))
            healthy(world)
    counts = Counter(outcome for outcome, _ in found)
    say(*(f"{count:6}  {outcome}" for outcome, count in counts.most_common()))
    weather = f"{soak.weather.fault.hits} faults of Discord, {len(TROUBLES)} troubles"
    say(f"{jobs} jobs, seed {seed}, {seconds:.0f} s, {weather}")
    say(*(wrong for _, wrong in found if wrong))
    return 1 if counts["VIOLATED"] or stopped else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=7)
    asked_for = parser.parse_args()
    sys.exit(asyncio.run(main(asked_for.jobs, asked_for.seed)))
