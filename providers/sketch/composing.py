"""Which layers a scene is painted from."""

from collections.abc import Callable, Sequence

from providers.sketch.acting import paint_cast
from providers.sketch.canvas import Canvas
from providers.sketch.rooms import paint_room, paint_table
from providers.sketch.scene import Scene
from providers.sketch.scenery import (
    paint_air,
    paint_clouds,
    paint_ground,
    paint_land,
    paint_sky,
    paint_things,
    paint_water,
)
from providers.sketch.shelves import paint_shelf
from providers.sketch.worlds import blur, paint_heaven, paint_space, paint_underwater

Paint = Callable[[Canvas], None]
LAND: tuple[Paint, ...] = (paint_sky, paint_clouds, paint_land, paint_water, paint_ground)
BACKDROPS: dict[str, tuple[Paint, ...]] = {
    "land": LAND, "room": (paint_room, paint_shelf), "table": (paint_table,), "underwater": (paint_underwater,),
    "space": (paint_space,), "sky": (paint_heaven,),
}  # fmt: skip


def layers_of(scene: Scene) -> tuple[Sequence[Paint], int]:
    """What is painted one after another, and how many of these are no part of a picture on no background."""
    if not scene.cast:
        return (*LAND, paint_things, paint_air), 2
    behind = (*BACKDROPS[scene.setting], *((blur,) if scene.is_portrait else ()))
    hidden = 2 if scene.setting == "land" and not scene.is_portrait else len(behind)
    return (*behind, paint_cast, paint_air), hidden
