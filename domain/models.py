"""What a model is and what it takes."""

import re
from collections.abc import Sequence
from math import inf
from typing import ClassVar, NamedTuple, Self, TypedDict, Unpack

from domain.choices import choice_value
from domain.frozen import CopyMethod, Frozen
from domain.numbers import SEEDS, Seconds
from domain.prices import Price

SIZE = re.compile(r"([1-9][0-9]{0,4})\s*[xX*\u00d7]\s*([1-9][0-9]{0,4})")


class Size(NamedTuple):
    """Width and height in pixels, written 1024x576."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @classmethod
    def parse(cls, text: str) -> "Size":
        """Read "1024x576", also with a multiplication sign, an asterisk or spaces; ValueError for anything else."""
        match = SIZE.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"no size: {text[:40]}")
        return cls(int(match[1]), int(match[2]))

    def distance(self, other: "Size") -> tuple[float, int]:
        """Distance to another size: by ratio first, then by area."""
        ratios = (self.width * other.height, other.width * self.height)
        return max(ratios) / min(ratios), abs(self.width * self.height - other.width * other.height)


class SizeRange(Frozen):
    """Any size whose sides lie between two limits and are a multiple of a number, with whatever limits are set."""

    low: int
    high: int
    multiple: int = 1
    least_pixels: int = 0
    most_pixels: int | None = None
    most_ratio: int | None = None
    """How many times the shorter side the longer one may have."""

    def __contains__(self, size: Size) -> bool:
        fits = all(self.low <= side <= self.high and side % self.multiple == 0 for side in size)
        has_area = self.least_pixels <= size.width * size.height <= (self.most_pixels or inf)
        return fits and has_area and max(size) <= (self.most_ratio or inf) * min(size)


class Span(Frozen):
    """A range of numbers, both ends included."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


class Capabilities(Frozen):
    """What a model takes. Menus and checks are derived from it."""

    text_to_image: bool = True
    """Draws from words alone."""
    image_to_image: bool = False
    """Draws from words and an image without a mask."""
    image_by_link: bool = False
    """The API fetches the image itself, from the link that Discord gave it."""
    sized_by_image: bool = False
    """A picture drawn from an image always has the image's size."""
    inpainting: bool = False
    """Repaints the white part of a mask in an image."""
    sizes: tuple[Size, ...] = ()
    """Sizes to offer, the default first; empty where the API takes no size."""
    size_range: SizeRange | None = None
    """Set where sizes beyond the offered ones are accepted."""
    max_count: int = 4
    """Pictures that a member may ask for at once."""
    per_call: int = 1
    """Pictures that one call to the API makes."""
    negative_prompt: bool = False
    seed: bool = False
    max_seed: int = SEEDS - 1
    """The largest seed; the smallest is 0."""
    steps: Span | None = None
    guidance_scale: Span | None = None
    strength: Span | None = None
    schedulers: tuple[str, ...] = ()
    qualities: tuple[str, ...] = ()
    """From the cheapest to the dearest."""
    usual_quality: str | None = None
    """The default; None: the API's own."""
    styles: tuple[str, ...] = ()
    transparent: bool = False
    """Draws on no background, where that is asked for."""
    refiner: bool = False
    safety_checker: bool = False
    upscale: bool = False
    """Makes a picture larger: a request with `upscale` set and an image."""
    having: ClassVar[CopyMethod] = CopyMethod()
    """A changed copy."""

    def takes_size(self, size: Size) -> bool:
        return size in self.sizes or (self.size_range is not None and size in self.size_range)

    def nearest_size(self, size: Size) -> Size | None:
        """The given size if the model takes it, else the offered one nearest by ratio, then by area."""
        if self.takes_size(size):
            return size
        return min(self.sizes, key=size.distance, default=None)


class ModelChanges(TypedDict, total=False):
    """What the host's settings may change about a model."""

    title: str
    capabilities: Capabilities


class Model(Frozen):
    """A model on offer at a provider."""

    id: str
    title: str
    capabilities: Capabilities = Capabilities()
    wait: Seconds = None
    """How long its queue takes just now, where that is worth knowing before it is chosen."""
    price: Price | None = None
    """None where the provider tells none."""

    def having(self, **changes: Unpack[ModelChanges]) -> Self:
        """A changed copy."""
        return self.model_copy(update=changes)


def find_model(models: Sequence[Model], model_id: str) -> Model | None:
    """The model of that id, or of the short value by which a long id can be chosen."""
    return next((model for model in models if model_id in (model.id, choice_value(model.id))), None)
