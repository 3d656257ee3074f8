# pyright: basic, reportMissingImports=false
"""`python -m conformance.judge FILE`: names what the makers' types and schemas say against recorded requests.

Exits with 1 where anything is wrong. What was last looked at more than 90 days ago is told, and is no error.
"""

import os
import sys
from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from conformance.endpoints import Api
from conformance.makers import apis
from conformance.recording import Sent, read

MAX_AGE_DAYS = 90
MAX_LISTED = 5
"""Requests that are listed for each fault."""


def judge(requests: list[Sent], by_provider: Mapping[str, Api]) -> dict[str, list[str]]:
    """The requests that have each fault."""
    found: dict[str, list[str]] = defaultdict(list)
    for sent in requests:
        for fault in by_provider[sent.provider].faults(sent):
            found[f"{sent.provider} {sent.method} {sent.path}: {fault}"].append(f"{sent.model} ({sent.scenario})")
    return found


def stale(by_provider: Mapping[str, Api], today: date) -> list[str]:
    """A sentence about each API that was not looked at for long."""
    ages = {name: (today - api.seen).days for name, api in by_provider.items()}
    return [
        f"{name}: last held against {by_provider[name].source} {age} days ago; look again"
        for name, age in ages.items()
        if age > MAX_AGE_DAYS
    ]


def main(file: Path) -> int:
    by_provider = apis()
    requests = list(read(file))
    found = judge(requests, by_provider)
    for fault, senders in sorted(found.items()):
        print(f"{fault}\n    {'; '.join(senders[:MAX_LISTED])}{' …' if len(senders) > MAX_LISTED else ''}")
    today = date.fromisoformat(os.environ.get("CONFORMANCE_TODAY") or date.today().isoformat())
    print(*stale(by_provider, today), f"{len(requests)} requests, {len(found)} faults", sep="\n")
    return 1 if found or {each.provider for each in requests} != set(by_provider) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
