"""The figures as a table, with the targets and whether they are met."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from statistics import median

from benchmarks.scenarios import ACKED, BEYOND, CPU, DELIVERED, HELD_OUT, LATE_ACKED, RATE, WORK

TITLES = {
    "rest": "one after another",
    "burst": "500 at once",
    "burst1000": "1,000 at once",
    "base64": "stream from base64",
    "link": "stream from a link",
    "pauses": "stream from base64",
    "idle": "idle, 1 server",
    "idle1000": "idle, 1,000 servers",
    "flood": "2,000 in flight",
    "siege": "hostile answers and uploads",
    "kill": "kill -9 with 20 in flight",
}


@dataclass(frozen=True)
class Target:
    told: str
    met: Callable[[float, float], bool]
    """Easel's figure, and the floor's."""


def _at_most(limit: float) -> Target:
    return Target(f"<= {limit:g}", lambda own, _: own <= limit)


def _over_floor(limit: float, unit: str) -> Target:
    return Target(f"<= floor + {limit:g} {unit}", lambda own, floor: own <= floor + limit)


def _times_floor(limit: float) -> Target:
    told = "<= floor" if limit == 1 else f"<= {limit:g} x floor"
    return Target(told, lambda own, floor: own <= limit * floor)


ALL = Target("100", lambda own, _: own >= 100)
TWENTY = Target("20", lambda own, _: own >= 20)
AS_FLOOR = Target(">= floor", lambda own, floor: own >= floor)
TARGETS = {
    ("rest", "acknowledgement, ms"): _over_floor(2, "ms"),
    ("rest", "picture, ms"): _over_floor(25, "ms"),
    ("burst", ACKED): ALL,
    ("burst", "acknowledgement p99, ms"): _times_floor(1.2),
    ("burst", DELIVERED): ALL,
    ("burst", LATE_ACKED): ALL,
    ("burst", "slowest late one, ms"): _at_most(600),
    ("burst", "peak memory, MiB"): _at_most(430),
    ("burst1000", ACKED): AS_FLOOR,
    ("burst1000", "acknowledgement p99, ms"): _times_floor(1.2),
    ("burst1000", DELIVERED): ALL,
    ("base64", DELIVERED): ALL,
    ("base64", RATE): AS_FLOOR,
    ("base64", CPU): _times_floor(1),
    ("link", DELIVERED): ALL,
    ("link", RATE): AS_FLOOR,
    ("link", CPU): _at_most(12),
    ("pauses", WORK): _at_most(20),
    ("idle", "start to READY, s"): _over_floor(0.5, "s"),
    ("idle", "command at READY acknowledged, ms"): _at_most(3000),
    ("idle", "memory, MiB"): _over_floor(60, "MiB"),
    ("idle1000", "start to READY, s"): _over_floor(0.5, "s"),
    ("idle1000", "command at READY acknowledged, ms"): _at_most(3000),
    ("idle1000", "memory, MiB"): _over_floor(60, "MiB"),
    ("flood", ACKED): ALL,
    ("flood", WORK): _at_most(50),
    ("siege", HELD_OUT): ALL,
    ("siege", BEYOND): _at_most(100),
    ("kill", "killed while downloading: pictures of 20"): TWENTY,
    ("kill", "killed in the paid call: answered of 20"): TWENTY,
    ("kill", "paid twice"): _at_most(0),
}

Results = Mapping[tuple[str, str], Mapping[str, Sequence[float]]]
"""By scenario and figure: each contestant's values, a round each."""


def table(results: Results, contestants: Sequence[str]) -> str:
    """Markdown: medians of the rounds, ratios to the floor."""
    rivals = [name for name in contestants if name != "floor"]
    head = ["", *(["floor"] if "floor" in contestants else []), *rivals, "target", "met"]
    lines = [_line(head), _line(["---"] * len(head))]
    for (scenario, figure), values in results.items():
        medians = {name: median(rounds) for name, rounds in values.items()}
        floor = medians.get("floor", nan)
        target = TARGETS.get((scenario, figure))
        cells = [f"{TITLES[scenario]}: {figure}", *([_number(floor)] if "floor" in contestants else [])]
        cells += [_beside(medians.get(name, nan), floor) for name in rivals]
        met = [_met(target, medians[name], floor) for name in rivals if name in medians] if target else []
        cells += [target.told if target else "", ", ".join(met)]
        lines.append(_line(cells))
    return "\n".join(lines)


def _met(target: Target, own: float, floor: float) -> str:
    if isnan(floor) and "floor" in target.told:
        return "?"
    return "yes" if target.met(own, floor) else "**no**"


def _beside(own: float, floor: float) -> str:
    ratio = f" ({own / floor:.2f} x)" if floor and own and floor < inf and own < inf and not isnan(own / floor) else ""
    return _number(own) + ratio


def _number(value: float) -> str:
    if isnan(value):
        return "-"
    if value == inf:
        return "never"
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
