"""What a member asks for, and the images that go with it."""

from domain.frozen import Frozen
from domain.models import Size
from domain.refusals import TooManyImages


class Upload(Frozen):
    """A file that a member attached: where Discord keeps it, and under which key the spool does."""

    url: str | None
    size: Size | None = None
    """As Discord tells it; the file itself is checked when it is read."""
    key: str | None = None


def image_option(place: int) -> str:
    """The option that names the image at a place, from 0: image, image2, image3 and so on."""
    return f"image{place + 1}" if place else "image"


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
    """True: on no background."""
    refiner: bool | None = None
    safety_checker: bool | None = None
    private: bool | None = None
    upscale: bool = False
    """Only make the image larger."""

    def uploads(self) -> tuple[Upload, ...]:
        """Every file that belongs to it."""
        return (*self.images, self.mask) if self.mask else self.images


class SourceImage(Frozen):
    """An image to draw from."""

    data: bytes
    """PNG, RGB or RGBA, without metadata."""
    url: str | None = None
    """Discord's own link to the original."""


class Sources(Frozen):
    """The images behind a request, in its order."""

    images: tuple[SourceImage, ...] = ()
    mask: bytes | None = None
    """PNG, 8-bit greyscale, white = repaint, of the first image's size."""

    def only_image(self) -> bytes | None:
        """For a model that draws from one image at most; TooManyImages where there are more."""
        only = self._only()
        return only and only.data

    def only_link(self) -> str | None:
        """For a model that fetches one image at most; TooManyImages where there are more."""
        only = self._only()
        return only and only.url

    def _only(self) -> SourceImage | None:
        if len(self.images) > 1:
            raise TooManyImages(given=len(self.images), limit=1)
        return self.images[0] if self.images else None
