"""What a picture's card says of it: the words that were understood, and whose drawings are in it."""

from collections.abc import Sequence

from domain import Credit, ImageRequest, Recognised
from providers.sketch.drawings import ADDED
from providers.sketch.scene import Scene, parse_scene

MOST_WORDS, MOST_CHARACTERS = 12, 24
OPENMOJI = Credit(
    creator="OpenMoji (openmoji.org)", licence="CC BY-SA 4.0", url="https://creativecommons.org/licenses/by-sa/4.0/"
)


def account(request: ImageRequest) -> tuple[Recognised, Credit | None]:
    scene = parse_scene(request.prompt, request.negative_prompt or "", request.model or "paint")
    note = Recognised(known=_shortened(scene.known), unknown=_shortened(scene.unknown))
    return note, OPENMOJI if has_foreign_drawings(scene) else None


def has_foreign_drawings(scene: Scene) -> bool:
    """Whether OpenMoji drew a part of it; every room has a shelf with such things."""
    drawn = [code for part in scene.cast if part.drawing for code in part.drawing.codes]
    return scene.setting == "room" or any(code in ADDED or not code.startswith("@") for code in drawn)


def _shortened(words: Sequence[str]) -> tuple[str, ...]:
    cut = (word if len(word) <= MOST_CHARACTERS else word[: MOST_CHARACTERS - 1] + "…" for word in words)
    return tuple(cut)[:MOST_WORDS]
