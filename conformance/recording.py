"""What was sent, in a file with a JSON object in each line; both environments read it, so it needs no package."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Sent:
    """One request to a provider's API."""

    provider: str
    model: str
    scenario: str
    """What was asked for, such as "count 4"."""
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""
    body: Any
    """Of JSON, its value; of a form, its fields by name, a list where a name is repeated; else None."""
    size: int
    """Bytes of the body."""


def write(requests: Iterable[Sent], file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(asdict(each)) + "\n" for each in requests))


def read(file: Path) -> Iterator[Sent]:
    for line in file.read_text().splitlines():
        yield Sent(**json.loads(line))
