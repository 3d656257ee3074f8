"""What is measured. Each scenario runs one contestant once, in fresh processes, and gives its figures by name."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import inf
from statistics import median
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.bots import Bot, Unfinished, World
from benchmarks.discord_server import Counts, Seen
from benchmarks.hostile import HOARD, TORRENT
from benchmarks.run_bot import BEAT, Beats

BASE64, LINK = "nebulablock", "popcord"
BACKEND_SECONDS = 0.5
SETTLE_SECONDS = 2.5
"""discord.py gathers servers for two seconds after READY."""
QUIET_SECONDS = 20.0
"""Time without a request after which a bot counts as finished."""
TAKEOVER_SECONDS = 60.0
"""The same after a kill, where leases must expire first."""
SINGLES = 20
BURST = 500
LATE, LATE_SECONDS = 40, 4.0
STREAM, WIDTH = 200, 16
FLOOD, FLOOD_SECONDS, FLOOD_WATCHED = 2000, 8.0, 12.0
KILLED = 20
PROBES, PROBE_SECONDS = 80, 0.25
HELD_OUT = "others acknowledged, %"
BEYOND = "another member's latest acknowledgement beyond the idle one, ms"
DELIVERED = "pictures delivered, %"
ACKED, LATE_ACKED = "acknowledged, %", "late ones acknowledged, %"
WORK = "longest work of the loop at a stretch, ms"
RATE, CPU = "pictures/s", "CPU a picture, ms"

Figures = Mapping[str, float]


def rest(world: World, contestant: str) -> Figures:
    """One picture after another on an idle bot."""
    world.provider("delay", delay=0.0)
    with Bot(world, contestant):
        _warm(world)
        for number in range(SINGLES):
            _dispatch(world, [0.0])
            _wait(world, number + 1)
        seen = _seen(world)
    times = [each.delivered - each.dispatched for each in seen if each.delivered]
    return {"acknowledgement, ms": median(_acks(seen)) * 1000, "picture, ms": median(times) * 1000}


def burst(world: World, contestant: str, *, count: int, late: int = 0) -> Figures:
    """Many interactions at once, and a few more while the pictures are being delivered."""
    world.provider("delay", delay=BACKEND_SECONDS)
    with Bot(world, contestant) as bot:
        time.sleep(SETTLE_SECONDS)
        before = bot.cpu()
        _dispatch(world, [0.0] * count + [LATE_SECONDS * (n + 1) / late for n in range(late)])
        _wait(world, count + late)
        seen, cpu, peak = _seen(world), bot.cpu() - before, bot.memory("VmHWM")
    first, last = seen[:count], seen[count:]
    pictures = [each.delivered for each in seen if each.delivered]
    if not pictures:
        raise Unfinished("no picture came")
    figures = {
        ACKED: _acked_share(first),
        "acknowledgement p50, ms": _at(_acks(first), 0.5) * 1000,
        "acknowledgement p99, ms": _at(_acks(first), 0.99) * 1000,
        DELIVERED: 100 * len(pictures) / len(seen),
        RATE: len(pictures) / (max(pictures) - seen[0].dispatched),
        CPU: cpu / len(pictures) * 1000,
        "peak memory, MiB": peak,
    }
    if last:
        figures |= {LATE_ACKED: _acked_share(last), "slowest late one, ms": max(_acks(last)) * 1000}
    return figures


def stream(world: World, contestant: str, *, provider: str) -> Figures:
    """Throughput with sixteen jobs at once and a provider that answers immediately."""
    world.provider("delay", delay=0.0)
    with Bot(world, contestant) as bot:
        _warm(world)
        before, began = bot.cpu(), time.monotonic()
        _stream(world, provider)
        seconds, cpu = time.monotonic() - began, bot.cpu() - before
        counts: Counts = world.discord("counts")
        share = 100 * counts.delivered / STREAM
        return {DELIVERED: share, RATE: counts.delivered / seconds, CPU: cpu / counts.delivered * 1000}


def idle(world: World, contestant: str, *, guilds: int) -> Figures:
    """A second start up to READY, an interaction right after it, and then idle memory and CPU."""
    world.provider("delay", delay=0.0)
    with Bot(world, contestant, guilds=guilds, greeting=BASE64) as bot:
        bot.stop()
        world.discord("clear")
        bot.start()
        time.sleep(SETTLE_SECONDS)
        (greeting,) = _seen(world)
        return {
            "start to READY, s": bot.ready_seconds,
            "command at READY acknowledged, ms": _acks([greeting])[0] * 1000,
            "memory, MiB": bot.memory("VmRSS"),
        }


def pauses(world: World, contestant: str) -> Figures:
    """The event loop's longest pauses while pictures are delivered."""
    world.provider("delay", delay=0.0)
    with Bot(world, contestant, watched=True) as bot:
        _warm(world)
        with Pauses() as pauses:
            _stream(world, BASE64)
        _seen(world)
        bot.stop()
        return pauses.figures(bot.beats())


