# pyright: basic
"""Providers' pictures: shown, converted, repaired, or kept as files; a decompression bomb ends only its own process."""

import asyncio
import os
import random
import struct
import sys
import zlib
from collections import Counter
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from domain import BadResponse, BadUpload, Defect, Drawn, NoRoom, NotPossible, Room, Size, TooManyScans
from domain.kinds import KINDS, kind_of
from providers.http.answers import Answer
from studio import images
from studio.images import (
    codec,
    decoder,
    decoder_pool,
    gif,
    jpeg,
    messages,
    metadata,
    pictures,
    png,
    tasks,
    uploads,
)
from studio.images.base import MAX_PARTS
from tests.replay.pictures import SRGB, animation, bomb, draw, foreign, with_scans, with_steps
from tests.studio.conftest import opened, saved

FOREIGN = foreign()
WAYS = {
    "avif": "converted",
    "tiff": "converted",
    "bmp": "converted",
    "heic": "converted",
    "half": "mended",
    "svg": "file",
    "video": "file",
}
"""Formats that are not shown unchanged."""
PLAIN = {kind: draw("a fox", (53, 37), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF")}


async def marked(data):
    return await images.marked(data, ai=True, facts={"prompt": "a fox"})


def turned(kind, orientation):
    block = Image.Exif()
    block[metadata.ORIENTATION_TAG] = orientation
    block[0x010E] = "CANARY"
    return saved(opened(PLAIN["PNG"]), kind, exif=block)


def without_tables(data):
    kept = [part.whole for part in jpeg.parse(data).parts if part.kind != jpeg.DHT]
    return b"\xff\xd8" + b"".join(kept) + b"\xff\xd9"


@pytest.mark.parametrize("name", FOREIGN)
async def test_other_formats_are_converted_or_kept_as_files(name):
    data, _ = FOREIGN[name]
    got = await images.receive(data)
    assert got.way == WAYS.get(name, "shown")
    if got.way in ("shown", "file"):
        assert got.data == data
    if got.way != "file":
        assert got.size == opened(await marked(got.data)).size
        assert b"trainedAlgorithmicMedia" in await marked(got.data)


async def test_a_converted_picture_keeps_its_pixels():
    got = await images.receive(FOREIGN["heic"][0])
    image = opened(got.data)
    assert (got.kind, image.format, image.size) == ("heic", "PNG", (64, 48))
    assert image.getpixel((5, 5)) == pytest.approx((255, 0, 0), abs=60)
    assert image.getpixel((60, 40)) == pytest.approx((0, 0, 255), abs=60)


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
async def test_animations_stay_animated(kind):
    data = await marked(animation(kind))
    image = Image.open(BytesIO(data))
    assert getattr(image, "n_frames", 1) == 2
    for number, colour in enumerate([(255, 0, 0), (0, 0, 255)]):
        image.seek(number)
        assert image.convert("RGB").getpixel((3, 3)) == pytest.approx(colour, abs=6)
    assert b"trainedAlgorithmicMedia" in data
    assert image.info.get("loop") == Image.open(BytesIO(animation(kind))).info.get("loop")


@pytest.mark.parametrize(
    ("kind", "body"),
    [(b"acTL", bytes(7)), (b"acTL", bytes(9)), (b"fcTL", bytes(25)), (b"fcTL", bytes(30)), (b"fdAT", bytes(4))]
    + [(b"fcTL", struct.pack(">5I6x", *first)) for first in [(1, 16, 16, 0, 0), (0, 8, 8, 0, 0), (0, 16, 16, 0, 1)]],
)  # fmt: skip
async def test_an_invalid_animation_is_reduced_to_its_still_picture(kind, body):
    parts = png.parse(animation("PNG")).parts
    chunks = [png.chunk(kind, body) if part.kind == kind else bytes(part.whole) for part in parts]
    got = await images.receive(png.SIGNATURE + b"".join(chunks))
    assert [part.kind for part in png.parse(await marked(got.data)).parts] == [b"IHDR", b"iTXt", b"IDAT", b"IEND"]
    assert opened(await marked(got.data)).convert("RGB").getpixel((3, 3)) == (255, 0, 0)


async def test_foreign_text_in_a_gif_is_dropped():
    data = saved(Image.new("P", (4, 4)), "GIF", comment=b"CANARY")
    assert b"CANARY" in data
    assert b"CANARY" not in await marked(data)
    assert [part.kind for part in gif.parse(await marked(data)).parts] == [gif.HEAD, gif.APPLICATION, gif.IMAGE]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_rotated_picture_keeps_its_orientation_and_has_its_shown_size(kind, orientation):
    data = turned(kind, orientation)
    got, sent = await images.receive(data), opened(await marked(data))
    assert sent.size == (53, 37)
    assert sent.getexif().get(metadata.ORIENTATION_TAG, 1) == orientation
    assert b"CANARY" not in await marked(data)
    assert got.size == ((37, 53) if orientation >= 5 and kind != "WEBP" else (53, 37)), "as Chromium shows it"
    small = await images.fit(await marked(data), len(await marked(data)) - 1)
    assert (opened(small.data).width < opened(small.data).height) == (orientation >= 5)


@pytest.mark.parametrize("kind", ["AVIF", "TIFF"])
async def test_a_converted_picture_is_upright(kind):
    got = await images.receive(turned(kind, 6))
    assert (got.way, got.size, opened(got.data).size) == ("converted", (37, 53), (37, 53))
    assert metadata.ORIENTATION_TAG not in opened(got.data).getexif()


@pytest.mark.parametrize(
    "data",
    [
        png.SIGNATURE + png.chunk(b"IHDR", struct.pack(">IIBBBBB", 512, 512, 8, 2, 0, 0, 0))
        + png.chunk(b"IDAT", b"not what zlib writes") + png.chunk(b"IEND", b""),
        b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8 " + struct.pack("<I", 10) + b"\0\0\0\x9d\x01\x2a\x35\0\x25\0",
        without_tables(PLAIN["JPEG"]),
        b"GIF89a" + bytes(30),
        PLAIN["PNG"][:40],
        b"<html>", b"{}", b"",
    ],
    ids=range(8),
)  # fmt: skip
async def test_no_picture_at_all(data):
    with pytest.raises(BadResponse):
        await images.receive(data)


@pytest.mark.parametrize(
    "data",
    [b"II*\0", b"MM\0*" + bytes(40), b"<svg >", b"<svg xmlns='http://www.w3.org/2000/svg'></svg>", b"\xff\x0a", b"BM",
     b"BM" + bytes(60), b"8BPS\0\1" + bytes(60), b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(60), b"\xff\x4f\xff\x51",
     b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60), b"\x1aE\xdf\xa3" + bytes(90), b"\0\0\0\x18ftypavif",
     b"    ftyp" + bytes(90), b"\0\0\0\x18ftypmp42"],
)  # fmt: skip
def test_a_signature_alone_is_not_a_picture(data):
    assert kind_of(data) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<?xml version='1.0'?>\n<svg\n width='8'>\n<path d='M0 0'/></svg>", "svg"),
        (struct.pack("<2sI4xII", b"BM", 58, 54, 40) + bytes(40), "bmp"),
        (struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 8, 8, 8, 3) + bytes(30), "psd"),
        (struct.pack("<2sHI", b"II", 42, 8) + bytes(18), "tiff"),
        (struct.pack(">2sHHHQ", b"MM", 43, 8, 0, 16) + bytes(30), "tiff"),
        (b"\0\0\0\x0cJXL \r\n\x87\n\0\0\0\x14ftypjxl " + bytes(12), "jxl"),
        (b"\xff\x0a" + bytes(20), "jxl"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 " + bytes(60), "jp2"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\xf2\x81\4B\xf3\x81\x08B\x82\x84webm" + bytes(60), "webm"),
    ],
)
def test_formats_without_a_decoder_are_kept_as_files(data, kind):
    assert kind_of(data) == kind


