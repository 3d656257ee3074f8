# pyright: basic
"""Pictures and uploads: marked, reduced, checked and re-encoded."""

import asyncio
import os
import random
import re
import struct
import threading
import zlib
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms, ImageDraw, PngImagePlugin

from domain import BadResponse, BadUpload, Defect, NotPossible, OtherProportions, Size
from studio import images
from studio.images import codec, containers, decoder_pool, pictures, png, tasks, upload_rules
from studio.images.base import NotAPicture
from studio.images.metadata import ORIENTATION_TAG
from tests.outcomes import option_of
from tests.replay.pictures import HEIC
from tests.studio.conftest import opened, saved
from views.wording.outcomes import explain

CANARY = b"CANARY-7f3a"
ZIP = b"PK\x03\x04" + CANARY + b"PK\x05\x06" + bytes(18)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
SOURCE = b"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia<"


def pixel(data, x, y):
    """Red, green, blue and alpha."""
    return tuple(opened(data).convert("RGBA").crop((x, y, x + 1, y + 1)).tobytes())


def noise(width, height, mode="RGB"):
    return Image.frombytes(mode, (width, height), random.Random(3).randbytes(width * height * len(mode)))


def corner(size=(40, 24), mode="RGB", ground: Any = "blue"):
    """Red in the upper left quarter."""
    image = Image.new(mode, size, ground)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1] // 2 - 1), fill="red")
    return image


def exif(orientation=1):
    data = Image.Exif()
    data[ORIENTATION_TAG] = orientation
    data[0x010E] = CANARY.decode()
    data.get_ifd(0x8825)[29] = "GPS-" + CANARY.decode()
    return data


def bomb(width, height):
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return png.SIGNATURE + b"".join(png.chunk(*c) for c in ((b"IHDR", header), (b"IDAT", bytes(99)), (b"IEND", b"")))


@pytest.fixture
def no_decoding(monkeypatch):
    """Runs decoder tasks in this process."""

    async def here(self, task, data, seconds, **facts):
        return tasks.run_task(task, data, facts)

    def fail(*args, **kwargs):
        pytest.fail("decoded")

    monkeypatch.setattr(decoder_pool.DecoderPool, "run", here)
    monkeypatch.setattr(codec, "decode", fail)


