"""Reads untrusted JSON: parses it without blocking the event loop, and validates it leniently.

A JSON parser holds the GIL until it is done. So values are counted first; and long strings, such as pictures in
base64, are cut out and decoded piece by piece in a thread, which releases the GIL after each piece.
"""

import json
from collections.abc import Callable, Iterator
from math import isfinite
from secrets import token_hex
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, ValidationError, WrapValidator, model_validator
from pydantic_core import from_json

from domain.numbers import plain

MAX_VALUES = 100_000
"""Values in one JSON text: parsing so many blocks the event loop for some 50 ms."""
MAX_QUOTES = 4 * MAX_VALUES
MAX_QUOTES_IN_RECOUNT = MAX_VALUES // 10
"""Limit when values are counted a second time, outside of strings."""
MIN_THREAD_BYTES = 4 * 1024 * 1024
"""Bytes from which a text is parsed in a thread; shorter ones are done before a thread would start."""
LONG_STRING = 16 * 1024
"""Bytes from which a string is cut out."""
MAX_STRING = 49 * 1024 * 1024
"""Bytes of a string that are kept: more than the largest accepted picture in base64."""
MAX_BESIDE_LONG_STRINGS = 4 * 1024 * 1024
"""Bytes outside of long strings: escapes and long numbers are as slow to parse as many values."""
MAX_DIGITS = 309
"""Digits of an integer: a longer one does not fit into a float."""
PIECE_BYTES = 1024 * 1024
MAX_ESCAPE_PAIR = 12
"""Bytes of the longest indivisible unit: a surrogate pair in escapes."""
MAX_ADJACENT_ESCAPES = 1000
"""Adjacent escapes at the end of a piece: base64 has no more, however it is escaped."""
MAX_BACKSLASHES = 64 * 1024
"""Backslashes before a quote: counting 40 MiB of them would block for 0.4 s."""
CUT_STRING_MARK = "\ue000{}-{}\ue000"
"""Placeholder of a string that was cut out: a random token, which the text cannot contain, and a number."""


class JSONTooLarge(ValueError):
    """JSON with so many values that parsing them would block the event loop."""


def read_json(text: bytes | str) -> Any:
    """Parse untrusted JSON; raises ValueError. From `MIN_THREAD_BYTES` on, call it in a thread."""
    body = text.encode(errors="replace") if isinstance(text, str) else text
    body = body.removeprefix(b"\xef\xbb\xbf")
    if len(body) > MIN_THREAD_BYTES:
        return _read_in_pieces(body)
    if has_too_many_values(body) and has_too_many_values(_without_strings(body)):
        raise JSONTooLarge
    return _parsed(body)


def has_too_many_values(body: bytes) -> bool:
    """Count commas and brackets, of which base64 has none, up to the limit."""
    left = MAX_VALUES + 1
    for mark in (b",", b"[", b"{"):
        at = -1
        while left and (at := body.find(mark, at + 1)) >= 0:
            left -= 1
    return left == 0


def _parsed(body: bytes) -> Any:
    """Parse JSON that may hold a lone surrogate, as a truncated text does: pydantic's parser refuses it."""
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return plain(json.loads(body, parse_int=_int_or_none))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _int_or_none(digits: str) -> int | None:
    """The integer; None beyond `MAX_DIGITS`, which are slow to parse."""
    return int(digits) if len(digits) <= MAX_DIGITS else None


def _read_in_pieces(body: bytes) -> Any:
    beside, long_strings = _cut_long_strings(body)
    if len(beside) > MAX_BESIDE_LONG_STRINGS or (
        has_too_many_values(beside) and has_too_many_values(_without_strings(beside))
    ):
        raise JSONTooLarge
    try:
        return _restore(_parsed(beside), long_strings)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _cut_long_strings(body: bytes) -> tuple[bytes, dict[str, str]]:
    """The text with a placeholder for each long string, and the strings by placeholder."""
    kept, long_strings, done, secret = bytearray(), dict[str, str](), 0, token_hex(8)
    for start, end in _strings(body):
        if end - start > LONG_STRING:
            mark = CUT_STRING_MARK.format(secret, len(long_strings))
            long_strings[mark] = _long_string(body, start, end)
            kept += body[done:start] + mark.encode()
            done = end
    return bytes(kept) + body[done:], long_strings


