"""Puts the images of a request where a Replicate model can read them: inline, or as files of the account."""

from domain import Acceptance, ProviderError, Sources
from providers.http.api import Api
from providers.http.bodies import FormPart
from providers.http.encoding import data_url
from providers.http.parsing import Reply
from providers.replicate.inputs import Files

MAX_INLINE_BYTES = 256 * 1000
"""Above it, Replicate asks for a link in place of a data URL."""


class Links(Reply):
    get: str


class Uploaded(Reply):
    urls: Links


async def upload_large(api: Api, sources: Sources) -> Files:
    """Data URLs of the small images, and links to the large ones, which are uploaded and expire by themselves."""
    try:
        images = [await _placed(api, each.data) for each in sources.images]
        return Files(images, await _placed(api, sources.mask) if sources.mask else None)
    except ProviderError as error:
        error.taken = Acceptance.NOT_TAKEN  # nothing is paid before the prediction
        raise


async def _placed(api: Api, png: bytes) -> str:
    if len(png) <= MAX_INLINE_BYTES:
        return data_url(png) or ""
    part = FormPart("content", png, filename="image.png", kind="image/png")
    answer = await api.send("POST", "files", form=[part])
    return answer.raise_for_status().parse(Uploaded).urls.get
