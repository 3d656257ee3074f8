"""Builds request bodies."""

import io
from typing import Any

from PIL import Image

from domain import ImageRequest, ImageTooLarge, Size, Sources
from providers.automatic1111.server import SEPARATOR
from providers.http.api import without_none
from providers.http.encoding import encode_base64
from providers.kit.fitting import fit_image
from providers.kit.prompt_tags import EXTRA_ARGS, without_tag

DEFAULT_SIZE = Size(512, 512)
MAX_SIDE = 4096


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
    # Left to the servers, `resize_mode` means another thing in each.
    image = encode_base64(fit_image(data, size))
    fields |= {"init_images": [image], "denoising_strength": request.strength}
    if sources.mask is not None:
        # The mask as it is: white is repainted. The whole picture, for only then it gets the size that was asked for.
        mask = encode_base64(fit_image(sources.mask, size))
        fields |= {"mask": mask, "inpainting_mask_invert": 0, "inpaint_full_res": False}
    return "img2img", without_none(fields)


def upscale_body(image: bytes, upscaler: str) -> dict[str, Any]:
    size = Size(*Image.open(io.BytesIO(image)).size)
    longest = max(size)
    if longest >= MAX_SIDE:
        raise ImageTooLarge(option="image", size=size, longest_side=MAX_SIDE - 1)
    factor = min(2.0, MAX_SIDE / longest)
    return {"image": encode_base64(image), "upscaling_resize": factor, "upscaler_1": upscaler}