def flood(world: World, contestant: str) -> Figures:
    """Two thousand jobs in flight: none is drawn before the last is queued."""
    world.provider("delay", delay=FLOOD_SECONDS)
    with Bot(world, contestant, watched=True) as bot:
        time.sleep(SETTLE_SECONDS)
        with Pauses() as pauses:
            _dispatch(world, [FLOOD_SECONDS * n / FLOOD for n in range(FLOOD)])
            time.sleep(FLOOD_SECONDS)
            world.provider("delay", delay=0.0)
            counts: Counts = world.discord("counts")
            time.sleep(FLOOD_WATCHED)
        acked = _acked_share(_seen(world))
        bot.stop()
        return {"in flight": counts.came - counts.delivered, ACKED: acked, **pauses.figures(bot.beats())}


def siege(world: World, contestant: str) -> Figures:
    """Hostile input of a provider and a member, and another member's acknowledgement times meanwhile."""
    world.provider("delay", delay=0.0)
    with Bot(world, contestant, besieged=True) as bot:
        _warm(world)
        idle = _probed(world)
        world.discord("dispatch", offsets=[0.1, 2.0, 3.0, 9.0], provider=HOARD)
        world.discord("dispatch", offsets=[4.0, 4.1], provider=TORRENT)
        world.discord("dispatch", offsets=[6.0, 6.1], provider=TORRENT, upload="bomb.png")
        world.discord("dispatch", offsets=[6.2, 6.3], provider=TORRENT, upload="scans.jpeg")
        world.discord("dispatch", offsets=[11.0 + n / 20 for n in range(20)], provider=TORRENT, upload="large.png")
        besieged, peak = _probed(world), bot.memory("VmHWM")
    return {
        "another member's latest acknowledgement, idle, ms": max(_acks(idle)) * 1000,
        HELD_OUT: _acked_share(besieged),
        BEYOND: (max(_acks(besieged)) - max(_acks(idle))) * 1000,
        "acknowledgement p50 beyond the idle one, ms": (median(_acks(besieged)) - median(_acks(idle))) * 1000,
        "peak memory, MiB": peak,
    }


def _probed(world: World) -> list[Seen]:
    """The interactions of a member who uses a healthy provider repeatedly."""
    _dispatch(world, [PROBE_SECONDS * n for n in range(PROBES)])
    _wait(world, PROBES)
    return [each for each in _seen(world) if each.provider == BASE64]


def kill(world: World, contestant: str) -> Figures:
    """kill -9 with twenty jobs in flight, and a new process: before their downloads, and in the paid calls."""
    drawn, paid_twice = _killed(world, contestant, LINK, delay=0.0, download=3.0)
    told, paid_twice_too = _killed(world, contestant, BASE64, delay=3.0)
    return {
        "killed while downloading: pictures of 20": drawn.pictures,
        "killed in the paid call: answered of 20": told.answered,
        "paid twice": paid_twice + paid_twice_too,
    }


class Outcome(NamedTuple):
    pictures: int
    answered: int
    """How many jobs ended with a picture or a sentence after the restart."""


