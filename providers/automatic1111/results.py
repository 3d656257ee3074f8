"""Parses the servers' responses and errors."""

import re
from typing import Annotated, Any

from pydantic import BeforeValidator

from domain import Acceptance, Cause, InvalidRequest, ProviderFailure, Unavailable
from domain.numbers import Place, Seed
from providers.http.answers import Answer, one_line
from providers.http.failures import ErrorDetails, error_for
from providers.http.parsing import NONE_IF_INVALID, Reply, read_json
from providers.kit.results import picture_of, pictures_in

OUT_OF_MEMORY = re.compile(r"out ?of ?memory", re.IGNORECASE)
SAMPLER = re.compile(r"sampler|scheduler", re.IGNORECASE)
CHECKPOINT = re.compile(r"checkpoint|model", re.IGNORECASE)
IMAGE = re.compile(r"invalid encoded image|init image", re.IGNORECASE)
GENERIC_ERRORS = ("HTTPException", "server_error")
"""Generic error names, left out of messages."""


class GenerationInfo(Reply):
    seed: Seed = None
    all_seeds: Annotated[list[Seed] | None, NONE_IF_INVALID] = None
    index_of_first_image: Place = None


class Result(Reply):
    """Response of txt2img and img2img; `info` is JSON in a string, or an empty one."""

    images: Annotated[list[Annotated[str, BeforeValidator(picture_of)]] | None, NONE_IF_INVALID] = None
    info: Any = None

    def own_pictures(self, count: int, seed: int | None) -> list[tuple[str, int | None]]:
        """The requested pictures with seeds, without a leading grid and trailing control maps."""
        info, images = read_info(self.info), list(filter(None, self.images or ()))
        text_part = info.index_of_first_image or 0
        first = text_part if 0 <= text_part < len(images) else 0
        start = info.seed if seed is None or seed < 0 else seed
        pictures = images[first : first + count]
        counted = [None if start is None else start + place for place in range(len(pictures))]
        seeds = (info.all_seeds or [])[: len(pictures)]
        return list(zip(pictures, [*seeds, *counted[len(seeds) :]], strict=True))


class Refusal(Reply):
    error: Any = None
    detail: Any = None
    message: Any = None
    errors: Any = None


def result_of(answer: Answer) -> Result:
    """The parsed response; pictures are searched elsewhere where `images` is empty."""
    result = answer.parse(Result)
    return result if any(result.images or ()) else Result(images=pictures_in(answer.data()), info=result.info)


def read_info(text: object) -> GenerationInfo:
    """The usable part of `info`; stable-diffusion.cpp may leave it empty."""
    try:
        return GenerationInfo.model_validate(read_json(text) if isinstance(text, str) else text)
    except ValueError:
        return GenerationInfo()


def checked(answer: Answer) -> Answer:
    """Return the response, or raise its error."""
    if answer.ok:
        return answer
    raise _error(answer)


def _error(answer: Answer) -> ProviderFailure:
    text = _sentence(answer)
    text_part = ErrorDetails(detail=str(answer.status), said=text, reference=None)
    if OUT_OF_MEMORY.search(text):
        return Unavailable(**text_part, cause=Cause.OUT_OF_MEMORY, option="size")
    if answer.status in (400, 404) and SAMPLER.search(text):
        return InvalidRequest(**text_part, option="scheduler")
    if answer.status == 500 and IMAGE.search(text):
        return InvalidRequest(**text_part, option="image")
    if answer.status in (404, 405) and not (CHECKPOINT.search(text) or IMAGE.search(text)):
        return Unavailable(**text_part, cause=Cause.NO_API, taken=Acceptance.NOT_TAKEN)
    return error_for(answer.status, text, retry_after=answer.retry_after(), option=answer.blamed_option())


def _sentence(answer: Answer) -> str:
    """The message: `error` has its type, `detail`, `message` or `errors` its text."""
    refusal = answer.parse_or_none(Refusal) or Refusal()
    text_part = next(
        (each for each in (refusal.detail, refusal.message, refusal.errors) if each and isinstance(each, str)), ""
    )
    if not isinstance(refusal.error, str) or not text_part:
        return one_line(text_part) or answer.error_text()
    return one_line(text_part if refusal.error in GENERIC_ERRORS else f"{refusal.error}: {text_part}")
