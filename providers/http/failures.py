"""What went wrong, told by a status and by words: whose fault it is decides who is told, and who is asked next."""

import re
from collections.abc import Generator, Iterable
from contextlib import contextmanager
from typing import TypedDict

from domain import (
    Acceptance,
    AuthError,
    BadResponse,
    ContentRejected,
    ImageRequest,
    InvalidRequest,
    Provided,
    QuotaError,
    RateLimited,
    Timeout,
    Unavailable,
)

MODERATION_WORDS = re.compile(
    r"safety(?!_(?:checker|tolerance))|moderat|content.?polic|content.?filter|nsfw|prohibited|violat"
    r"|flagged as (?:sensitive|unsafe|nsfw|inappropriate)",
    re.IGNORECASE,
)
"""A safety_checker is a field that may be blamed; "flagged as sensitive" is what models on Replicate say."""
BILLING_WORDS = re.compile(
    r"billing|quota|credit|balance"
    r"|insufficient(?![\W_]+(?:\w+\W+){0,2}(?:permission|scope|privilege|right|role|access|authentication|capacity|memory|vram|resource))",
    re.IGNORECASE,
)
OUT_OF_CREDIT_WORDS = re.compile(
    r"billing|quota|insufficient(?!\W+(?:\w+\W+){0,2}capacity)|(?:used all|out of|no) (?:\w+ )?credits|spending limit",
    re.IGNORECASE,
)
"""Of too many requests, for which "your balance" is no reason but a hint. The last two are in xAI's sentence, as users
report it (continuedev/continue #10373)."""
REFUSAL_STATUSES = (400, 403, 404, *range(405, 452))
"""But for those that say more, further down."""
MODERATION_STATUSES = (400, 403, 415, 422, 451)
"""A 404 that speaks of policy names a model."""
GATEWAY_STATUSES = frozenset({502, 503, 504, *range(520, 528), 530})
"""Statuses that come from before the server, which is not there or has no time."""
CONFLICT_STATUSES = (409, 423, 425)
"""Refused as things stand: somebody else, or the same in a while, may draw it."""
TIMEOUT_STATUSES = (408, 504, 522, 524, 598, 599)
"""With Cloudflare's: the server behind it may have begun."""
ORIGIN_UNREACHABLE_STATUSES = (521, 523, 525, 526, 530)
"""Cloudflare's, where it found no server to pass a call on to; its 520 proves nothing (its list of 5xx errors)."""
NOT_TAKEN_STATUSES = (501, 503, *ORIGIN_UNREACHABLE_STATUSES, *CONFLICT_STATUSES)
OPTION_BY_STATUS = {404: "model", 410: "model", 413: "image", 414: "prompt"}
OPTION_BY_FIELD = {
    "text": "prompt",
    **dict.fromkeys(("model_id", "models", "ckpt_name", "unet_name"), "model"),
    **dict.fromkeys(("width", "height", "image_size", "aspect_ratio"), "size"),
    **dict.fromkeys(("n", "samples", "batch_size", "num_images", "num_outputs"), "count"),
    **dict.fromkeys(("step", "num_steps", "num_inference_steps"), "steps"),
    **dict.fromkeys(("guidance", "cfg", "cfg_scale"), "guidance_scale"),
    **dict.fromkeys(("denoise", "denoising_strength"), "strength"),
    "sampler_name": "scheduler",
    "style_preset": "style",
    **dict.fromkeys(("image", "images", "image_url", "image_urls", "file"), "image"),
    **dict.fromkeys(("input_image", "source_image", "init_images"), "image"),
    **dict.fromkeys(("mask_url", "mask_image", "source_mask"), "mask"),
    "background": "transparent",
}
"""The APIs' names of fields where they are not ours."""
KNOWN_FIELDS = frozenset({*OPTION_BY_FIELD, *ImageRequest.model_fields})


class ErrorDetails(TypedDict):
    """What every error knows of the answer behind it."""

    detail: str
    said: str
    reference: str | None


def option_of_field(names: Iterable[str]) -> str | None:
    """Our word for the first of the fields that an API names and a request has."""
    return next((OPTION_BY_FIELD.get(name, name) for name in names if name in KNOWN_FIELDS), None)


def error_for(
    status: int, said: str, *, retry_after: float | None = None, option: str | None = None, reference: str | None = None
) -> Provided:
    """The error behind an HTTP status, or behind a status word in a body, and its sentence."""
    told = ErrorDetails(detail=str(status), said=said, reference=reference)
    if status in MODERATION_STATUSES and MODERATION_WORDS.search(
        said
    ):  # which may repeat the prompt, and so speak of anything else
        return ContentRejected(**told)
    if status in (401, 407) or (status == 403 and not BILLING_WORDS.search(said)):
        # A key that is known may be closed out from one model.
        return AuthError(**told, taken=Acceptance.NOT_TAKEN, blames_model=status == 403)
    if _is_out_of_money(status, said):
        return QuotaError(**told, taken=Acceptance.NOT_TAKEN)
    if status == 429:
        return RateLimited(**told, taken=Acceptance.NOT_TAKEN, retry_after=retry_after)
    if status in TIMEOUT_STATUSES:
        return Timeout(**told)
    if status in CONFLICT_STATUSES or status >= 500:
        taken = Acceptance.NOT_TAKEN if status in NOT_TAKEN_STATUSES else Acceptance.UNKNOWN
        blames_model = status >= 500 and status not in GATEWAY_STATUSES
        return Unavailable(**told, taken=taken, retry_after=retry_after, blames_model=blames_model)
    if status in REFUSAL_STATUSES:
        return InvalidRequest(**told, option=OPTION_BY_STATUS.get(status, option))
    return BadResponse(**told)


def _is_out_of_money(status: int, said: str) -> bool:
    if status == 429:
        return bool(OUT_OF_CREDIT_WORDS.search(said))
    return status == 402 or (status in (400, 403, 415, 422) and bool(BILLING_WORDS.search(said)))


def failure_for(said: str) -> ContentRejected | QuotaError | Unavailable:
    """The error behind a job that the provider reports as failed, told by its sentence alone."""
    if MODERATION_WORDS.search(said):
        return ContentRejected(said=said)
    if BILLING_WORDS.search(said):
        return QuotaError(said=said)
    return Unavailable(said=said, blames_model=True)


@contextmanager
def blaming_model() -> Generator[None]:
    """A refused key, or credit that is out, may be that of somebody else, whom the provider asks for this model."""
    try:
        yield
    except (AuthError, QuotaError) as error:
        error.blames_model = True
        raise