@pytest.mark.parametrize("kind", KINDS)
async def test_every_known_kind_is_inspected(kind):
    """Every kind that is accepted from a provider is known to the inspection."""
    (data,) = [data for data, _ in FOREIGN.values() if kind_of(data) == kind][:1] or [PLAIN.get(kind.upper(), b"")]
    assert Answer(200, {}, data).is_picture() == bool(data)


async def test_every_damaged_file_is_shown_or_repaired_or_refused():
    """A picture that is sent unchanged can be decoded by a strict decoder."""
    dice, ways = random.Random(7), Counter[str]()
    for data in (*PLAIN.values(), animation("WEBP"), animation("PNG"), turned("JPEG", 6)):
        for _ in range(40):
            broken = bytearray(data[: dice.choice((len(data), dice.randrange(len(data))))])
            for _ in range(dice.randrange(4)):
                broken[dice.randrange(len(broken) or 1) : dice.randrange(len(broken) or 1)] = dice.randbytes(2)
            try:
                got = await images.receive(bytes(broken))
            except BadResponse:
                continue
            ways[got.way] += 1
            if got.way != "file":
                opened(await marked(got.data))
    assert ways["shown"] > 9 < ways["mended"]


async def test_a_picture_that_takes_too_long_is_kept_as_a_file(monkeypatch):
    monkeypatch.setattr(pictures, "RECEIVE_SECONDS", 0.05)
    data = saved(Image.effect_noise((4000, 4000), 60), "TIFF")
    got = await images.receive(data)
    assert (got.way, got.data, got.size) == ("file", data, None)
    monkeypatch.undo()
    assert (await images.receive(PLAIN["PNG"])).way == "shown"


