"""What a process beside us is told, and answers: one line of JSON, with the number of bytes that follow it."""

import json
from typing import IO, Any

from pydantic import ConfigDict, TypeAdapter

from domain import Failure

Message = tuple[dict[str, Any], bytes]
REFUSAL: TypeAdapter[Failure] = TypeAdapter(Failure, config=ConfigDict(defer_build=True))


def write(file: IO[bytes], facts: dict[str, Any], data: bytes) -> None:
    file.write(json.dumps({"bytes": len(data), **facts}).encode() + b"\n")
    file.write(data)
    file.flush()


def read(file: IO[bytes]) -> Message:
    """EOFError where the other side has ended."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    facts = json.loads(line)
    data = file.read(facts["bytes"])
    if len(data) < facts["bytes"]:
        raise EOFError
    return facts, data
