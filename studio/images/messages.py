"""Messages to and from a decoder process: a header, which is a line of JSON, and the bytes whose length it states."""

import json
from typing import IO, Any

from pydantic import ConfigDict, TypeAdapter

from domain import Failure

Message = tuple[dict[str, Any], bytes]
FAILURE_ADAPTER: TypeAdapter[Failure] = TypeAdapter(Failure, config=ConfigDict(defer_build=True))
"""Serialises a domain error for a header."""

UNREADABLE_MESSAGE = (ValueError, TypeError, LookupError, OverflowError, RecursionError, MemoryError)
"""Raised by `read` for bytes that are no valid message, or one too long."""


def write(file: IO[bytes], header: dict[str, Any], data: bytes) -> None:
    file.write(json.dumps({"bytes": len(data), **header}).encode() + b"\n")
    file.write(data)
    file.flush()


def read(file: IO[bytes]) -> Message:
    """The next message; EOFError at the end of the file."""
    line = file.readline()
    if not line.endswith(b"\n"):
        raise EOFError
    header = json.loads(line)
    data = file.read(header["bytes"])
    if len(data) < header["bytes"]:
        raise EOFError
    return header, data
