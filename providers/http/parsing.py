"""JSON from outside, of any size, read so that others have their turn.

A parser gives way to nobody until it is through. So what it is to read is counted first; and long strings, such as
pictures, are cut out and read piece by piece: done in a thread, that gives way to the event loop after each piece.
"""

import json
from collections.abc import Iterator
from secrets import token_hex
from typing import Any, cast

from pydantic_core import from_json

from domain.numbers import plain

MAX_VALUES = 100_000
"""Values in one JSON text: reading so many takes some 50 ms, in which nobody else has a turn."""
MAX_QUOTES = 4 * MAX_VALUES
MAX_QUOTES_IN_RECOUNT = MAX_VALUES // 10
"""Where the values seem to be too many, and are counted again."""
MIN_THREAD_BYTES = 4 * 1024 * 1024
"""Bytes of a text that is worth a thread: what is shorter is read before a thread would have its turn."""
LONG_STRING = 16 * 1024
"""Bytes of a string that is worth being cut out."""
MAX_STRING = 49 * 1024 * 1024
"""Bytes of a string that are read: in base64 more than the largest picture that is taken."""
MAX_BESIDE_LONG_STRINGS = 4 * 1024 * 1024
"""Bytes beside all long strings: full of escapes or of long numbers, they take as long as so many values."""
MAX_DIGITS = 309
"""Signs of a whole number: a longer one is not finite to anybody who computes with it."""
PIECE_BYTES = 1024 * 1024
MAX_ESCAPE_PAIR = 12
"""Bytes of the longest that belongs together: two escapes that make one sign."""
MAX_ADJACENT_ESCAPES = 1000
"""Escapes, one right behind another, at the end of a piece: more than that have no pictures, in whichever spelling."""
MAX_BACKSLASHES = 64 * 1024
"""Right before a quote: to count 40 MiB of them takes 0.4 s, in which nobody else has a turn."""
PLACEHOLDER = "\ue000{}-{}\ue000"
"""Stands for a string that was cut out: its number, behind what nobody can have written into this text."""


class JSONTooLarge(ValueError):
    """JSON of so many values that reading them would hold up everybody."""


def read_json(text: bytes | str) -> Any:
    """JSON from outside; ValueError where it is none. What is LARGE belongs into a thread."""
    body = text.encode(errors="replace") if isinstance(text, str) else text
    body = body.removeprefix(b"\xef\xbb\xbf")
    if len(body) > MIN_THREAD_BYTES:
        return _read_in_pieces(body)
    if has_too_many_values(body) and has_too_many_values(_without_strings(body)):
        raise JSONTooLarge
    return _parsed(body)


def has_too_many_values(body: bytes) -> bool:
    """Told by commas and brackets, of which pictures in base64 have none: to look for them is faster than to count."""
    left = MAX_VALUES + 1
    for mark in (b",", b"[", b"{"):
        at = -1
        while left and (at := body.find(mark, at + 1)) >= 0:
            left -= 1
    return left == 0


def _parsed(body: bytes) -> Any:
    """The JSON in spite of half an emoji, as it ends a text that was cut short: not every parser takes it."""
    try:
        return from_json(body)
    except ValueError:
        pass
    try:
        return plain(json.loads(body, parse_int=_int_or_none))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _int_or_none(digits: str) -> int | None:
    """None where it has more digits than anybody can use: every parser takes long to read those, or refuses them."""
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
    """The text with a mark for each long string, and the strings by their marks."""
    kept, long_strings, done, secret = bytearray(), dict[str, str](), 0, token_hex(8)
    for start, end in _strings(body):
        if end - start > LONG_STRING:
            mark = PLACEHOLDER.format(secret, len(long_strings))
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
    """The next place before, where neither an escape nor a letter of several bytes is torn apart."""
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
    """Where the text of each string begins and ends; what is no JSON is left to the parser."""
    quotes = _quotes(body, most)
    return ((opening + 1, closing) for opening, closing in zip(quotes, quotes, strict=False))


def _quotes(body: bytes, most: int) -> Iterator[int]:
    """Without those that are escaped."""
    at = last = -1
    for _ in range(most):
        if (at := body.find(b'"', at + 1)) < 0:
            return
        if not (body[at - 1 : at] == b"\\" and _is_escaped(body, last + 1, at)):
            yield at
        last = at
    raise JSONTooLarge


def _is_escaped(body: bytes, start: int, at: int) -> bool:
    """By the backslashes right before; two of them are one that is meant."""
    before = body[max(start, at - MAX_BACKSLASHES) : at]
    count = len(before) - len(before.rstrip(b"\\"))
    if count == MAX_BACKSLASHES:
        raise JSONTooLarge
    return count % 2 == 1


def _without_strings(body: bytes) -> bytes:
    """What is left counts no comma of a sentence."""
    kept, done = bytearray(), 0
    for start, end in _strings(body, MAX_QUOTES_IN_RECOUNT):
        kept += body[done:start]
        done = end
    return bytes(kept) + body[done:]
