# pyright: basic
"""Members' files: several images, and a mask for the first."""

import pytest

from domain import BadUpload, ImageRequest, Size, Upload, UploadGone
from studio.intake.files import Files, IncomingFile, UploadReader, check_uploads, read_sources
from studio.intake.pending import Acknowledgements
from studio.intake.planning import Planner
from studio.intake.upload_store import UploadStore
from tests.conftest import make_job
from tests.studio.conftest import opened, png

LINKS = ("https://cdn.test/1.png", "https://cdn.test/2.png")
SIZES = (Size(64, 48), Size(32, 32))
WANTED = ImageRequest(
    prompt="a boat", images=tuple(Upload(url=link) for link in LINKS), mask=Upload(url="https://cdn.test/m.png")
)
KEYS = ("uploads/1/400.image", "uploads/1/400.image2", "uploads/1/400.mask")


class Fetching(Planner):
    """A planner whose provider fetches images by link, or not."""

    def __init__(self, fetches: bool) -> None:
        super().__init__({}, "")
        self.fetches = fetches

    async def takes_link(self, job) -> bool:
        return self.fetches


def incoming(data: bytes) -> IncomingFile:
    async def read() -> bytes:
        return data

    return IncomingFile(len(data), "image/png", None, None, read)


@pytest.fixture
def reader(store) -> UploadReader:
    return UploadReader(UploadStore(store.spool, store.jobs, 2**30), Acknowledgements())


@pytest.fixture
async def kept(reader) -> ImageRequest:
    images = (incoming(png("red", SIZES[0])), incoming(png("blue", SIZES[1])))
    return await reader.read(make_job(), WANTED, Files(images, incoming(png("white", SIZES[0]))))


async def test_each_image_is_kept_under_a_key_of_its_own(kept):
    first, second = (Upload(url=link, size=size, key=key) for link, size, key in zip(LINKS, SIZES, KEYS, strict=False))
    assert kept.images == (first, second)
    assert kept.mask == Upload(url="https://cdn.test/m.png", size=SIZES[0], key=KEYS[2])


async def test_the_provider_gets_all_of_them_in_their_order(store, kept):
    sources = await read_sources(store.spool, make_job(request=kept))
    assert [opened(each.data).getpixel((0, 0)) for each in sources.images] == [(255, 0, 0), (0, 0, 255)]
    assert tuple(each.url for each in sources.images) == LINKS
    assert opened(sources.mask or b"").size == SIZES[0]


@pytest.mark.parametrize("cleared", KEYS)
async def test_every_file_must_exist(store, kept, cleared):
    job = make_job(request=kept)
    await check_uploads(store.spool, job, Fetching(True))
    await store.spool.delete([cleared])
    for gone in (check_uploads(store.spool, job, Fetching(False)), read_sources(store.spool, job)):
        with pytest.raises(UploadGone):
            await gone


async def test_a_provider_that_fetches_images_needs_the_links_of_all(store, kept):
    images = (kept.images[0], kept.images[1].model_copy(update={"url": None}))
    job = make_job(request=kept.model_copy(update={"images": images}))
    await check_uploads(store.spool, job, Fetching(False))
    with pytest.raises(UploadGone):
        await check_uploads(store.spool, job, Fetching(True))


async def test_the_unreadable_image_is_named(reader):
    with pytest.raises(BadUpload) as caught:
        await reader.read(make_job(), WANTED, Files((incoming(png()), incoming(b"no image"))))
    assert caught.value.option == "image2"
