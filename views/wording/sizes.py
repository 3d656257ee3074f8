"""Sizes and numbers as a person thinks of them."""

from collections.abc import Sequence

from domain import Size, SizeRange, Span
from views.wording.text import join_names

RATIOS = (
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
"""786x1024 is meant as 3:4."""


def size_name(size: Size) -> str:
    """A size by its shape: "wide 16:9 · 1024x576"."""
    long, short = max(size), min(size)
    for name, across, down in RATIOS:
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
    return f"{span.low:g} to {span.high:g}"


def format_sizes(sizes: Sequence[Size], size_range: SizeRange | None) -> str:
    """What a model draws at; with neither, that is the image's own size."""
    if size_range:
        return _format_range(size_range)
    return join_names([str(size) for size in sizes]) or "the image's own size"


def _format_range(takes: SizeRange) -> str:
    step = f", in steps of {takes.multiple}" if takes.multiple > 1 else ""
    most = f", of at most {takes.most_pixels / 1e6:g} megapixels" if takes.most_pixels else ""
    short = f", the shorter at most {takes.highest_short_side}" if takes.highest_short_side else ""
    ratio = f", the longer at most {takes.most_ratio} times the shorter" if takes.most_ratio else ""
    return f"any size with sides from {takes.low} to {takes.high}{step}{most}{short}{ratio}"
