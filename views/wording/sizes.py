"""Sizes and ranges as members read them."""

from collections.abc import Sequence

from domain import Size, SizeRange, Span
from views.wording.text import join_names, say

SQUARE, WIDE, TALL = "square · {size}", "wide · {size}", "tall · {size}"
LANDSCAPE_RATIO, PORTRAIT_RATIO = "landscape {across}:{down} · {size}", "portrait {across}:{down} · {size}"
WIDE_RATIO, TALL_RATIO = "wide {across}:{down} · {size}", "tall {across}:{down} · {size}"
NAMED_RATIOS = (
    (SQUARE, SQUARE, 1, 1),
    (LANDSCAPE_RATIO, PORTRAIT_RATIO, 5, 4),
    (LANDSCAPE_RATIO, PORTRAIT_RATIO, 4, 3),
    (LANDSCAPE_RATIO, PORTRAIT_RATIO, 3, 2),
    (WIDE_RATIO, TALL_RATIO, 16, 10),
    (WIDE_RATIO, TALL_RATIO, 16, 9),
    (WIDE_RATIO, TALL_RATIO, 2, 1),
    (WIDE_RATIO, TALL_RATIO, 21, 9),
)
"""The name of a size that is wider than high, that of one which is not, and the ratio of the long to the short side."""
RATIO_TOLERANCE = 1.03
"""As a factor: 786x1024 counts as 3:4."""

SPAN = "{low} to {high}"
SIZE_OF_IMAGE = "the image's own size"
SIDES = "any size with sides from {low} to {high}"
STEP = "in steps of {multiple}"
LEAST_AREA = "of at least {megapixels} megapixels"
AREA = "of at most {megapixels} megapixels"
RATIO = "the longer at most {ratio} times the shorter"


def size_name(size: Size) -> str:
    """A size with the name of its shape, such as "wide 16:9 · 1024x576"."""
    long, short = max(size), min(size)
    is_wide = size.width > size.height
    for lying, upright, more, less in NAMED_RATIOS:
        ratio = (long * less) / (short * more)
        if 1 / RATIO_TOLERANCE < ratio < RATIO_TOLERANCE:
            across, down = (more, less) if is_wide else (less, more)
            return say(lying if is_wide else upright, across=across, down=down, size=size)
    return say(WIDE if is_wide else TALL, size=size)


def format_span(span: Span) -> str:
    return say(SPAN, low=_digits(span.low), high=_digits(span.high))


def _digits(number: float) -> str:
    """A seed has ten digits, and all of them count."""
    return f"{number:.0f}" if number.is_integer() else f"{number:g}"


def format_sizes(sizes: Sequence[Size], size_range: SizeRange | None) -> str:
    """The sizes that a model takes; with neither, only that of the input image."""
    if size_range:
        return _format_range(size_range)
    return join_names([str(size) for size in sizes]) or say(SIZE_OF_IMAGE)


def _format_range(takes: SizeRange) -> str:
    parts = [
        say(SIDES, low=takes.low, high=takes.high),
        say(STEP, multiple=takes.multiple) if takes.multiple > 1 else "",
        say(LEAST_AREA, megapixels=f"{takes.least_pixels / 1e6:g}") if takes.least_pixels else "",
        say(AREA, megapixels=f"{takes.most_pixels / 1e6:g}") if takes.most_pixels else "",
        say(RATIO, ratio=takes.most_ratio) if takes.most_ratio else "",
    ]
    return ", ".join(filter(None, parts))