async def test_an_upload_that_takes_too_long_is_refused_and_the_next_one_read(monkeypatch):
    monkeypatch.setattr(uploads, "DECODE_SECONDS", 0.05)
    with pytest.raises(BadUpload) as caught:
        await images.read_upload(with_scans(100))
    assert caught.value == BadUpload(option="image", defect=Defect.TOO_SLOW)
    monkeypatch.undo()
    assert opened(await images.read_upload(PLAIN["PNG"])).size == (53, 37)


async def test_interrupt_ends_running_tasks():
    reading = asyncio.create_task(images.read_upload(with_scans(100)))
    while not images.DECODERS._busy:
        await asyncio.sleep(0)
    images.DECODERS.interrupt()
    with pytest.raises(NotPossible):
        await reading


async def test_scans_are_counted_before_decoding():
    with pytest.raises(TooManyScans, match="101 scans"):
        await images.read_upload(with_scans(101))
    assert (await images.receive(with_scans(101))).way == "file"


async def test_only_plain_profiles_are_applied(monkeypatch):
    assert codec.is_plain_profile(SRGB)
    monkeypatch.setattr(uploads, "DECODE_SECONDS", 600)
    for odd in (with_steps(20_000), SRGB[:300], b"nonsense", SRGB + bytes(codec.MAX_PROFILE_BYTES)):
        assert not codec.is_plain_profile(odd)
    data = saved(opened(PLAIN["PNG"]), "PNG", icc_profile=with_steps(3))
    assert opened(await images.read_upload(data)).tobytes() == opened(PLAIN["PNG"]).tobytes()


async def test_the_decoder_process_has_limits_and_no_secrets(monkeypatch):
    monkeypatch.setitem(os.environ, "DISCORD_TOKEN", "CANARY")
    own = decoder_pool.DecoderPool(1)
    await own.run("receive", PLAIN["PNG"], 60)
    (idle,) = own._idle
    given, limits = (said(idle, what) for what in ("environ", "limits"))
    idle.end()
    assert "CANARY" not in given
    assert str(decoder.MAX_MEMORY) in limits
    assert 60 < int(limits.partition("Max cpu time")[2].split()[0]) < 90


def said(process, what):
    """A value that Linux states of a process."""
    return Path(f"/proc/{process._process.pid}/{what}").read_text(encoding="utf-8")


async def test_a_picture_too_large_to_decode_is_shown_but_not_reduced():
    data = saved(Image.new("1", (9000, 9000)), "PNG")
    got = await images.receive(data)
    assert (got.way, got.size) == ("shown", (9000, 9000))
    with pytest.raises(images.TooLarge, match="9000x9000 pixels"):
        await images.fit(data, 1000)


