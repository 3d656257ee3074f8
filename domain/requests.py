"""What a member asks for: the request, the options that a model may or may not take, and the images."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypedDict, Unpack

from domain.frozen import Frozen
from domain.models import Capabilities, Model, Size, Span
from domain.refusals import NotOffered, NotPossible, OptionNotTaken, OutOfRange, TooManyImages


class Upload(Frozen):
    """A file that a member attached: Discord's link to it, and its key in the spool."""

    url: str | None
    size: Size | None = None
    """As Discord announces it; the file itself is checked when it is read."""
    key: str | None = None

    def without_link(self) -> "Upload":
        """The same file, without the link to it."""
        return Upload(url=None, size=self.size, key=self.key)


def image_option(place: int) -> str:
    """The option that names the image at a place, from 0: image, image2, image3 and so on."""
    return f"image{place + 1}" if place else "image"


class RequestChanges(TypedDict, total=False):
    """The fields of a request; a changed copy may have any of them."""

    prompt: str
    negative_prompt: str | None
    provider: str | None
    model: str | None
    size: Size | None
    images: tuple[Upload, ...]
    mask: Upload | None
    strength: float | None
    count: int
    seed: int | None
    steps: int | None
    guidance_scale: float | None
    scheduler: str | None
    quality: str | None
    style: str | None
    transparent: bool | None
    refiner: bool | None
    safety_checker: bool | None
    private: bool | None
    upscale: bool


class ImageRequest(Frozen):
    """What a member asks for. None means: the server's or the model's default."""

    prompt: str
    negative_prompt: str | None = None
    provider: str | None = None
    model: str | None = None
    size: Size | None = None
    images: tuple[Upload, ...] = ()
    """The first gives the picture its shape."""
    mask: Upload | None = None
    """Of the first image."""
    strength: float | None = None
    count: int = 1
    seed: int | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str | None = None
    quality: str | None = None
    style: str | None = None
    transparent: bool | None = None
    """True: without a background."""
    refiner: bool | None = None
    safety_checker: bool | None = None
    private: bool | None = None
    upscale: bool = False
    """Only make the image larger."""

    def uploads(self) -> tuple[Upload, ...]:
        """Every file that belongs to it."""
        return (*self.images, self.mask) if self.mask else self.images

    def having(self, **changes: Unpack[RequestChanges]) -> "ImageRequest":
        """A changed copy."""
        return self.model_copy(update=changes)

    def without_links(self) -> "ImageRequest":
        """The same request, without the links to its files."""
        return self.having(
            images=tuple(each.without_link() for each in self.images), mask=self.mask and self.mask.without_link()
        )


@dataclass(frozen=True)
class NumberOption:
    name: str
    """The field of `ImageRequest`."""
    value: Callable[[ImageRequest], float | None]
    span: Callable[[Capabilities], Span | None]
    """The values that a model takes; None if it does not take the option."""
    is_range_listed: bool = True
    """Whether lists of what a model takes have the range, and not only the name."""

    def is_taken(self, takes: Capabilities) -> bool:
        return self.span(takes) is not None

    def refusal(self, request: ImageRequest, model: Model) -> NotPossible | None:
        """The refusal of the request's value; None if the model takes it, or if none is set."""
        value, span = self.value(request), self.span(model.capabilities)
        if value is None or (span is not None and value in span):
            return None
        if span is None:
            return OptionNotTaken(option=self.name, model=model.title)
        return OutOfRange(option=self.name, asked=value, model=model.title, takes=span)


@dataclass(frozen=True)
class ChoiceOption:
    name: str
    """The field of `ImageRequest`."""
    value: Callable[[ImageRequest], str | None]
    choices: Callable[[Capabilities], tuple[str, ...]]
    """The names that a model takes; empty if it does not take the option."""

    def is_taken(self, takes: Capabilities) -> bool:
        return bool(self.choices(takes))

    def refusal(self, request: ImageRequest, model: Model) -> NotPossible | None:
        """The refusal of the request's value; None if the model takes it, or if none is set."""
        value, choices = self.value(request), self.choices(model.capabilities)
        if value is None or value in choices:
            return None
        if not choices:
            return OptionNotTaken(option=self.name, model=model.title)
        return NotOffered(option=self.name, asked=value, offered=choices, model=model.title)


@dataclass(frozen=True)
class FreeOption:
    """An option of which a model takes any value or none."""

    name: str
    """The field of `ImageRequest`."""
    value: Callable[[ImageRequest], object]
    is_taken: Callable[[Capabilities], bool]

    def refusal(self, request: ImageRequest, model: Model) -> NotPossible | None:
        """The refusal of the request's value; None if the model takes it, or if none is set."""
        if self.value(request) is None or self.is_taken(model.capabilities):
            return None
        return OptionNotTaken(option=self.name, model=model.title)


def _seeds(takes: Capabilities) -> Span | None:
    return Span(low=0, high=takes.max_seed) if takes.seed else None


Option = NumberOption | ChoiceOption | FreeOption
OPTIONS: tuple[Option, ...] = (
    FreeOption("negative_prompt", lambda request: request.negative_prompt, lambda takes: takes.negative_prompt),
    NumberOption("seed", lambda request: request.seed, _seeds, is_range_listed=False),
    NumberOption("steps", lambda request: request.steps, lambda takes: takes.steps),
    NumberOption("guidance_scale", lambda request: request.guidance_scale, lambda takes: takes.guidance_scale),
    NumberOption("strength", lambda request: request.strength, lambda takes: takes.strength),
    ChoiceOption("scheduler", lambda request: request.scheduler, lambda takes: takes.schedulers),
    ChoiceOption("quality", lambda request: request.quality, lambda takes: takes.qualities),
    ChoiceOption("style", lambda request: request.style, lambda takes: takes.styles),
    FreeOption("transparent", lambda request: request.transparent, lambda takes: takes.transparent),
)
"""Declared once: the planner's checks, `/providers`, public files' metadata and docs/providers.md follow from it."""
COMMAND_NAMES = {"guidance_scale": "guidance"}
"""Options that have another name in `/imagine`, and in the metadata of files, than in `ImageRequest`."""
COUNT = NumberOption("count", lambda request: request.count, lambda takes: Span(low=1, high=takes.max_count))


class SourceImage(Frozen):
    """An image to draw from."""

    data: bytes
    """PNG, RGB or RGBA, without metadata."""
    url: str | None = None
    """Discord's own link to the original."""


class Sources(Frozen):
    """The images that a request draws from, in their order."""

    images: tuple[SourceImage, ...] = ()
    mask: bytes | None = None
    """PNG, 8-bit greyscale, white = repaint, of the first image's size."""

    def only_image(self) -> bytes | None:
        """For a model that draws from one image at most; TooManyImages if there are more."""
        only = self._only()
        return only and only.data

    def only_link(self) -> str | None:
        """For a model that fetches one image at most; TooManyImages if there are more."""
        only = self._only()
        return only and only.url

    def _only(self) -> SourceImage | None:
        if len(self.images) > 1:
            raise TooManyImages(given=len(self.images), limit=1)
        return self.images[0] if self.images else None
