"""Builds the call for a request: JSON, or a multipart form with files."""

import asyncio
import io
import json
import re
from typing import Any, NamedTuple

from PIL import Image, ImageOps

from domain import FileTooLarge, ImageRequest, Size, Sources
from providers.http.api import without_none
from providers.http.bodies import FormPart
from providers.http.encoding import encode_base64
from providers.kit.inputs import EXTRA_ARGS, fit_image, without_tag
from providers.openai.profiles import ASPECT_SIZES, SERVER_DEFAULT, Profile

SD_CPP_NAME = re.compile(r"sd[\W_]*cpp", re.IGNORECASE)
MAX_MASK_BYTES = 4 * 1000 * 1000
MAX_IMAGE_BYTES = 50 * 1000 * 1000
"""Bytes, as OpenAI documents them for edits."""
RANDOM_SEED = -1
"""The seed that makes stable-diffusion.cpp draw a random one."""


class Drawing(NamedTuple):
    """One call that draws; `options` are those of `Api.send`."""

    path: str
    options: dict[str, Any]


async def drawing_for(profile: Profile, request: ImageRequest, sources: Sources, *, previews: int) -> Drawing:
    """previews: how many unfinished pictures to stream before the final one; 0: the response is no stream."""
    image = sources.only_image()
    if image and request.upscale:
        return _form("images/upscale", without_none({"model": _model(request), "scale": 2}), _image(image))
    if image and sources.mask and profile.has_inpainting_call:
        fields = without_none({"model": _model(request), "prompt": _prompt(profile, request), "steps": request.steps})
        image, mask = await asyncio.to_thread(_fit_both, image, sources.mask, request.size)
        return _form("images/inpainting", fields, _image(image), _mask(mask))
    fields = _fields(profile, request) | ({"stream": True, "partial_images": previews} if previews else {})
    if image and profile.image == "form":
        files = [_image(image, profile.image_part)]
        if sources.mask:
            files.append(_mask(await asyncio.to_thread(transparent_mask, sources.mask)))
        taken = {name: value for name, value in fields.items() if name not in profile.edits_without}
        return _form("images/edits", taken, *files)
    if request.safety_checker is False:
        fields |= profile.unsafe_fields
    if profile.image == "file":
        fields |= without_none({"file": encode_base64(image)})
    if profile.image == "link":
        fields |= without_none({"image_url": sources.only_link()})
    return Drawing("images/generations", {"json": fields})


def _fit_both(image: bytes, mask: bytes, size: Size | None) -> tuple[bytes, bytes]:
    """Resize both; the API takes no size, so the result has the image's."""
    return (fit_image(image, size), fit_image(mask, size)) if size else (image, mask)


def sanitize_prompt(prompt: str) -> str:
    """A prompt without syntax that a server would interpret.

    stable-diffusion.cpp reads native options from the tag `EXTRA_ARGS`; where a variant of the name is left, every `<`
    is removed, so that no tag can form. LocalAI reads a negative prompt behind the first `|`.
    """
    prompt = without_tag(prompt, EXTRA_ARGS)
    if SD_CPP_NAME.search(prompt):
        prompt = prompt.replace("<", "")
    return prompt.replace("|", "/")


def transparent_mask(mask: bytes) -> bytes:
    """A mask whose white is repainted, as OpenAI's: fully transparent where it is repainted, fully opaque elsewhere."""
    with Image.open(io.BytesIO(mask), formats=("PNG",)) as grey:
        white = grey.convert("L").point([0] * 128 + [255] * 128)
    out = io.BytesIO()
    Image.merge("RGBA", (white, white, white, ImageOps.invert(white))).save(out, "PNG")
    return out.getvalue()


def _fields(profile: Profile, request: ImageRequest) -> dict[str, Any]:
    options = {field: getattr(request, word) for word, field in profile.fields_by_option.items() if word != "model"}
    model = _model(request) if "model" in profile.fields_by_option else None
    fixed = {"model": model, "prompt": _prompt(profile, request), "response_format": profile.response_format}
    clear = {"background": "transparent", "output_format": "png"} if request.transparent else {}
    return without_none(fixed | options | clear | _size(profile, request))


def _model(request: ImageRequest) -> str | None:
    return None if request.model == SERVER_DEFAULT[0] else request.model


def _prompt(profile: Profile, request: ImageRequest) -> str:
    """The prompt, sanitized unless the server is a hosted API, whose syntax is documented."""
    if profile.base_url:
        return request.prompt
    negative = (
        f"|{sanitize_prompt(request.negative_prompt)}" if profile.negative_after_bar and request.negative_prompt else ""
    )
    return sanitize_prompt(request.prompt) + negative + (_extra_args(request) if profile.extra_args else "")


def _extra_args(request: ImageRequest) -> str:
    """stable-diffusion.cpp's option tag, for options without a field; without it the seed is always 42."""
    guidance = without_none({"txt_cfg": request.guidance_scale})
    sampling = without_none({"sample_steps": request.steps, "guidance": guidance or None})
    args = {
        "seed": RANDOM_SEED if request.seed is None else request.seed,
        "negative_prompt": sanitize_prompt(request.negative_prompt) if request.negative_prompt else None,
        "sample_params": sampling or None,
    }
    # "<" is escaped, so that no value ends the tag.
    written = json.dumps(without_none(args), ensure_ascii=False).replace("<", r"\u003c")
    return f"<{EXTRA_ARGS}>{written}</{EXTRA_ARGS}>"


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


def _form(path: str, fields: dict[str, Any], *files: FormPart) -> Drawing:
    return Drawing(path, {"form": [*(FormPart(name, _text(value)) for name, value in fields.items()), *files]})


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _image(data: bytes, part: str = "image") -> FormPart:
    return _file(part, "image", data, MAX_IMAGE_BYTES)


def _mask(data: bytes) -> FormPart:
    return _file("mask", "mask", data, MAX_MASK_BYTES)


def _file(part: str, field: str, data: bytes, largest: int) -> FormPart:
    if len(data) >= largest:
        raise FileTooLarge(option=field, length=len(data), limit=largest - 1)
    return FormPart(part, data, f"{field}.png", "image/png")