def _killed(
    world: World, contestant: str, provider: str, *, delay: float, download: float = 0.0
) -> tuple[Outcome, float]:
    with Bot(world, contestant) as bot:
        _warm(world)
        world.provider("delay", delay=delay, download=download)
        before = world.provider("submits")
        _dispatch(world, [0.0] * KILLED, provider)
        while world.provider("submits") < before + KILLED:
            time.sleep(0.05)
        time.sleep(1.0)
        bot.kill()
        killed = time.monotonic()
        world.provider("delay", delay=0.0)
        bot.start()
        patience = 0 if contestant == "floor" else TAKEOVER_SECONDS
        while _outcome(world, killed).answered < KILLED and time.monotonic() < killed + SETTLE_SECONDS + patience:
            time.sleep(0.2)
        outcome = _outcome(world, killed)
        world.discord("clear")
        return outcome, world.provider("submits") - before - KILLED


def _outcome(world: World, killed: float) -> Outcome:
    seen: list[Seen] = world.discord("seen")
    pictures = sum(each.delivered is not None for each in seen)
    return Outcome(pictures, pictures + sum(not each.delivered and (each.text or 0) > killed for each in seen))


class Pauses:
    """A time span, and how late this idle process wakes up during it, as the machine's own latency."""

    def __enter__(self) -> Self:
        self._began, self._idle, self._over = time.monotonic(), [0.0], threading.Event()
        self._thread = threading.Thread(target=self._doze)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._ended = time.monotonic()
        self._over.set()
        self._thread.join()

    def _doze(self) -> None:
        while not self._over.is_set():
            due = time.monotonic() + BEAT
            time.sleep(BEAT)
            self._idle.append(time.monotonic() - due)

    def figures(self, beats: Beats) -> Figures:
        beats = [each for each in beats if self._began < each[0] < self._ended]
        return {
            WORK: max(used for _, _, used in beats) * 1000,
            "longest pause, ms": max(late for _, late, _ in beats) * 1000,
            "longest pause of an idle process, ms": max(self._idle) * 1000,
        }


def _warm(world: World) -> None:
    """Draw the first pictures, which pay for imports and connections."""
    time.sleep(SETTLE_SECONDS)
    for provider in (BASE64, LINK):
        _dispatch(world, [0.0] * 3, provider)
        if not _wait(world, 3):
            raise Unfinished("it draws nothing")
        world.discord("clear")


def _stream(world: World, provider: str) -> None:
    world.discord("stream", count=STREAM, width=WIDTH, provider=provider)
    _wait(world, STREAM)


def _dispatch(world: World, offsets: Sequence[float], provider: str = BASE64) -> None:
    world.discord("dispatch", offsets=list(offsets), provider=provider)


def _wait(world: World, pictures: int) -> bool:
    return world.discord("wait", delivered=pictures, idle=QUIET_SECONDS)


def _seen(world: World) -> list[Seen]:
    """All interactions in the order in which they were sent, which are then forgotten."""
    seen: list[Seen] = world.discord("seen")
    world.discord("clear")
    return seen


def _acks(seen: Sequence[Seen]) -> list[float]:
    return [inf if each.acked is None else each.acked - each.dispatched for each in seen]


def _acked_share(seen: Sequence[Seen]) -> float:
    return 100 * sum(each.acked is not None and not each.lost for each in seen) / len(seen)


def _at(values: Sequence[float], share: float) -> float:
    """A percentile."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


SCENARIOS: Mapping[str, Callable[[World, str], Figures]] = {
    "rest": rest,
    "burst": partial(burst, count=BURST, late=LATE),
    "burst1000": partial(burst, count=2 * BURST),
    "base64": partial(stream, provider=BASE64),
    "link": partial(stream, provider=LINK),
    "pauses": pauses,
    "idle": partial(idle, guilds=1),
    "idle1000": partial(idle, guilds=1000),
    "flood": flood,
    "siege": siege,
    "kill": kill,
}