async def test_a_process_that_exited_idle_is_replaced():
    own = decoder_pool.DecoderPool(1, idle_seconds=0.0)
    for _ in range(3):
        assert (await own.run("receive", PLAIN["PNG"], 60)).way == "shown"
    for rested in own._idle:
        rested.end()


async def test_a_killed_or_crashed_process_is_replaced(monkeypatch):
    own = decoder_pool.DecoderPool(1)
    for _ in range(2):
        assert (await own.run("receive", PLAIN["PNG"], 60)).way == "shown"
        (idle,) = own._idle
        idle._process.kill()
        idle._process.wait()
    monkeypatch.setattr(decoder_pool, "COMMAND", (sys.executable, "-c", "raise SystemExit(3)"))
    with pytest.raises(decoder_pool.DecodingFailed, match="ended with 3"):
        await own.run("receive", PLAIN["PNG"], 60)
    assert own._idle == []


ONE_ANSWER = """
import sys
from studio.images.messages import read, write
read(sys.stdin.buffer)
write(sys.stdout.buffer, {"size": None, "way": "shown"}, b"")
read(sys.stdin.buffer)
sys.exit(9)
"""


async def test_after_all_idle_processes_are_killed_a_new_one_reads_the_picture(monkeypatch):
    """As by a system out of memory: each seems alive until it gets a task."""
    monkeypatch.setattr(decoder_pool, "COMMAND", (sys.executable, "-c", ONE_ANSWER))
    own = decoder_pool.DecoderPool()
    own._idle += [decoder_pool.DecoderProcess(60), decoder_pool.DecoderProcess(60)]
    for each in own._idle:
        each.ask("receive", b"", {}, 60)
    assert (await own.run("receive", PLAIN["PNG"], 60)).way == "shown"
    for each in own._idle:
        each.end()


def unknown_task(file, header, data):
    messages.write(file, header | {"task": "none"}, data)


async def test_a_bug_loses_neither_the_process_nor_the_picture(monkeypatch):
    own = decoder_pool.DecoderPool(1)
    monkeypatch.setattr(pictures, "DECODERS", own)
    monkeypatch.setattr(decoder_pool, "write", unknown_task)
    assert (await images.receive(PLAIN["JPEG"])).way == "file"
    monkeypatch.undo()
    (idle,) = own._idle
    assert (await own.run("receive", PLAIN["JPEG"], 60)).way == "shown"
    assert own._idle == [idle]
    idle.end()


async def test_a_process_that_cannot_be_started_is_not_the_files_fault(monkeypatch):
    monkeypatch.setattr(decoder_pool, "COMMAND", ("/no/such/program",))
    own = decoder_pool.DecoderPool()
    for module in (uploads, pictures):
        monkeypatch.setattr(module, "DECODERS", own)
    with pytest.raises(NoRoom) as caught:
        await images.read_upload(PLAIN["PNG"])
    assert caught.value.room is Room.TURNS
    assert (await images.receive(PLAIN["JPEG"])).way == "file"


async def test_a_thread_that_cannot_be_started_loses_no_picture(monkeypatch):
    def fail(*_):
        raise RuntimeError("can't start new thread")

    own = decoder_pool.DecoderPool()
    monkeypatch.setattr(pictures, "DECODERS", own)
    monkeypatch.setattr(decoder_pool.Timer, "start", fail)
    assert (await images.receive(PLAIN["JPEG"])).way == "file"
    for each in own._idle:
        each.end()


async def test_two_threads_that_take_the_last_idle_process_get_one_each():
    class Taken(list[decoder_pool.DecoderProcess]):
        """An idle list that another thread has just emptied."""

        def __len__(self):
            return 1

    own = decoder_pool.DecoderPool()
    own._idle = Taken()
    assert (await own.run("receive", PLAIN["PNG"], 60)).way == "shown"
    (idle,) = own._idle
    idle.end()


