"""Where each thing of a cast stands: in rows from back to front, on its seat, in the air or afloat."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from PIL import Image

from providers.sketch.actors import BUILDING, Actor, has_counter, image_of, metres, portrait_of, share, width_of
from providers.sketch.adrift import adrift
from providers.sketch.canvas import Canvas
from providers.sketch.casting import Part
from providers.sketch.rooms import COUNTER_EDGE, MOON_EDGE, SEABED, TABLE_EDGE
from providers.sketch.scene import Scene

EDGES = {"table": TABLE_EDGE, "underwater": SEABED, "space": MOON_EDGE, "room": COUNTER_EDGE}
"""Where the ground begins, where it is not land."""
FRONTS = {"table": 0.86, "underwater": 0.93, "space": 0.92, "room": 0.93}
MIRRORED_TEXT = frozenset(("books", "sign", "map", "scroll"))
"""What is not turned around."""
SEAT_HEIGHTS = {"1F6CB": 0.34, "1FA91": 0.42, "E141": 0.34, "1F6CF": 0.45, "E2C1": 0.8, "1FAB7": 0.5, "1F6F6": 0.4}
"""Where others sit on a drawing, as a part of its height."""
MOST_ROWS, WIDEST_ROW = 3, 0.95
BEHIND = (-0.24, 0.26, -0.42, 0.4, 0.02)
"""Where buildings stand, from the middle."""


class Member(NamedTuple):
    """A thing of a row, before it has its place."""

    part: Part
    image: Image.Image | None
    tall: float
    wide: float


def stage(c: Canvas) -> list[Actor]:
    """Everybody, from back to front."""
    return sorted(_placed(c), key=lambda actor: actor.order)


def _placed(c: Canvas) -> Iterator[Actor]:
    cast = c.scene.cast
    if c.scene.is_portrait:
        yield _portrait(c, next(part for part in cast if part.build in ("bust", "head")))
        return
    yield from (Actor(part, None, 0.5, 0.9, 0.1, order=-0.8) for part in cast if part.is_meadow)
    free = [part for part in cast if part.seat is None and not part.is_meadow]
    seats = [*_standing(c, [part for part in free if _stands(c.scene, part)])]
    seats += adrift(c, [part for part in free if not _stands(c.scene, part)])
    yield from seats
    for part in cast:
        if part.seat is not None:
            yield from _seated(c, part, [actor for actor in seats if actor.part == cast[part.seat]])


def _stands(scene: Scene, part: Part) -> bool:
    if part.where in ("sky", "air", "far"):
        return False
    if part.where == "sea":
        return scene.setting in ("table", "room") or (scene.setting == "land" and not scene.water)
    return part.where != "water" or not scene.water


def _portrait(c: Canvas, part: Part) -> Actor:
    tall = 0.8 if part.build == "bust" else 1.05
    image = portrait_of(c, part, tall)
    tall = min(tall, tall * 0.92 / width_of(c, part, image, tall))
    foot = 1.0 if part.build == "bust" else tall + 0.1
    if has_counter(c.scene):
        tall, foot = tall * 0.82, COUNTER_EDGE + 0.02
    return Actor(part, image, 0.5, foot, tall, 0.02, lies=False)


def _standing(c: Canvas, parts: Sequence[Part]) -> Iterator[Actor]:
    """Buildings behind, small things before the others."""
    behind = [part for part in parts if metres(part) >= BUILDING and len(parts) > 1]
    heroes = [part for part in parts if part not in behind]
    small = [part for part in heroes if _lies_before(c.scene, part, heroes)]
    yield from _behind(c, behind)
    yield from _rows(c, [part for part in heroes if part not in small])
    yield from _before(c, small)


def _lies_before(scene: Scene, part: Part, others: Sequence[Part]) -> bool:
    """Whether it is so small beside the others that it lies before them."""
    most = max(map(metres, others))
    is_small = part.build == "whole" and part.drawing is not None and metres(part) < min(1, most * 0.6)
    return is_small and most > 0.6 and scene.setting != "table"


def _rows(c: Canvas, parts: Sequence[Part]) -> Iterator[Actor]:
    """The main things side by side; those that have no room stand behind, smaller."""
    total = min(6, sum(part.copies for part in c.scene.cast if part.seat is None and part.where != "far"))
    members = [member for part in parts for member in _members(c, part, parts, total)]
    by_width = round(sum(member.wide for member in members) * 0.9)
    in_heap = -(-len(members) // 4) if len(parts) == 1 else 1
    rows = min(MOST_ROWS, max(1, by_width, in_heap))
    edge, front = EDGES.get(c.scene.setting, 0.62), FRONTS.get(c.scene.setting, 0.92 if c.scene.water else 0.9)
    for row in range(rows):
        yield from _row(c, members[row::rows], front - (front - edge) * 0.42 * row, row)


def _members(c: Canvas, part: Part, parts: Sequence[Part], total: int) -> Iterator[Member]:
    """Each copy of a thing; people differ, other copies are alike."""
    carries = any(other.seat == c.scene.cast.index(part) for other in c.scene.cast)
    tall = share(part, parts, total) * (1.15 if carries else 1)
    image = image_of(c, part, tall)
    wide, limit = width_of(c, part, image, tall), 0.62 if total == 1 else 0.5
    if wide > limit:
        tall, wide = tall * limit / wide, limit
    for copy in range(part.copies):
        if copy and part.build in ("bust", "figure"):
            image = image_of(c, part, tall)
        yield Member(part, image, tall, wide)


def _row(c: Canvas, members: Sequence[Member], foot: float, row: int) -> Iterator[Actor]:
    """One row, its first in the middle."""
    scale, room = 0.78**row, sum(member.wide for member in members) or 1
    wide = room * scale * 0.94
    scale *= min(1.0, WIDEST_ROW / wide) ** 0.7
    wide = min(wide, WIDEST_ROW)
    x = 0.5 - wide / 2 + 0.07 * (row % 2) - (0.06 * c.side if len(members) == 1 else 0)
    for at in sorted(range(len(members)), key=lambda at: (at + 1) // 2 * (-1) ** at * c.side):
        own = members[at].wide / room * wide
        yield _in_row(c, members[at], x + own / 2, foot, scale, row, len(members) > 1)
        x += own


def _in_row(c: Canvas, member: Member, x: float, foot: float, scale: float, row: int, varied: bool) -> Actor:
    down, size = c.rng.uniform((-0.022, 0.94), (0.022, 1.04)).tolist() if varied else (0.0, 1.0)
    part = member.part
    flipped = bool(c.rng.integers(2)) and part.kind not in MIRRORED_TEXT and part.drawing is not None
    behind = part.build == "bust" and has_counter(c.scene)
    foot = COUNTER_EDGE + 0.03 if behind else min(0.97, foot + down)
    x, tall, order = float(np.clip(x, 0.05, 0.95)), member.tall * scale * size, foot + (-1 if behind else 1)
    return Actor(part, member.image, x, foot, tall, 0.04 + 0.1 * row, flipped, lies=not behind, order=order)


def _before(c: Canvas, parts: Sequence[Part]) -> Iterator[Actor]:
    """Small things at the front, beside the middle."""
    each = [part for part in parts for _ in range(min(part.copies, 9))]
    spread = min(0.8, 0.2 * len(each)) / max(1, len(each))
    for place, part in enumerate(each):
        tall = 0.26 * max(0.55, min(1.0, metres(part) ** 0.2)) * (0.8 if len(each) > 3 else 1)
        image = image_of(c, part, tall)
        tall = min(tall, tall * 0.3 / width_of(c, part, image, tall))
        x = float(np.clip(0.5 + c.side * 0.17 + (place - (len(each) - 1) / 2) * spread, 0.1, 0.9))
        foot = (0.93 if has_counter(c.scene) else 0.965) + 0.012 * (place % 2)
        yield Actor(part, image, x, foot, tall, 0.02, order=2 + foot)


def _behind(c: Canvas, parts: Sequence[Part]) -> Iterator[Actor]:
    each = [(part, copy) for part in parts for copy in range(min(part.copies, len(BEHIND)))]
    for place, (part, copy) in enumerate(each):
        tall = 0.46 * min(1.1, (metres(part) / 6) ** 0.4) * (0.8 if copy else 1)
        image = image_of(c, part, tall)
        half = min(0.5, width_of(c, part, image, tall) / 2)
        x = float(np.clip(0.5 + c.side * BEHIND[place % len(BEHIND)], half, 1 - half))
        foot = (0.83 if c.scene.water else 0.7) + 0.02 * copy
        yield Actor(part, image, x, foot, tall, 0.16, order=foot - 0.5)


def _seated(c: Canvas, part: Part, seats: Sequence[Actor]) -> Iterator[Actor]:
    """On the seats, side by side if there are more of them."""
    for copy in range(part.copies if seats else 0):
        seat, sharing = seats[copy % len(seats)], -(-part.copies // len(seats))
        wide = width_of(c, seat.part, seat.image, seat.tall)
        likeness = min(1.0, (metres(part) / metres(seat.part)) ** 0.5)
        tall = seat.tall * max(0.42, likeness * 0.95) * (1 if sharing < 3 else 0.85)
        image = image_of(c, part, tall)
        tall *= min(1.0, max(0.5, wide * 1.05 / (width_of(c, part, image, tall) * sharing)))
        x = seat.x + ((copy // len(seats) + 0.5) / sharing - 0.5) * wide * 0.78
        foot = seat.foot - seat.tall * (SEAT_HEIGHTS.get(seat.part.code, 0.52) if seat.part.drawing else 0.3)
        order = seat.order + 0.001 * (copy + 1)
        yield Actor(part, image, x, foot, tall, seat.haze, bool(copy % 2), lies=False, order=order)
