"""Sizes and ranges as members read them."""

from collections.abc import Sequence

from domain import Size, SizeRange, Span
from views.wording.text import join_names, say

NAMED_RATIOS = (
    ("square", 1, 1),
    ("landscape", 5, 4),
    ("landscape", 4, 3),
    ("landscape", 3, 2),
    ("wide", 16, 10),
    ("wide", 16, 9),
    ("wide", 2, 1),
    ("wide", 21, 9),
)
RATIO_TOLERANCE = 1.03
"""As a factor: 786x1024 counts as 3:4."""

SIDES_CLAUSE = "any size with sides from {low} to {high}{more}"
STEP_CLAUSE = ", in steps of {multiple}"
AREA_CLAUSE = ", of at most {megapixels} megapixels"
SHORT_SIDE_CLAUSE = ", the shorter at most {pixels}"
RATIO_CLAUSE = ", the longer at most {ratio} times the shorter"


def size_name(size: Size) -> str:
    """A size with the name of its shape, such as "wide 16:9 · 1024x576"."""
    long, short = max(size), min(size)
    for name, across, down in NAMED_RATIOS:
        ratio = (long * down) / (short * across)
        if 1 / RATIO_TOLERANCE < ratio < RATIO_TOLERANCE:
            return f"{_ratio_name(size, name, across, down)} · {size}"
    return f"{'wide' if size.width > size.height else 'tall'} · {size}"


def _ratio_name(size: Size, name: str, across: int, down: int) -> str:
    if across == down:
        return name
    if size.width > size.height:
        return f"{name} {across}:{down}"
    return f"{'tall' if name == 'wide' else 'portrait'} {down}:{across}"


def format_span(span: Span) -> str:
    return say("{low} to {high}", low=f"{span.low:g}", high=f"{span.high:g}")


def format_sizes(sizes: Sequence[Size], size_range: SizeRange | None) -> str:
    """The sizes that a model takes; with neither, only that of the input image."""
    if size_range:
        return _format_range(size_range)
    return join_names([str(size) for size in sizes]) or "the image's own size"


def _format_range(takes: SizeRange) -> str:
    step = say(STEP_CLAUSE, multiple=takes.multiple) if takes.multiple > 1 else ""
    area = say(AREA_CLAUSE, megapixels=f"{takes.most_pixels / 1e6:g}") if takes.most_pixels else ""
    short = say(SHORT_SIDE_CLAUSE, pixels=takes.highest_short_side) if takes.highest_short_side else ""
    ratio = say(RATIO_CLAUSE, ratio=takes.most_ratio) if takes.most_ratio else ""
    return say(SIDES_CLAUSE, low=takes.low, high=takes.high, more=step + area + short + ratio)
