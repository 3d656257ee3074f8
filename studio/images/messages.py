"""Messages to and from a decoder process: a line of JSON, the header, and as many bytes as it says."""

import json
from typing import IO, Any

from pydantic import ConfigDict, TypeAdapter

from domain import Failure

Message = tuple[dict[str, Any], bytes]
FAILURE_ADAPTER: TypeAdapter[Failure] = TypeAdapter(Failure, config=ConfigDict(defer_build=True))
"""How a domain error travels in a header."""

UNREADABLE_MESSAGE = (ValueError, TypeError, LookupError, OverflowError, RecursionError, MemoryError)
"""What `read` raises for bytes that are no message, or one too long."""


def write(file: IO[bytes], header: dict[str, Any], data: bytes) -> None:
    file.write(json.dumps({"bytes": len(data), **header}).encode() + b"\n")
    file.write(data)
    file.flush()


def read(file: IO[bytes]) -> Message:
    """EOFError where the other side has ended."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header = json.loads(line)
    data = file.read(header["bytes"])
    if len(data) < header["bytes"]:
        raise EOFError
    return header, data
