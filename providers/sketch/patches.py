"""A part of the canvas that something smaller covers."""

from providers.sketch.canvas import Canvas, Plane


def patch(c: Canvas, left: int, top: int, *planes: Plane) -> tuple[tuple[slice, slice], list[Plane]]:
    """Where planes of one size lie on the canvas, and what of them does: nothing, where they are beside it."""
    height, width = planes[0].shape[:2]
    rows = slice(min(max(0, top), c.height), max(0, min(c.height, top + height)))
    cols = slice(min(max(0, left), c.width), max(0, min(c.width, left + width)))
    inner = slice(rows.start - top, rows.stop - top), slice(cols.start - left, cols.stop - left)
    if rows.stop <= rows.start or cols.stop <= cols.start:
        return (slice(0, 0), slice(0, 0)), [plane[:0, :0] for plane in planes]
    return (rows, cols), [plane[inner] for plane in planes]