SLOW = """
import sys
from studio.images.messages import read, write
while True:
    facts, data = read(sys.stdin.buffer)
    if facts["task"] == "receive":
        write(sys.stdout.buffer, {"size": None, "way": "shown"}, b"")
"""


async def test_arrivals_do_not_wait_for_slow_tasks(monkeypatch):
    """Uploads, previews and copies have threads of their own."""
    monkeypatch.setattr(decoder_pool, "COMMAND", (sys.executable, "-c", SLOW))
    own = decoder_pool.DecoderPool()
    for module in (uploads, pictures):
        monkeypatch.setattr(module, "DECODERS", own)
    marked = await images.marked(PLAIN["PNG"], ai=True, facts=None)
    slow: list[asyncio.Task[Any]] = [asyncio.create_task(images.read_upload(PLAIN["PNG"])) for _ in range(4)]
    slow += [asyncio.create_task(images.fit(marked, 1, lane=images.Lane.OTHERS)) for _ in range(4)]
    while len(own._busy) < decoder_pool.MAX_PROCESSES - 2:
        await asyncio.sleep(0)
    slow += [asyncio.create_task(images.fit(marked, 1)) for _ in range(4)]
    while len(own._busy) < decoder_pool.MAX_PROCESSES - 1:
        await asyncio.sleep(0)
    assert (await images.receive(PLAIN["JPEG"])).way == "shown"
    assert not any(each.done() for each in slow)
    for each in slow:
        each.cancel()
    own.interrupt()
    await asyncio.gather(*slow, return_exceptions=True)
    for each in own._idle:
        each.end()


async def test_an_intact_png_is_inspected_in_a_thread(monkeypatch):
    own = decoder_pool.DecoderPool()
    monkeypatch.setattr(pictures, "DECODERS", own)
    got = await images.receive(PLAIN["PNG"])
    assert (got.way, got.size, own._idle) == ("shown", (53, 37), [])
    large = saved(Image.new("RGB", (3000, 3000)), "PNG")
    others = {"shown": large, "mended": FOREIGN["half"][0]}
    for way, data in others.items():
        assert (await images.receive(data)).way == way
        (idle,) = own._idle
    idle.end()


def interlaced(width: int, height: int, packed: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 1)
    return png.SIGNATURE + b"".join(png.chunk(*each) for each in ((b"IHDR", header), (b"IDAT", packed), (b"IEND", b"")))


async def test_a_png_too_large_to_decode_is_decompressed_or_kept_as_a_file():
    large = saved(Image.new("1", (10_000, 7_000)), "PNG")
    assert (await images.receive(large)).way == "shown"
    assert (await images.receive(bomb(9_000))).way == "file"
    assert (await images.receive(interlaced(9_000, 9_000, zlib.compress(bytes(64))))).way == "file"
    assert (await images.receive(saved(Image.new("L", (9_000, 8_000)), "JPEG"))).way == "shown"
    assert (await images.receive(saved(Image.new("1", (9_000, 8_000)), "GIF"))).way == "file"


@pytest.mark.parametrize("side", [2**31 - 1, 2**31, 2**32 - 1])
async def test_an_absurd_header_does_not_crash_the_process(side):
    own = decoder_pool.DecoderPool(1)
    own._idle = [idle] = [decoder_pool.DecoderProcess(60)]
    assert (await own.run("receive", bomb(side), 60)).way == "file"
    assert own._idle == [idle]
    idle.end()


def test_scanlines_are_checked_whatever_the_decompression_step(monkeypatch):
    data = saved(opened(PLAIN["PNG"]).resize((301, 203)), "PNG")
    parts = png.parse(data).parts
    for step in (2**20, 1, 7, 903, 904, 10_000):
        monkeypatch.setattr(png, "UNPACK_STEP", step)
        assert png.is_complete(parts)
        assert png.unpacked_length(parts) == 904 * 203
        for at in (0, 904, 904 * 202):
            lines = bytearray(904 * 203)
            lines[at] = 5
            wrong = png.Part(b"IDAT", memoryview(b""), memoryview(zlib.compress(lines)))
            assert not png.is_complete([parts[0], wrong])
        for length in (904 * 203 - 1, 904 * 203 + 1):
            wrong = png.Part(b"IDAT", memoryview(b""), memoryview(zlib.compress(bytes(length))))
            assert not png.is_complete([parts[0], wrong])


