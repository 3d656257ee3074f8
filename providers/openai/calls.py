"""From a request to the call that draws it: JSON, or a form where files go with it."""

import asyncio
import io
import json
import re
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from domain import FileTooLarge, ImageRequest, Size, Sources
from providers.http.api import given
from providers.http.bodies import Part
from providers.http.encoding import in_base64
from providers.kit.fitting import fitted
from providers.kit.harmless import EXTRA_ARGS, without_tag
from providers.openai.profiles import ASPECT_SIZES, SERVER_DEFAULT, Profile

SD_TAG = re.compile(r"sd[\W_]*cpp", re.IGNORECASE)
LARGEST_MASK = 4 * 1000 * 1000
LARGEST_IMAGE = 50 * 1000 * 1000
"""Bytes, as OpenAI documents them for edits."""
PARTIAL_IMAGES = 2
RANDOM = -1
"""The seed by which stable-diffusion.cpp throws the dice itself."""


class Drawing(NamedTuple):
    """One call that draws; `options` are those of `Api.send`."""

    path: str
    options: dict[str, Any]


async def drawing_for(profile: Profile, request: ImageRequest, sources: Sources, *, stream: bool) -> Drawing:
    if sources.image and request.upscale:
        return _form("images/upscale", given({"model": _model(request), "scale": 2}), _image(sources.image))
    if sources.image and sources.mask and profile.own_inpainting:
        fields = given({"model": _model(request), "prompt": _prompt(profile, request), "steps": request.steps})
        image, mask = await asyncio.to_thread(_both_fitted, sources.image, sources.mask, request.size)
        return _form("images/inpainting", fields, _image(image), _mask(mask))
    fields = _fields(profile, request) | ({"stream": True, "partial_images": PARTIAL_IMAGES} if stream else {})
    if sources.image and profile.image == "form":
        files = [_image(sources.image, profile.image_part)]
        if sources.mask:
            files.append(_mask(await asyncio.to_thread(transparent_mask, sources.mask)))
        return _form("images/edits", fields, *files)
    if request.safety_checker is False:
        fields |= profile.unchecked
    if sources.image and profile.image == "file":
        fields["file"] = in_base64(sources.image)
    if sources.image_url and profile.image == "link":
        fields["image_url"] = sources.image_url
    return Drawing("images/generations", {"json": fields})


def _both_fitted(image: bytes, mask: bytes, size: Size | None) -> tuple[bytes, bytes]:
    """Where the API takes no size, the picture's is the image's."""
    return (fitted(image, size), fitted(mask, size)) if size else (image, mask)


def harmless(prompt: str) -> str:
    """A member's words without what a server would take for its own syntax.

    stable-diffusion.cpp reads native options from a tag of this name; where the name is left in some other spelling,
    every `<` goes, so that nothing can be a tag. LocalAI reads a negative prompt behind the first `|`.
    """
    prompt = without_tag(prompt, EXTRA_ARGS)
    if SD_TAG.search(prompt):
        prompt = prompt.replace("<", "")
    return prompt.replace("|", "/")


def transparent_mask(mask: bytes) -> bytes:
    """White = repaint, turned into OpenAI's: fully transparent = repaint, and fully opaque elsewhere."""
    with Image.open(io.BytesIO(mask), formats=("PNG",)) as grey:
        white = grey.convert("L").point([0] * 128 + [255] * 128)
    out = io.BytesIO()
    Image.merge("RGBA", (white, white, white, ImageOps.invert(white))).save(out, "PNG")
    return out.getvalue()


def _fields(profile: Profile, request: ImageRequest) -> dict[str, Any]:
    options = {field: getattr(request, word) for word, field in profile.words.items() if word != "model"}
    model = _model(request) if "model" in profile.words else None
    fixed = {"model": model, "prompt": _prompt(profile, request), "response_format": profile.response_format}
    clear = {"background": "transparent", "output_format": "png"} if request.transparent else {}
    return given(fixed | options | clear | _size(profile, request))


def _model(request: ImageRequest) -> str | None:
    return None if request.model == SERVER_DEFAULT[0] else request.model


def _prompt(profile: Profile, request: ImageRequest) -> str:
    """Cleaned for every server of the host's own, or of an unknown kind; what a hosted one reads is documented."""
    if profile.base_url:
        return request.prompt
    negative = f"|{harmless(request.negative_prompt)}" if profile.bar and request.negative_prompt else ""
    return harmless(request.prompt) + negative + (_extra_args(request) if profile.extra_args else "")


def _extra_args(request: ImageRequest) -> str:
    """stable-diffusion.cpp's own tag, for what has no field there: left to itself, it always draws seed 42."""
    guidance = given({"txt_cfg": request.guidance_scale})
    sampling = given({"sample_steps": request.steps, "guidance": guidance or None})
    args = {
        "seed": RANDOM if request.seed is None else request.seed,
        "negative_prompt": harmless(request.negative_prompt) if request.negative_prompt else None,
        "sample_params": sampling or None,
    }
    told = json.dumps(given(args), ensure_ascii=False).replace("<", r"\u003c")  # so that nothing in it ends the tag
    return f"<{EXTRA_ARGS}>{told}</{EXTRA_ARGS}>"


def _size(profile: Profile, request: ImageRequest) -> dict[str, Any]:
    if request.size is None:
        return {}
    match profile.size_style:
        case "wh":
            return {"width": request.size.width, "height": request.size.height}
        case "aspect":
            aspect, resolution = ASPECT_SIZES.get(request.size, (None, None))
            return {"aspect_ratio": aspect, "resolution": resolution}
        case "size":
            return {"size": str(request.size)}


def _form(path: str, fields: dict[str, Any], *files: Part) -> Drawing:
    return Drawing(path, {"form": [*(Part(name, _text(value)) for name, value in fields.items()), *files]})


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _image(data: bytes, part: str = "image") -> Part:
    return _file(part, "image", data, LARGEST_IMAGE)


def _mask(data: bytes) -> Part:
    return _file("mask", "mask", data, LARGEST_MASK)


def _file(part: str, field: str, data: bytes, largest: int) -> Part:
    if len(data) >= largest:
        raise FileTooLarge(option=field, length=len(data), limit=largest)
    return Part(part, data, f"{field}.png", "image/png")