def _restore(value: Any, long_strings: dict[str, str]) -> Any:
    if isinstance(value, str):
        return long_strings.get(value, value)
    if isinstance(value, list):
        return [_restore(each, long_strings) for each in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {
            _restore(name, long_strings): _restore(each, long_strings)
            for name, each in cast("dict[str, Any]", value).items()
        }
    return value


def _long_string(body: bytes, start: int, end: int) -> str:
    pieces, last = list[str](), _safe_cut(body, start, start + MAX_STRING, end)
    while start < last:
        stop = _safe_cut(body, start, start + PIECE_BYTES, last)
        pieces.append(str(_parsed(b'"' + body[start:stop] + b'"')))
        start = stop
    return "".join(pieces)


def _safe_cut(body: bytes, start: int, at: int, end: int) -> int:
    """The nearest earlier position that splits neither an escape nor a UTF-8 sequence."""
    if at >= end:
        return end
    least = max(start + MAX_ESCAPE_PAIR, at - MAX_ADJACENT_ESCAPES * MAX_ESCAPE_PAIR)
    while at > least:
        escape = body.rfind(b"\\", at - MAX_ESCAPE_PAIR, at)
        if escape < 0 and body[at] & 0xC0 != 0x80:
            return at
        at = escape if escape >= 0 else at - 1
    raise JSONTooLarge


def _strings(body: bytes, most: int = MAX_QUOTES) -> Iterator[tuple[int, int]]:
    """Start and end of each string; invalid JSON is left to the parser."""
    quotes = _quotes(body, most)
    return ((opening + 1, closing) for opening, closing in zip(quotes, quotes, strict=False))


def _quotes(body: bytes, most: int) -> Iterator[int]:
    """Positions of unescaped quotes."""
    at = last = -1
    for _ in range(most):
        if (at := body.find(b'"', at + 1)) < 0:
            return
        if not (body[at - 1 : at] == b"\\" and _is_escaped(body, last + 1, at)):
            yield at
        last = at
    raise JSONTooLarge


def _is_escaped(body: bytes, start: int, at: int) -> bool:
    """Whether an odd number of backslashes precedes it."""
    before = body[max(start, at - MAX_BACKSLASHES) : at]
    count = len(before) - len(before.rstrip(b"\\"))
    if count == MAX_BACKSLASHES:
        raise JSONTooLarge
    return count % 2 == 1


def _without_strings(body: bytes) -> bytes:
    """The text without the contents of its strings, so that commas in them are not counted."""
    kept, done = bytearray(), 0
    for start, end in _strings(body, MAX_QUOTES_IN_RECOUNT):
        kept += body[done:start]
        done = end
    return bytes(kept) + body[done:]


def _none_if_invalid(value: Any, validate: Callable[[Any], Any]) -> Any:
    try:
        return validate(value)
    except ValidationError:
        return None


NONE_IF_INVALID = WrapValidator(_none_if_invalid)
"""For an optional field: a value that does not validate becomes None."""


def _skip_invalid(value: Any, validate: Callable[[Any], Any]) -> Any:
    if not isinstance(value, list):
        return validate(value)
    listed = cast("list[Any]", value)
    return [read for one in listed for read in _none_if_invalid([one], validate) or ()]


SKIP_INVALID_ENTRIES = WrapValidator(_skip_invalid)
"""For a list: entries that do not validate are skipped."""


class Reply(BaseModel):
    """Base of response models: fields that are null or not finite count as absent."""

    model_config = ConfigDict(allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _drop_nulls(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: each for name, each in cast("dict[Any, Any]", value).items() if not _is_null(each)}


def _is_null(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not isfinite(value))
