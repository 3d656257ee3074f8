"""Request and response models of AI Horde."""

import asyncio
import io
import re
from typing import Annotated, Any

from PIL import Image

from domain import ImageRequest, Size, Sources
from domain.numbers import Number, Place, Seconds, Seed
from providers.http.api import without_none
from providers.http.encoding import encode_base64
from providers.http.parsing import NONE_IF_INVALID, SKIP_INVALID_ENTRIES, Reply

DEFAULT_SIZE = Size(512, 512)
MAX_FILTERED_LENGTH = 7000
"""Characters of a prompt from which on the API's rewording filter refuses it."""
NEGATIVE_MARK = re.compile(r"#{3,}")


class Accepted(Reply):
    id: str
    message: Any = None
    """Only logged, like the warnings, so of any type."""
    warnings: Any = None


class JobState(Reply):
    """The answer to `check`."""

    done: bool
    faulted: bool = False
    is_possible: bool = True
    queue_position: Place = None
    wait_time: Seconds = None


class GenerationMetadata(Reply):
    type: str = ""


class Generation(Reply):
    img: str = ""
    seed: Seed = None
    censored: Annotated[bool | None, NONE_IF_INVALID] = None
    gen_metadata: Annotated[list[GenerationMetadata], SKIP_INVALID_ENTRIES] | None = None

    @property
    def is_censored(self) -> bool:
        """Whether a placeholder replaces the picture."""
        return bool(self.censored) or any(metadata.type == "censorship" for metadata in self.gen_metadata or ())


class Result(Reply):
    """The answer to `status`."""

    generations: Annotated[list[Generation], SKIP_INVALID_ENTRIES]

    @property
    def pictures(self) -> "list[GeneratedImage]":
        """The finished pictures, without censored ones."""
        whole = [each for each in self.generations if each.img.strip() and not each.is_censored]
        return [GeneratedImage(img=each.img, seed=each.seed) for each in whole]


class GeneratedImage(Reply):
    """A finished picture."""

    img: str
    """A link, or base64."""
    seed: Seed = None

    @property
    def is_link(self) -> bool:
        return self.img.startswith(("http://", "https://"))


class User(Reply):
    kudos: Number = None


async def draw_body(request: ImageRequest, sources: Sources, *, own_key: bool) -> dict[str, Any]:
    """Body of `generate/async`; without an own key, the job may be downgraded instead of refused."""
    prompt, is_safe = join_prompts(request.prompt, request.negative_prompt), request.safety_checker is not False
    fields = {
        "prompt": prompt,
        "params": _params(request),
        "models": [request.model],
        "nsfw": not is_safe,
        "censor_nsfw": is_safe,
        "replacement_filter": len(prompt) < MAX_FILTERED_LENGTH,
        "r2": True,
        "shared": False,
        "allow_downgrade": None if own_key else True,
    }
    if image := sources.only_image():
        fields["source_image"] = await asyncio.to_thread(_webp, image)
        fields["source_processing"] = "inpainting" if sources.mask else "img2img"
    if sources.mask:
        fields["source_mask"] = await asyncio.to_thread(_webp, sources.mask)
    return without_none(fields)


def join_prompts(prompt: str, negative: str | None) -> str:
    """Both prompts in one, separated by the only `###` in it."""
    prompt, negative = _escape_mark(prompt), _escape_mark(negative or "")
    return f"{prompt} ### {negative}" if negative else prompt


def _escape_mark(text: str) -> str:
    return NEGATIVE_MARK.sub(lambda found: " ".join(found[0]), text)


def _params(request: ImageRequest) -> dict[str, Any]:
    size, guidance = request.size or DEFAULT_SIZE, request.guidance_scale
    fields = {
        "width": size.width,
        "height": size.height,
        "n": request.count,
        "steps": request.steps,
        "cfg_scale": None if guidance is None else round(guidance, 2),
        "seed": None if request.seed is None else str(request.seed),
        "sampler_name": request.scheduler,
        "denoising_strength": request.strength,
    }
    return without_none(fields)


def _webp(data: bytes) -> str:
    """Lossless WebP in base64, flattened on white: an alpha channel would be used as a mask."""
    out = io.BytesIO()
    with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
        layer = image.convert("RGBA")
        flat = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    flat.save(out, "WEBP", lossless=True, quality=0)
    return encode_base64(out.getvalue())
