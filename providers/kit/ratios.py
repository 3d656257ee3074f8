"""Sizes of about a megapixel for APIs that take an aspect ratio in place of a size."""

import re
from collections.abc import Iterable

from domain import Size

RATIO = re.compile(r"([1-9][0-9]?):([1-9][0-9]?)")
PIXELS = 1024 * 1024
"""Pixels of a size that is offered for a ratio; the model's own may differ."""


def sizes_by_ratio(ratios: Iterable[str]) -> dict[Size, str]:
    """The ratio that each offered size is sent as; names that are no ratio, such as auto, are left out."""
    found = [match for each in ratios if (match := RATIO.fullmatch(each))]
    return {_size(int(match[1]), int(match[2])): match[0] for match in found}


def _size(width: int, height: int) -> Size:
    unit = (PIXELS / (width * height)) ** 0.5
    return Size(*(max(16, round(side * unit / 16) * 16) for side in (width, height)))
