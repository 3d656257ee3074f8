"""The request bodies that draw and upscale."""

import io
from typing import Any

from PIL import Image

from domain import ImageRequest, ImageTooLarge, Size, Sources
from providers.automatic1111.server import SEPARATOR
from providers.http.api import without_none
from providers.http.encoding import encode_base64
from providers.kit.inputs import EXTRA_ARGS, fit_image, without_tag

DEFAULT_SIZE = Size(512, 512)
MAX_UPSCALED_SIDE = 4096
"""Longest side of an upscaled picture, in pixels."""


def draw_request(request: ImageRequest, sources: Sources, checkpoint: str | None) -> tuple[str, dict[str, Any]]:
    """Path and body; blocking, as it decodes images: call it in a thread."""
    size = request.size or DEFAULT_SIZE
    sampler, _, scheduler = (request.scheduler or "").partition(SEPARATOR)
    negative = request.negative_prompt
    fields: dict[str, Any] = {
        # `<lora:…>` and `(word:1.2)` stay: members may use them.
        "prompt": without_tag(request.prompt, EXTRA_ARGS),
        "negative_prompt": without_tag(negative, EXTRA_ARGS) if negative is not None else None,
        "width": size.width,
        "height": size.height,
        "batch_size": request.count,
        "seed": request.seed,
        "steps": request.steps,
        "cfg_scale": request.guidance_scale,
        "sampler_name": sampler or None,
        "scheduler": scheduler or None,
        "styles": [request.style] if request.style else None,
        "override_settings": {"sd_model_checkpoint": checkpoint} if checkpoint else None,
        "save_images": False,
    }
    if (data := sources.only_image()) is None:
        return "txt2img", without_none(fields)
    return "img2img", without_none(fields | _image_fields(data, sources.mask, size, request.strength))


def _image_fields(data: bytes, mask: bytes | None, size: Size, strength: float | None) -> dict[str, Any]:
    """Image and mask, resized here because `resize_mode` differs between the servers."""
    fields = {"init_images": [encode_base64(fit_image(data, size))], "denoising_strength": strength}
    if mask is None:
        return fields
    # White is repainted, so nothing is inverted; only without `inpaint_full_res` the picture has the requested size.
    return fields | {
        "mask": encode_base64(fit_image(mask, size)),
        "inpainting_mask_invert": 0,
        "inpaint_full_res": False,
    }


def upscale_body(image: bytes, upscaler: str) -> dict[str, Any]:
    size = Size(*Image.open(io.BytesIO(image)).size)
    longest = max(size)
    if longest >= MAX_UPSCALED_SIDE:
        raise ImageTooLarge(option="image", size=size, longest_side=MAX_UPSCALED_SIDE - 1)
    factor = min(2.0, MAX_UPSCALED_SIDE / longest)
    return {"image": encode_base64(image), "upscaling_resize": factor, "upscaler_1": upscaler}
