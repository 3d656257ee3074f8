"""What went wrong, told by a status and by words: whose fault it is decides who is told, and who is asked next."""

import re
from collections.abc import Iterable

from domain import (
    AuthError,
    BadResponse,
    ContentRejected,
    EaselError,
    ImageRequest,
    InvalidRequest,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)

POLICY = re.compile(
    r"safety(?!_(?:checker|tolerance))|moderat|content.?polic|content.?filter|nsfw|prohibited|violat"
    r"|flagged as (?:sensitive|unsafe|nsfw|inappropriate)",
    re.IGNORECASE,
)
"""A safety_checker is a field that may be blamed; "flagged as sensitive" is what models on Replicate say."""
MONEY = re.compile(
    r"billing|quota|credit|balance"
    r"|insufficient(?![\W_]+(?:\w+\W+){0,2}(?:permission|scope|privilege|right|role|access|authentication|capacity|memory|vram|resource))",
    re.IGNORECASE,
)
NO_MONEY_LEFT = re.compile(
    r"billing|quota|insufficient(?!\W+(?:\w+\W+){0,2}capacity)|(?:used all|out of|no) (?:\w+ )?credits|spending limit",
    re.IGNORECASE,
)
"""Of too many requests, for which "your balance" is no reason but a hint. The last two are in xAI's sentence, as users
report it (continuedev/continue #10373)."""
REFUSALS = (400, 403, 404, 413, 415, 422)
OF_CONTENT = (400, 403, 415, 422)
"""A 404 that speaks of policy names a model."""
GATEWAYS = frozenset({502, 503, 504, *range(520, 528), 530})
"""Statuses that come from before the server, which is not there or has no time."""
FIELDS = {
    "text": "prompt",
    **dict.fromkeys(("model_id", "models", "ckpt_name", "unet_name"), "model"),
    **dict.fromkeys(("width", "height", "image_size", "aspect_ratio"), "size"),
    **dict.fromkeys(("n", "samples", "batch_size", "num_images", "num_outputs"), "count"),
    **dict.fromkeys(("step", "num_steps", "num_inference_steps"), "steps"),
    **dict.fromkeys(("guidance", "cfg", "cfg_scale"), "guidance_scale"),
    **dict.fromkeys(("denoise", "denoising_strength"), "strength"),
    "sampler_name": "scheduler",
    "style_preset": "style",
    **dict.fromkeys(("images", "image_url", "image_urls", "file"), "image"),
    **dict.fromkeys(("input_image", "source_image", "init_images"), "image"),
    **dict.fromkeys(("mask_url", "mask_image", "source_mask"), "mask"),
    "background": "transparent",
}
"""The APIs' names of fields where they are not ours."""
KNOWN = frozenset({*FIELDS, *ImageRequest.model_fields})


def our_field(names: Iterable[str]) -> str | None:
    """Our word for the first of the fields that an API names and a request has."""
    return next((FIELDS.get(name, name) for name in names if name in KNOWN), None)


def error_for(
    status: int, text: str, *, retry_after: float | None = None, field: str | None = None, reference: str | None = None
) -> EaselError:
    """The error behind an HTTP status, or behind a status word in a body, and its sentence."""
    detail = f"{status}: {text}" if text else str(status)
    if status in OF_CONTENT and POLICY.search(text):  # which may repeat the prompt, and so speak of anything else
        return ContentRejected(detail, reference=reference)
    if status == 401 or (status == 403 and not MONEY.search(text)):
        return AuthError(detail, reference=reference, unaccepted=True, answered=True)
    if status == 402 or (status in (400, 403, 415, 422) and MONEY.search(text)):
        return QuotaError(detail, reference=reference, unaccepted=True, answered=True)
    if status == 429 and NO_MONEY_LEFT.search(text):
        return QuotaError(detail, reference=reference, unaccepted=True, answered=True)
    if status == 429:
        return RateLimited(detail, retry_after=retry_after, reference=reference, unaccepted=True)
    if status in (408, 504):
        return Timeout(detail, reference=reference)
    if status in REFUSALS:
        return InvalidRequest(detail, field={404: "model", 413: "image"}.get(status, field), reference=reference)
    if status in (409, 425) or status >= 500:
        answered, untaken = status >= 500 and status not in GATEWAYS, status == 503
        return Unavailable(detail, retry_after=retry_after, reference=reference, unaccepted=untaken, answered=answered)
    return BadResponse(detail, reference=reference)


def failure_for(text: str) -> EaselError:
    """The error behind a job that the provider reports as failed, told by its sentence alone."""
    if POLICY.search(text):
        return ContentRejected(text)
    if MONEY.search(text):
        return QuotaError(text, answered=True)
    return Unavailable(text, answered=True)
