"""What fal's apps take: `apps.json` has the inputs of each, from the types of fal's own client.

`python -m conformance.fal_apps` writes the table. Of an app that it lacks, only what words in its id say is believed.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

TABLE = Path(__file__).parent / "apps.json"
IMAGE_INPUTS = ("image_url", "image_urls", "input_image_urls", "reference_image_urls")
MASK_INPUTS = ("mask_url", "mask_image_url")


class App(NamedTuple):
    """The inputs of an app: of each, the values that it takes, or None where it takes any."""

    inputs: Mapping[str, tuple[str, ...] | None]
    required: frozenset[str]

    @property
    def image(self) -> str | None:
        """The input of the image to draw from."""
        taken = [name for name in IMAGE_INPUTS if name in self.inputs]
        return min(taken, key=lambda name: name not in self.required, default=None)

    @property
    def mask(self) -> str | None:
        return next((name for name in MASK_INPUTS if name in self.inputs), None)


def _guess(*names: str) -> App:
    return App(dict.fromkeys(("prompt", "seed", *names)), frozenset({"prompt", *names}))


WORDS = re.compile(r"[/_-]")
UNKNOWN = _guess()
GUESSES = (
    ("text-to-image", UNKNOWN),
    ("image-to-image", _guess("image_url")),
    ("inpaint", _guess("image_url", "mask_url")),
    ("inpainting", _guess("image_url", "mask_url")),
    ("fill", _guess("image_url", "mask_url")),
    ("kontext", _guess("image_url")),
    ("edit", _guess("image_urls")),
)
"""By whole words of an id, the first match counts."""


def app_of(id: str) -> App:
    """What an app takes, from the table or from its id."""
    words = f"-{WORDS.sub('-', id)}-"
    return _apps().get(id) or next((app for word, app in GUESSES if f"-{word}-" in words), UNKNOWN)


@cache
def _apps() -> Mapping[str, App]:
    return TypeAdapter(dict[str, App]).validate_python(json.loads(TABLE.read_text()))