def in_tiny_parts(count: int) -> bytes:
    """A GIF with a comment of this many sub-blocks."""
    whole = PLAIN["GIF"]
    at = 13 + (3 << (whole[10] & 7) + 1)
    return whole[:at] + b"!\xfe" + b"\1x" * count + b"\0" + whole[at:]


async def test_a_file_with_too_many_parts_is_kept_as_a_file():
    assert (await images.receive(in_tiny_parts(1_000))).way == "shown"
    data = in_tiny_parts(gif.MAX_SUB_BLOCKS)
    got = await images.receive(data)
    assert (got.way, got.data) == ("file", data)
    whole = PLAIN["PNG"]
    data = whole[:33] + png.chunk(b"tEXt", b"") * MAX_PARTS + whole[33:]
    assert (await images.receive(data)).way == "file"


@pytest.mark.parametrize("step", ["decode_foreign", "encode_png"])
def test_a_picture_that_exceeds_memory_is_kept_as_a_file(step, monkeypatch):
    def fail(*_, **__):
        raise MemoryError

    monkeypatch.setattr(codec, step, fail)
    assert tasks.run_task("receive", bmp("red"), {}).way == "file"


async def test_floats_are_scaled_to_the_brightest_value():
    for most in (0.5, 1.0, 1000.0):
        image = Image.new("F", (2, 1))
        image.putpixel((0, 0), most)
        got = await images.receive(saved(image, "TIFF"))
        assert opened(got.data).getpixel((0, 0)) == pytest.approx((255 * min(most, 1),) * 3, abs=1)


async def test_an_answer_is_never_returned_for_the_next_file(monkeypatch):
    own, read, calls = decoder_pool.DecoderPool(1), decoder_pool.read, iter([MemoryError()])

    def once(file):
        if error := next(calls, None):
            raise error
        return read(file)

    monkeypatch.setattr(decoder_pool, "read", once)
    with pytest.raises(decoder_pool.DecodingFailed):
        await own.run("receive", bmp("red"), 60)
    made = await own.run("receive", bmp("blue"), 60)
    for idle in own._idle:
        idle.end()
    assert Image.open(BytesIO(made.data)).getpixel((0, 0)) == (0, 0, 255)


def bmp(colour: str) -> bytes:
    return saved(Image.new("RGB", (64, 64), colour), "BMP")


def test_ways_of_earlier_versions_are_read():
    assert Drawn.model_validate({"call": 0, "key": "k", "size": [1, 2]}).way == "shown"


def test_the_orientation_is_read_in_either_order_and_damage_is_upright():
    little = b"II*\0" + struct.pack("<IHHHIHHI", 8, 1, metadata.ORIENTATION_TAG, 3, 1, 6, 0, 0)
    assert metadata.orientation(little) == metadata.orientation(metadata.orientation_block(little)) == 6
    assert [metadata.orientation(each) for each in (None, b"", b"MM\0*", little[:15], b"MM\0*" + bytes(40))] == [1] * 5
    assert metadata.upright_size(Size(3, 2), little) == Size(2, 3)


async def test_without_its_decoder_only_heic_is_kept_as_a_file(tmp_path, monkeypatch):
    """As after an upgrade without `pip install`."""
    (tmp_path / "pi_heif.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), str(decoder_pool.ROOT)])
    monkeypatch.setattr(decoder_pool, "ENVIRONMENT", decoder_pool.ENVIRONMENT | {"PYTHONPATH": path})
    own = decoder_pool.DecoderPool(1)
    monkeypatch.setattr(pictures, "DECODERS", own)
    kinds = {"heic": "file", "avif": "converted", "tiff": "converted", "bmp": "converted"}
    try:
        assert {kind: (await images.receive(FOREIGN[kind][0])).way for kind in kinds} == kinds
        assert (await images.receive(PLAIN["PNG"])).way == "shown"
    finally:
        for worker in own._idle:
            worker.end()
