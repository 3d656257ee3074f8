"""`python -m benchmarks`: every scenario for every contestant in turn, several rounds, and one table."""

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from benchmarks.bots import CONTESTANTS, Unfinished, World, opened_world
from benchmarks.scenarios import SCENARIOS
from benchmarks.table import table
from providers.http.transport import DRAW_SECONDS
from studio.timing import DRAW_TIME

ONCE = ("flood", "siege", "kill")
"""Scenarios that take long and vary little."""
NOT_FOR_THE_FLOOR = ("flood", "siege")
"""It would hold every picture in memory, and takes no uploads."""
KINDS = {"packages": "By package", "alone": "In the function itself", "within": "In it and what it calls"}


def _say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", default=",".join(SCENARIOS), help="scenarios, with commas between them")
    parser.add_argument("--contestants", default="floor,sqlite,postgres", help=f"of {', '.join(CONTESTANTS)}")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--baseline", type=Path, help="another checkout of Easel, for the contestant `baseline`")
    parser.add_argument("--profile", action="store_true", help="one contestant, one scenario: what takes its CPU")
    asked = parser.parse_args()
    asked.only, asked.contestants = asked.only.split(","), asked.contestants.split(",")
    for names, known in ((asked.only, SCENARIOS), (asked.contestants, CONTESTANTS)):
        if unknown := set(names).difference(known):
            parser.error(f"unknown: {', '.join(unknown)}; there are {', '.join(known)}")
    return asked


def measure(world: World, scenarios: Sequence[str], contestants: Sequence[str], rounds: int) -> str:
    """Contestants take turns, so that a busy machine troubles all of them."""
    results: dict[tuple[str, str], dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for number in range(rounds):
        for scenario in scenarios:
            for contestant in contestants:
                if (number and scenario in ONCE) or (contestant == "floor" and scenario in NOT_FOR_THE_FLOOR):
                    continue
                began = time.monotonic()
                try:
                    figures = SCENARIOS[scenario](world, contestant)
                except Unfinished as error:
                    sys.stderr.write(f"{scenario}, {contestant}: {error}\n")
                    continue
                for figure, value in figures.items():
                    results[scenario, figure][contestant].append(value)
                sys.stderr.write(f"round {number + 1}: {scenario}, {contestant}: {time.monotonic() - began:.0f} s\n")
    return table(results, contestants)


def profile(world: World, scenario: str, contestant: str, path: Path) -> None:
    """Where the main thread was while the process used CPU; waiting stands for the other threads."""
    figures = SCENARIOS[scenario](world, contestant)
    _say(", ".join(f"{name}: {value:.1f}" for name, value in figures.items()))
    told = json.loads(path.read_text("utf-8"))
    for kind, title in KINDS.items():
        _say("", title)
        _say(*(f"{100 * count / told['samples']:5.1f} %  {name}" for name, count in told[kind]))


def main() -> None:
    """Measure, and print."""
    asked = _asked()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that nothing is left running
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        path = Path(folder) / "profile.json" if asked.profile else None
        with opened_world(asked.contestants, asked.baseline, path) as world:
            if path:
                profile(world, asked.only[0], asked.contestants[0], path)
            else:
                _say(measure(world, asked.only, asked.contestants, asked.rounds))
                seconds = min(DRAW_SECONDS, DRAW_TIME.total_seconds())
                _say("", f"A backend that hangs: Easel tells the member after {seconds:.0f} s, the floor never.")


if __name__ == "__main__":
    main()
