"""Maps HTTP statuses and error messages to Easel's errors."""

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
    ProviderFailure,
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
"""`safety_checker` is excluded because it is a field name; "flagged as sensitive" is how models on Replicate put it."""
BILLING_WORDS = re.compile(
    r"billing|quota|credit|balance"
    r"|insufficient(?![\W_]+(?:\w+\W+){0,2}(?:permission|scope|privilege|right|role|access|authentication|capacity|memory|vram|resource))",
    re.IGNORECASE,
)
OUT_OF_CREDIT_WORDS = re.compile(
    r"billing|quota|insufficient(?!\W+(?:\w+\W+){0,2}capacity)|(?:used all|out of|no) (?:\w+ )?credits|spending limit",
    re.IGNORECASE,
)
"""For a 429 only, whose message may mention "your balance" as a hint. The last two alternatives are from xAI's message,
as users report it (continuedev/continue #10373)."""
REFUSAL_STATUSES = (400, 403, 404, *range(405, 452))
"""Statuses of a refused request, except those with a meaning of their own below."""
MODERATION_STATUSES = (400, 403, 415, 422, 451)
"""Statuses that may mean moderation; not 404, whose message may hold a model's name."""
GATEWAY_STATUSES = frozenset({502, 503, 504, *range(520, 528), 530})
"""Statuses of gateways and proxies in front of a server that is down or overloaded."""
KEY_WORDS = re.compile(r"\bincorrect api key\b|\bno connected db\b", re.IGNORECASE)
"""xAI's words, after which it quotes the key or not (continuedev/continue #10778, autohandai/code-cli #545); LiteLLM's,
where it has no database, for any key but its master key (1.110.2, proxy/auth/user_api_key_auth.py)."""
CONFLICT_STATUSES = (409, 423, 425)
"""Temporary conflicts: a retry, or another provider, may succeed."""
TIMEOUT_STATUSES = (408, 504, 522, 524, 598, 599)
"""Timeouts, with Cloudflare's: the origin server may have begun to work."""
ORIGIN_UNREACHABLE_STATUSES = (521, 523, 525, 526, 530)
"""Cloudflare's statuses for an unreachable origin (its list of 5xx errors); 520 does not say so."""
NOT_TAKEN_STATUSES = (501, 503, *ORIGIN_UNREACHABLE_STATUSES, *CONFLICT_STATUSES)
"""Statuses of `Unavailable` that say that the job was not accepted."""
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
    **dict.fromkeys(("input_image", "input_images", "image_input", "source_image", "init_images"), "image"),
    **dict.fromkeys(("mask_url", "mask_image", "source_mask"), "mask"),
    "background": "transparent",
}
"""Options of `ImageRequest` by the names that APIs have for them."""
LITELLM_WRAPPING = re.compile(
    r"^(?:litellm\.)?(?:\w+Error: )?(?:litellm\.\w+: )+(?:\w+Exception(?: \w+)? ?[-:] )?(?:Error code: \d+ - )?"
    r"|[. ]*Received Model Group=.*",
    re.DOTALL,
)
"""What LiteLLM puts around the message of the API behind it."""
KNOWN_FIELDS = frozenset({*OPTION_BY_FIELD, *ImageRequest.model_fields})


class ErrorDetails(TypedDict):
    """Fields that every error of a response gets."""

    detail: str
    said: str
    reference: str | None


def option_of_field(names: Iterable[str]) -> str | None:
    """The option of `ImageRequest` for the first known of an API's field names."""
    return next((OPTION_BY_FIELD.get(name, name) for name in names if name in KNOWN_FIELDS), None)


def error_for(
    status: int, said: str, *, retry_after: float | None = None, option: str | None = None, reference: str | None = None
) -> ProviderFailure:
    """The error for an HTTP status, or a status code inside a body, and its message."""
    details = ErrorDetails(detail=str(status), said=without_wrapping(said), reference=reference)
    # First, because a moderation message may quote the prompt, and so match the other words.
    if status in MODERATION_STATUSES and MODERATION_WORDS.search(said):
        return ContentRejected(**details)
    if is_key_refusal(status, said) or status in (401, 407) or (status == 403 and not BILLING_WORDS.search(said)):
        # A valid key may lack access to one model.
        return AuthError(**details, taken=Acceptance.NOT_TAKEN, blames_model=status == 403)
    if _is_out_of_money(status, said):
        return QuotaError(**details, taken=Acceptance.NOT_TAKEN)
    if status == 429:
        return RateLimited(**details, taken=Acceptance.NOT_TAKEN, retry_after=retry_after)
    if status in TIMEOUT_STATUSES:
        return Timeout(**details)
    if status in CONFLICT_STATUSES or status >= 500:
        taken = Acceptance.NOT_TAKEN if status in NOT_TAKEN_STATUSES else Acceptance.UNKNOWN
        blames_model = status >= 500 and status not in GATEWAY_STATUSES
        return Unavailable(**details, taken=taken, retry_after=retry_after, blames_model=blames_model)
    if status in REFUSAL_STATUSES:
        return InvalidRequest(**details, option=OPTION_BY_STATUS.get(status, option))
    return BadResponse(**details)


def without_wrapping(said: str) -> str:
    """A message without what a proxy put around it; the words around it may still say what kind of error it is."""
    return LITELLM_WRAPPING.sub("", said) or said


def is_key_refusal(status: int, said: str) -> bool:
    """Whether a 400 means the key: xAI's, and LiteLLM's, which looks for an unknown key in a database."""
    return status == 400 and KEY_WORDS.search(said) is not None


def _is_out_of_money(status: int, said: str) -> bool:
    if status == 429:
        return bool(OUT_OF_CREDIT_WORDS.search(said))
    return status == 402 or (status in (400, 403, 415, 422) and bool(BILLING_WORDS.search(said)))


def failure_for(said: str) -> ContentRejected | QuotaError | Unavailable:
    """The error for a job that the provider reports as failed, by its message alone."""
    if MODERATION_WORDS.search(said):
        return ContentRejected(said=without_wrapping(said))
    if BILLING_WORDS.search(said):
        return QuotaError(said=without_wrapping(said))
    return Unavailable(said=without_wrapping(said), blames_model=True)


@contextmanager
def blaming_model() -> Generator[None]:
    """Mark key and credit errors as the model's: a proxy may use a separate key for each model."""
    try:
        yield
    except (AuthError, QuotaError) as error:
        error.blames_model = True
        raise
