"""Numbers from outside: validated, or None. A wrong number never fails the answer that it comes with."""

import random
from decimal import Decimal
from math import isfinite
from typing import Annotated, Any

from pydantic import BeforeValidator

LONGEST = 40
"""Characters of a number that comes as text."""
SMALLEST_SEED, LARGEST_SEED = -(2**63), 2**64 - 1
"""Servers use seeds of 64 bits, signed or unsigned."""
SEEDS = 2**31
"""Number of random seeds: every API takes 31 bits."""
LARGEST_PLACE = 1_000_000
WEEK = 7 * 86_400.0
LARGEST_AMOUNT = 10**9
MOST_ZEROS = 20
"""Of an amount of money written without an exponent."""


def number(value: Any) -> float | None:
    """A finite number, also from text; None for anything else, booleans included."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str) and len(value) > LONGEST:
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if isfinite(read) else None


def whole(value: Any, least: int, largest: int) -> int | None:
    """An integer between two limits, both included; text is not parsed as a float, which would round it."""
    read = number(value)
    if read is None or not read.is_integer():
        return None
    try:
        exact = int(value)
    except ValueError:
        exact = int(read)
    return exact if least <= exact <= largest else None


def seconds(value: Any) -> float | None:
    """A duration of at most a week; else None."""
    read = number(value)
    return read if read is not None and 0 <= read <= WEEK else None


def fraction(value: Any) -> float | None:
    """A share, clamped to 0 to 1."""
    read = number(value)
    return None if read is None else min(max(read, 0.0), 1.0)


def seed(value: Any) -> int | None:
    return whole(value, SMALLEST_SEED, LARGEST_SEED)


def amount(value: Any) -> Decimal | None:
    """An amount of money with the digits that it came with; None below zero and where it is unreasonably long."""
    if number(value) is None:
        return None
    read = Decimal(str(value))
    fits = 0 <= read <= LARGEST_AMOUNT and abs(int(read.as_tuple().exponent)) <= MOST_ZEROS
    return read if fits else None


def random_seed() -> int:
    """A seed for a request that has none."""
    return random.randrange(SEEDS)  # noqa: S311 - variety, not secrecy


def place(value: Any) -> int | None:
    """A position in a queue or a list, from 0."""
    return whole(value, 0, LARGEST_PLACE)


def plain(value: Any) -> Any:
    """JSON that every database takes: without NaN, infinity, lone surrogates and NUL characters."""
    if isinstance(value, str):
        return value if value.isascii() and "\0" not in value else _text(value)
    if isinstance(value, float):
        return number(value)
    if isinstance(value, dict):
        return {plain(key): plain(each) for key, each in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _text(value: str) -> str:
    return value.replace("\0", "").encode(errors="replace").decode()


Number = Annotated[float | None, BeforeValidator(number)]
Seconds = Annotated[float | None, BeforeValidator(seconds)]
Seed = Annotated[int | None, BeforeValidator(seed)]
Place = Annotated[int | None, BeforeValidator(place)]