class TestMark:
    async def test_public(self):
        data = await images.marked(saved(corner(), "PNG"), ai=True, facts={"prompt": "a red corner", "seed": "7"})
        assert SOURCE in data
        assert b"a red corner" in data
        assert b"<easel:seed>7<" in data

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    async def test_private(self, kind):
        data = await images.marked(saved(corner(), kind), ai=True, facts=None)
        assert SOURCE in data
        assert b"<dc:" not in data
        assert b"<easel:" not in data

    async def test_painted_by_an_algorithm(self):
        data = await images.marked(saved(corner(), "PNG"), ai=False, facts=None)
        assert b"digitalsourcetype/algorithmicMedia<" in data

    @given(st.binary(max_size=99))
    async def test_no_picture(self, data):
        with pytest.raises(BadResponse):
            await images.marked(data, ai=True, facts=None)
        with pytest.raises(BadResponse):
            images.inspect_picture(data)

    @pytest.mark.parametrize("large", [True, False])
    async def test_a_large_picture_is_run_by_size_in_a_thread(self, monkeypatch, large):
        data, threads = saved(noise(40, 40), "PNG"), []

        def stamp(*_):
            threads.append(threading.current_thread())
            return b"stamped"

        monkeypatch.setattr(pictures, "PARSE_IN_THREAD_BYTES", len(data) - large)
        monkeypatch.setattr(pictures.containers, "stamp", stamp)
        assert await images.marked(data, ai=True, facts=None) == b"stamped"
        assert (threads[0] is not threading.main_thread()) == large

    def test_a_cut_off_picture_is_refused(self):
        data = saved(corner(), "PNG")
        with pytest.raises(BadResponse, match="cut off"):
            images.inspect_picture(data[: len(data) // 2])


class TestFit:
    async def test_a_picture_within_the_limit_is_unchanged(self, no_decoding):
        data = saved(corner(), "PNG")
        assert await images.fit(data, len(data)) == (data, "png", False, False)

    async def test_large_noise_becomes_small_and_keeps_the_mark(self):
        data = await images.marked(saved(noise(1200, 1160), "PNG"), ai=True, facts={"prompt": "static"})
        assert len(data) > 4_000_000
        fitted = await images.fit(data, 500_000)
        assert len(fitted.data) <= 500_000
        assert fitted.reduced
        assert fitted.format == images.inspect_picture(fitted.data).format
        assert opened(fitted.data).size[0] < 1200
        width, height = opened(fitted.data).size
        assert abs(width / height - 1200 / 1160) < 0.01
        assert SOURCE in fitted.data
        assert b"static" in fitted.data
        opened(fitted.data)

    async def test_quality_goes_before_size(self):
        data = saved(noise(300, 300), "PNG")
        fitted = await images.fit(data, len(data) // 3)
        assert (fitted.format, opened(fitted.data).size) == ("webp", (300, 300))

    async def test_an_animation_over_the_limit_is_reduced_to_its_first_frame(self):
        frames = {"save_all": True, "append_images": [Image.new("RGB", (200, 200), "red")]}
        fitted = await images.fit(saved(noise(200, 200), "GIF", **frames), 30_000)
        assert (fitted.reduced, fitted.first_frame_only, opened(fitted.data).size) == (True, True, (200, 200))

    async def test_jpeg_where_it_is_smaller(self):
        data = saved(noise(300, 300), "PNG")
        webp, jpeg = (
            len(encode(codec.decode(containers.parse(data)), 75)) for encode in (codec.encode_webp, codec.encode_jpeg)
        )
        assert jpeg < webp
        assert (await images.fit(data, webp - 1)).format == "jpeg"

    async def test_transparency_stays(self):
        fitted = await images.fit(saved(noise(200, 200, "RGBA"), "PNG"), 20_000)
        assert opened(fitted.data).mode == "RGBA"

    async def test_foreign_xmp_is_not_carried_over(self):
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", f"<x>{CANARY.decode()}</x>")
        fitted = await images.fit(saved(noise(200, 200), "PNG", pnginfo=info), 30_000)
        assert CANARY not in fitted.data

    @pytest.mark.parametrize("limit", [-1, 0, 300])
    async def test_impossible(self, limit):
        data = await images.marked(saved(corner(), "PNG"), ai=True, facts=None)
        with pytest.raises(images.TooLarge, match="as small as"):
            await images.fit(data, limit)

    async def test_a_sound_container_around_rubbish(self):
        with pytest.raises(images.TooLarge, match="decoded"):
            await images.fit(bomb(64, 64), 10)

    async def test_no_picture(self):
        with pytest.raises(BadResponse):
            await images.fit(b"hello", 10)


class TestUpload:
    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
    async def test_only_pixels_pass(self, kind):
        options = {"comment": CANARY} if kind == "JPEG" else {}
        data = saved(corner(), kind, exif=exif(), icc_profile=SRGB, **options) + ZIP
        assert data.count(CANARY) >= 3
        result = await images.read_upload(data)
        assert CANARY not in result
        image = opened(result)
        assert (image.format, image.mode, image.size) == ("PNG", "RGB", (40, 24))
        assert image.info == {}
        assert [part.kind for part in png.parse(result).parts] == [b"IHDR", b"IDAT", b"IEND"]

    @pytest.mark.parametrize("orientation", range(1, 9))
    async def test_orientation_is_applied(self, orientation):
        upright = corner()
        turn = codec.UNDO_ORIENTATION.get(orientation)
        swapped = {
            Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90,
            Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270,
        }
        stored = upright if turn is None else upright.transpose(swapped.get(turn, turn))
        image = opened(await images.read_upload(saved(stored, "PNG", exif=exif(orientation))))
        assert image.tobytes() == upright.tobytes()

    async def test_a_phone_held_upright(self):
        """Orientation 6: the sensor's left column is the top row, so the picture is turned clockwise."""
        data = await images.read_upload(saved(corner(), "JPEG", exif=exif(6), quality=95))
        assert opened(data).size == (24, 40)
        red, _, blue, _ = pixel(data, 20, 4)
        assert red > 200 > 50 > blue

    async def test_damaged_exif_does_not_matter(self):
        data = saved(corner(), "JPEG", exif=b"Exif\0\0II*\0\xff\xff\0\0" + os.urandom(40))
        assert opened(await images.read_upload(data)).size == (40, 24)

    @pytest.mark.parametrize(
        ("mode", "result"),
        [("1", "RGB"), ("L", "RGB"), ("P", "RGB"), ("RGB", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA"), ("CMYK", "RGB")],
    )
    async def test_modes(self, mode, result):
        image = noise(20, 20, "RGBA").convert("RGB").convert(mode) if mode != "RGBA" else noise(20, 20, "RGBA")
        if mode == "LA":
            image.putalpha(noise(20, 20, "L"))
        found = opened(await images.read_upload(saved(image, "JPEG" if mode == "CMYK" else "PNG")))
        assert found.mode == result
        if mode != "CMYK":
            assert found.tobytes() == image.convert(result).tobytes()

    async def test_an_opaque_alpha_channel_is_dropped(self):
        assert opened(await images.read_upload(saved(corner(mode="RGBA"), "WEBP"))).mode == "RGB"

    async def test_a_transparent_colour(self):
        data = await images.read_upload(saved(corner(), "PNG", transparency=(255, 0, 0)))
        assert pixel(data, 0, 0)[3] == 0
        assert pixel(data, 39, 23) == (0, 0, 255, 255)

    @pytest.mark.parametrize(
        ("colour_type", "clear", "other"), [(0, b"\x80\x12", b"\x40\x12"), (2, b"\1\0" * 3, b"\2\0" * 3)]
    )
    async def test_a_transparent_colour_of_16_bits(self, colour_type, clear, other):
        header = struct.pack(">IIBBBBB", 2, 1, 16, colour_type, 0, 0, 0)
        chunks = ((b"IHDR", header), (b"tRNS", clear), (b"IDAT", zlib.compress(b"\0" + clear + other)), (b"IEND", b""))
        data = await images.read_upload(png.SIGNATURE + b"".join(png.chunk(*each) for each in chunks))
        assert (pixel(data, 0, 0)[3], pixel(data, 1, 0)[3]) == (0, 255)

    async def test_16_bits_are_scaled(self):
        image = Image.new("I;16", (3, 1))
        image.putdata([0, 0x8000, 0xFFFF])
        assert opened(await images.read_upload(saved(image, "PNG"))).tobytes() == b"\0\0\0\x80\x80\x80\xff\xff\xff"

    async def test_colours_go_through_the_profile(self):
        swaps = {b"rXYZ": b"gXYZ", b"gXYZ": b"rXYZ"}
        odd = re.sub(b"rXYZ|gXYZ", lambda found: swaps[found[0]], SRGB)
        for image in (corner(), corner(mode="RGBA", ground=(0, 0, 255, 9))):
            data = await images.read_upload(saved(image, "PNG", icc_profile=odd))
            assert opened(data).mode == image.mode
            red, green, *_ = pixel(data, 0, 0)
            assert green > 250 > 5 > red

    async def test_a_broken_profile_does_not_matter(self):
        result = await images.read_upload(saved(corner(), "PNG", icc_profile=b"nonsense"))
        assert opened(result).tobytes() == corner().tobytes()

    async def test_a_photo_with_a_second_picture_behind_it(self):
        data = saved(corner(), "MPO", save_all=True, append_images=[Image.new("RGB", (40, 24), "lime")])
        red, green, *_ = pixel(await images.read_upload(data), 2, 2)
        assert red > 200 > green

    @pytest.mark.parametrize("kind", ["image/png", "image/jpeg", "image/webp", "application/octet-stream", None])
    def test_taken_as_announced(self, kind):
        images.check_announced(images.MAX_UPLOAD, kind, Size(1024, 1024), "image")
        images.check_announced(1, kind, None, "image")

    @pytest.mark.parametrize(
        ("length", "kind", "size"),
        [
            (images.MAX_UPLOAD + 1, "image/png", None),
            (1, "image/png", Size(9_000, 9_000)),
            (1, "image/gif", Size(4, 4)),
            (1, "text/plain; charset=utf-8", None),
        ],
    )
    def test_refused_as_announced(self, length, kind, size):
        with pytest.raises(NotPossible) as caught:
            images.check_announced(length, kind, size, "mask")
        assert option_of(caught.value) == "mask"
        sentence = explain(caught.value)
        assert sentence.startswith("The mask ")
        assert "Send a still PNG" in sentence or "at most" in sentence

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"hello",
            b"<svg/>",
            b"<!doctype html>",
            saved(Image.new("P", (4, 4)), "GIF"),
            saved(Image.new("RGB", (4, 4)), "BMP"),
            bomb(50_000, 50_000),
            bomb(9_000, 9_000),
            saved(corner(), "PNG")[:-20],
            saved(corner(), "PNG") + bytes(images.MAX_UPLOAD),
            saved(corner(), "WEBP", save_all=True, append_images=[Image.new("RGB", (40, 24))]),
        ],
        ids=range(11),
    )
    async def test_refused_before_decoding(self, data, no_decoding):
        for read, field in ((images.read_upload, "image"), (lambda d: images.read_mask(d, Size(1, 1)), "mask")):
            with pytest.raises(NotPossible) as caught:
                await read(data)
            assert option_of(caught.value) == field
            assert explain(caught.value).startswith(f"The {field} ")

    async def test_the_reason_is_a_sentence_for_people(self):
        """No names of classes, and numbers in the units of the limits beside them."""
        reasons = {
            bomb(64, 64): "The image is damaged.",
            bytes(34_694_301): "The image has 33.1 MiB; at most 20 MiB are taken.",
            bytes(images.MAX_UPLOAD + 1): "The image has 20.1 MiB; at most 20 MiB are taken.",
            bomb(9_000, 8_000): "9000x8000 pixels, which are more than 67 megapixels",
        }
        for data, reason in reasons.items():
            with pytest.raises(NotPossible) as caught:
                await images.read_upload(data)
            assert reason in explain(caught.value)

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
    async def test_a_photo_of_24_megapixels_is_made_smaller(self, kind):
        data = await images.read_upload(saved(Image.new("RGB", (6000, 4000), "red"), kind))
        red, green, *_ = pixel(data, 1500, 1000)
        assert images.inspect_picture(data).size == Size(3000, 2000)
        assert red > 250 > 5 > green

    @pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
    @pytest.mark.parametrize(("most", "size"), [(4096, (64, 64)), (4095, (64, 64)), (4000, (32, 32)), (400, (16, 16))])
    def test_an_image_is_reduced_in_any_mode(self, monkeypatch, mode, most, size):
        monkeypatch.setattr(upload_rules, "MAX_KEPT_PIXELS", most)
        made = tasks.run_task("upload", saved(Image.new(mode, (64, 64), 1), "PNG"), {"option": "image"})
        assert (made.size, opened(made.data).size) == (size, size)

    def test_the_colour_that_is_transparent_is_not_mixed(self, monkeypatch):
        monkeypatch.setattr(upload_rules, "MAX_KEPT_PIXELS", 40 * 24 // 4)
        made = tasks.run_task("upload", saved(corner(), "PNG", transparency=(255, 0, 0)), {"option": "image"})
        assert (made.size, pixel(made.data, 0, 0)[3], pixel(made.data, 19, 11)) == ((20, 12), 0, (0, 0, 255, 255))

    async def test_heic_is_read_and_made_smaller(self, monkeypatch):
        images.check_announced(1, "image/heic", None, "image")
        assert images.inspect_picture(await images.read_upload(HEIC)).size == Size(64, 48)
        monkeypatch.setattr(upload_rules, "MAX_KEPT_PIXELS", 1000)
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)  # restored later, as the next line changes it
        codec.configure_pillow()
        assert tasks.run_task("upload", HEIC, {"option": "image"}).size == (32, 24)

    async def test_damaged_heic_is_refused(self):
        for cut in (100, len(HEIC) // 2, len(HEIC) - 3):
            with suppress(BadUpload):
                await images.read_upload(HEIC[:cut])

    def test_without_its_decoder_heic_is_another_format(self, monkeypatch):
        monkeypatch.setattr(codec, "reads_heic", lambda: False)
        with pytest.raises(NotAPicture) as caught:
            tasks.run_task("upload", HEIC, {"option": "image"})
        assert caught.value.defect is Defect.OTHER_FORMAT

    async def test_animated_is_said(self):
        frames = {"save_all": True, "append_images": [Image.new("RGB", (40, 24))]}
        with pytest.raises(BadUpload, match="animated"):
            await images.read_upload(saved(corner(), "PNG", **frames))

    async def test_a_sound_container_around_rubbish(self):
        with pytest.raises(BadUpload, match="decoded"):
            await images.read_upload(bomb(64, 64))

    async def test_every_damage_is_refused_or_read(self):
        dice = random.Random(11)
        for kind in ("JPEG", "WEBP", "PNG"):
            data = saved(corner(), kind, exif=exif(3))
            for _ in range(60):
                broken = bytearray(data)
                broken[dice.randrange(len(broken))] = dice.randrange(256)
                with suppress(NotPossible):
                    opened(await images.read_upload(bytes(broken)))

    async def test_two_at_once(self):
        own = decoder_pool.DecoderPool()
        data = saved(noise(500, 500), "PNG")
        asked = asyncio.gather(*(own.run("upload", data, 60, option="image") for _ in range(6)))
        most = 0
        while not asked.done():
            most = max(most, len(own._busy))
            await asyncio.sleep(0)
        assert most == len(own._idle) == 2
        for worker in own._idle:
            worker.end()


def mask(*box, size=(40, 24), mode="L", ground: Any = 0, fill: Any = 255):
    image = Image.new(mode, size, ground)
    if box:
        ImageDraw.Draw(image).rectangle(box, fill=fill)
    return image


class TestMask:
    SIZE = Size(40, 24)

    async def test_white_is_repainted(self):
        painted = mask(0, 0, 9, 9)
        found = opened(await images.read_mask(saved(painted, "PNG", dpi=(72, 72)), self.SIZE))
        assert (found.format, found.mode, found.size) == ("PNG", "L", self.SIZE)
        assert found.tobytes() == painted.tobytes()
        assert found.info == {}

    @pytest.mark.parametrize("kind", ["PNG", "WEBP"])
    async def test_transparent_is_repainted(self, kind):
        painted = mask(0, 0, 9, 9, mode="RGBA", ground="white", fill=(0, 0, 0, 0))
        found = opened(await images.read_mask(saved(painted, kind, lossless=True), self.SIZE))
        assert found.tobytes() == mask(0, 0, 9, 9).tobytes()

    async def test_an_opaque_alpha_channel_does_not_count(self):
        painted = mask(0, 0, 9, 9).convert("RGBA")
        assert opened(await images.read_mask(saved(painted, "PNG"), self.SIZE)).tobytes() == mask(0, 0, 9, 9).tobytes()

    async def test_resized_without_new_greys(self):
        found = opened(await images.read_mask(saved(mask(0, 0, 9, 9), "PNG"), Size(161, 96)))
        assert found.size == (161, 96)
        assert set(found.tobytes()) == {0, 255}

    async def test_soft_edges_stay(self):
        painted = mask(0, 0, 9, 9)
        painted.putpixel((10, 0), 100)
        assert opened(await images.read_mask(saved(painted, "PNG"), self.SIZE)).getpixel((10, 0)) == 100

    async def test_other_proportions(self):
        with pytest.raises(OtherProportions) as caught:
            await images.read_mask(saved(mask(0, 0, 9, 9), "PNG"), Size(40, 25))
        assert "40x24 pixels and the image 40x25" in explain(caught.value)

    @pytest.mark.parametrize(
        "image", [mask(), mask(0, 0, 9, 9, fill=40), mask(0, 0, 9, 9, mode="RGBA", ground="black", fill=(0, 0, 0, 250))]
    )
    async def test_nothing_to_repaint(self, image):
        with pytest.raises(BadUpload, match="nothing to repaint") as caught:
            await images.read_mask(saved(image, "PNG"), self.SIZE)
        assert option_of(caught.value) == "mask"

    async def test_a_jpeg_mask(self):
        data = await images.read_mask(saved(mask(8, 8, 23, 15), "JPEG"), self.SIZE)
        assert pixel(data, 12, 12)[0] > 250 > 5 > pixel(data, 39, 0)[0]


def test_pillow_warns_of_no_picture_that_we_take():
    assert (Image.MAX_IMAGE_PIXELS or 0) > upload_rules.MAX_PIXELS
