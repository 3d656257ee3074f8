# pyright: basic
"""PNG, JPEG and WebP containers: what is refused, what is dropped, and what must not change."""

import random
import struct
import zlib
from contextlib import suppress
from io import BytesIO
from xml.etree.ElementTree import fromstring

import pytest
from defusedxml.ElementTree import fromstring as safe_fromstring
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms, PngImagePlugin

from domain import Credit, ImageTooLarge, Size
from studio.images import base, jpeg, png, upload_rules, webp
from studio.images.containers import NotAPicture, parse, read_xmp, stamp
from studio.images.metadata import MAX_VALUE, xmp_packet
from tests.studio.conftest import saved


def inspect(data: bytes) -> base.Container:
    return upload_rules.parse_upload(data, "image").container


CANARY = b"CANARY-7f3a"
ZIP = b"PK\x03\x04" + CANARY + b"PK\x05\x06" + bytes(18)
PACKET = xmp_packet(ai=True, facts={"prompt": "a red fox", "seed": "7"})
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def drawing(mode="RGB", size=(53, 37)):
    """A gradient with some noise, which no compressor reduces to nothing."""
    dice = random.Random(5)
    pixels = Image.new("RGBA", size)
    for x in range(size[0]):
        for y in range(size[1]):
            pixels.putpixel((x, y), (x * 4 % 256, y * 6 % 256, dice.randrange(256), (x + y) * 2 % 256))
    if mode == "LA":
        return pixels.convert("RGB").convert("LA")
    return pixels.convert(mode)


def texts():
    info = PngImagePlugin.PngInfo()
    info.add_text("parameters", CANARY.decode())
    info.add_text("zipped", CANARY.decode(), zip=True)
    info.add_itxt("XML:com.adobe.xmp", f"<x>{CANARY.decode()}</x>")
    return info


def exif():
    data = Image.Exif()
    data[0x010E] = CANARY.decode()
    data.get_ifd(0x8825)[29] = CANARY.decode()  # GPSDateStamp
    return data


def interlaced(image):
    """Adam7 by hand, since Pillow does not write it; 8-bit RGB, filter 0."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    width, height = image.size
    raw = b""
    for left, top, across, down in passes:
        for y in range(top, height, down):
            row = b"".join(bytes(image.getpixel((x, y))) for x in range(left, width, across))
            raw += b"\0" + row if row else b""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1)
    return build_png((b"IHDR", header), (b"IDAT", zlib.compress(raw)), (b"IEND", b""))


def build_png(*chunks):
    return png.SIGNATURE + b"".join(png.chunk(*chunk) for chunk in chunks)


def header(width=1, height=1, depth=8, colour_type=0, rest=b"\0\0\0"):
    return b"IHDR", struct.pack(">IIBB", width, height, depth, colour_type) + rest


PIXEL = b"IDAT", zlib.compress(b"\0\0")
END = b"IEND", b""

PNGS = {mode: saved(drawing(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA")}
PNGS |= {
    "I;16": saved(Image.new("I;16", (20, 10), 40000), "PNG"),
    "tRNS": saved(drawing("P"), "PNG", transparency=3),
    "icc": saved(drawing(), "PNG", icc_profile=SRGB, dpi=(72, 72)),
    "interlaced": interlaced(drawing()),
    "canaries": saved(drawing("RGBA"), "PNG", pnginfo=texts(), exif=exif()),
}
JPEGS = {
    "baseline": saved(drawing(), "JPEG"),
    "progressive": saved(drawing(size=(200, 150)), "JPEG", progressive=True, quality=95),
    "restarts": saved(drawing(size=(200, 150)), "JPEG", restart_marker_blocks=3),
    "grey": saved(drawing("L"), "JPEG"),
    "cmyk": saved(drawing("CMYK"), "JPEG"),
    "canaries": saved(drawing(), "JPEG", exif=exif(), comment=CANARY, icc_profile=SRGB, xmp=b"<x>" + CANARY + b"</x>"),
}
WEBPS = {
    "lossy": saved(drawing(), "WEBP"),
    "lossy alpha": saved(drawing("RGBA"), "WEBP"),
    "lossless": saved(drawing(), "WEBP", lossless=True),
    "lossless alpha": saved(drawing("RGBA"), "WEBP", lossless=True),
    "canaries": saved(drawing("RGBA"), "WEBP", exif=exif(), icc_profile=SRGB, xmp=b"<x>" + CANARY + b"</x>"),
}
FILES = {"png": PNGS, "jpeg": JPEGS, "webp": WEBPS}
ALL = {f"{kind} {name}": data for kind, files in FILES.items() for name, data in files.items()}


def walked(data):
    """The parts of a file, as Easel's own parser finds them."""
    return {"png": png, "jpeg": jpeg, "webp": webp}[inspect(data).format].parse(data).parts


def compressed(data):
    """The bytes that hold the pixels: IDAT bodies; tables and scans; VP8 and ALPH bodies."""
    kinds = {
        "png": {b"IDAT", b"PLTE", b"tRNS"},
        "jpeg": jpeg.FRAMES | {jpeg.SOS, jpeg.DHT, jpeg.DQT, jpeg.DRI},
        "webp": {webp.LOSSY, webp.LOSSLESS, webp.ALPHA},
    }[inspect(data).format]
    return [(part.kind, bytes(part.whole)) for part in walked(data) if part.kind in kinds]


def pixels(data):
    with Image.open(BytesIO(data)) as image:
        image.load()
        return image.mode, image.size, image.convert("RGBA").tobytes(), image.info.get("icc_profile")


def test_the_canaries_are_present_before_stamping():
    assert [files["canaries"].count(CANARY) for files in FILES.values()] == [4, 4, 3]


@pytest.mark.parametrize("data", ALL.values(), ids=ALL)
class TestWhole:
    def test_is_recognised(self, data):
        found = inspect(data)
        with Image.open(BytesIO(data)) as image:
            assert (found.format, found.size) == ((image.format or "").lower(), Size(*image.size))

    def test_stamp_changes_neither_pixels_nor_compressed_data(self, data):
        stamped = stamp(data, PACKET)
        assert compressed(stamped) == compressed(data)
        assert pixels(stamped) == pixels(data)
        assert inspect(stamped) == inspect(data)

    def test_stamp_drops_what_is_foreign(self, data):
        stamped = stamp(data + ZIP, PACKET)
        assert CANARY not in stamped
        assert b"PK\x03\x04" not in stamped
        with Image.open(BytesIO(stamped)) as image:
            assert not image.getexif().get(0x010E)
            assert "comment" not in image.info
            assert set(getattr(image, "text", {})) <= {"XML:com.adobe.xmp"}

    def test_the_stamp_is_readable_by_other_libraries(self, data):
        stamped = stamp(data, PACKET)
        assert read_xmp(parse(stamped)) == PACKET
        with Image.open(BytesIO(stamped)) as image:
            image.load()
            found = image.info.get("xmp") or image.info["XML:com.adobe.xmp"]
            assert image.getxmp()
        assert (found.encode() if isinstance(found, str) else found) == PACKET

    def test_stamping_twice_leaves_one_packet(self, data):
        second = xmp_packet(ai=True, facts=None)
        twice = stamp(stamp(data, PACKET), second)
        assert twice == stamp(data, second)
        assert b"red fox" not in twice

    def test_every_cut_is_refused(self, data):
        for at in sorted({*range(12), *(len(data) * step // 50 for step in range(50)), len(data) - 1}):
            with pytest.raises(NotAPicture):
                inspect(data[:at])

    def test_damage_never_raises_anything_else(self, data):
        dice = random.Random(9)
        for _ in range(60):
            broken = bytearray(data)
            for _ in range(dice.choice((1, 1, 4))):
                broken[dice.randrange(min(len(broken), dice.choice((64, 10_000))))] = dice.randrange(256)
            with suppress(NotAPicture):
                inspect(stamp(bytes(broken), PACKET))


@pytest.mark.parametrize("name", ["RGB", "P", "canaries", "interlaced"])
def test_a_flipped_bit_in_a_png_is_refused_or_harmless(name):
    data = PNGS[name]
    for at in range(0, len(data), max(1, len(data) // 400)):
        broken = bytearray(data)
        broken[at] ^= 1 << at % 8
        try:
            inspect(bytes(broken))
        except NotAPicture:
            continue
        assert pixels(bytes(broken)) == pixels(data)


@given(st.sampled_from([b"", png.SIGNATURE, b"\xff\xd8\xff", b"RIFF\x40\0\0\0WEBP"]), st.binary(max_size=200))
def test_arbitrary_bytes(head, tail):
    with suppress(NotAPicture):
        stamp(head + tail, PACKET)


CHUNKS = st.lists(
    st.tuples(
        st.sampled_from([b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tEXt", b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP"]),
        st.binary(max_size=24),
    ),
    max_size=6,
)


@given(CHUNKS)
def test_arbitrary_chunks(chunks):
    riff = webp.chunk(b"RIFF", b"WEBP" + b"".join(webp.chunk(*chunk) for chunk in chunks))
    for data in (build_png(header(), *chunks), build_png(*chunks), riff):
        with suppress(NotAPicture):
            inspect(stamp(data, PACKET))


@given(st.lists(st.tuples(st.integers(0xC0, 0xFF), st.binary(max_size=24)), max_size=6), st.binary(max_size=9))
def test_arbitrary_segments(segments, tail):
    body = b"".join(jpeg.segment(bytes([code]), content) for code, content in segments)
    for data in (b"\xff\xd8" + body + tail, b"\xff\xd8" + body + tail + b"\xff\xd9"):
        with suppress(NotAPicture):
            inspect(stamp(data, PACKET))


def gif():
    return saved(Image.new("P", (4, 4)), "GIF")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"<!doctype html>",
        gif(),
        ZIP,
        b"RIFF",
        b"\xff\xd8\xff",
    ],
)
def test_other_files(data):
    with pytest.raises(NotAPicture):
        inspect(data)


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("50000x50000", build_png(header(50000, 50000), PIXEL, END)),
        ("9000x9000", build_png(header(9000, 9000), PIXEL, END)),
        ("16384x1 ", build_png(header(16384, 1), PIXEL, END)),
        ("0x1 ", build_png(header(0, 1), PIXEL, END)),
        ("makes no sense", build_png(header(depth=3), PIXEL, END)),
        ("makes no sense", build_png(header(rest=b"\0\0\2"), PIXEL, END)),
        ("wrong length", build_png(header(rest=b"\0\0"), PIXEL, END)),
        ("begin with", build_png(PIXEL, header(), END)),
        ("begin with", build_png(header(), header(), PIXEL, END)),
        ("holds no picture", build_png(header(), END)),
        ("holds no picture", build_png(header(), (b"IDAT", b""), END)),
        ("several places", build_png(header(), PIXEL, (b"tEXt", b"a\0b"), PIXEL, END)),
        ("no palette", build_png(header(colour_type=3), PIXEL, END)),
        ("no palette", build_png(header(colour_type=3), PIXEL, (b"PLTE", b"abc"), END)),
        ("palette makes no sense", build_png(header(colour_type=3), (b"PLTE", b"abcd"), PIXEL, END)),
        ("no decoder knows", build_png(header(), (b"NEWS", b""), PIXEL, END)),
        ("animated", build_png(header(), (b"acTL", bytes(8)), PIXEL, END)),
        ("checksum", build_png(header(), PIXEL, END)[:-1] + b"x"),
        ("cut off", build_png(header(), PIXEL)),
        ("more than", build_png(header(), PIXEL, *[(b"tEXt", b"")] * base.MAX_PARTS, END)),
    ],
)
def test_bad_png(reason, data):
    with pytest.raises((NotAPicture, ImageTooLarge), match=reason):
        inspect(data)


def frame(width=1, height=1, depth=8, channels=1, kind=b"\xc0"):
    return jpeg.segment(kind, struct.pack(">BHHB", depth, height, width, channels) + bytes(3 * channels))


TABLE = jpeg.segment(jpeg.DQT, bytes(65)) + jpeg.segment(jpeg.DHT, bytes(17))
SCAN = jpeg.segment(jpeg.SOS, b"\x01\x01\0\0\x3f\0") + b"data"


ANCILLARY = {b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"cICP": 4, b"mDCV": 24, b"cLLI": 8}
BY_TYPE = {
    0: {b"tRNS": 2, b"sBIT": 1, b"bKGD": 2},
    2: {b"tRNS": 6, b"sBIT": 3, b"bKGD": 6},
    3: {b"tRNS": 2, b"sBIT": 3, b"bKGD": 1},
    4: {b"sBIT": 2, b"bKGD": 2},
    6: {b"sBIT": 4, b"bKGD": 6},
}


@pytest.mark.parametrize("colour_type", BY_TYPE)
def test_ancillary_chunks_of_a_png_keep_only_their_own_length(colour_type):
    """libpng warns of any other length."""
    lengths = ANCILLARY | BY_TYPE[colour_type]
    right = [(kind, bytes(length)) for kind, length in lengths.items()]
    wrong = [(kind, bytes(length + by)) for kind, length in lengths.items() for by in (-1, 1) if kind != b"tRNS"]
    wrong += [(b"tRNS", bytes(length)) for length in (0, 3, 7)]
    palette = [(b"PLTE", bytes(6))] if colour_type == 3 else []
    line = zlib.compress(bytes(1 + png.CHANNELS[colour_type]))
    data = build_png(header(colour_type=colour_type), *palette, *wrong, *right, (b"IDAT", line), END)
    kept = [(part.kind, bytes(part.body)) for part in png.parse(stamp(data, b"")).parts]
    assert kept[2:-2] == palette + right


@pytest.mark.parametrize("head", [b"", b"icc", b"icc\0", b"\0\0", b"a" * 80 + b"\0\0", b"icc\0\1"])
def test_a_png_keeps_only_a_profile_that_has_a_name_and_the_one_method(head):
    profiles = [head + zlib.compress(SRGB), b"a" * 79 + b"\0\0" + zlib.compress(SRGB)]
    data = build_png(header(), *((b"iCCP", profile) for profile in profiles), PIXEL, END)
    assert [bytes(part.body) for part in png.parse(stamp(data, b"")).parts if part.kind == b"iCCP"] == profiles[1:]
    assert pixels(stamp(data, b""))[-1] == SRGB


def build_jpeg(*parts, end=b"\xff\xd9"):
    return b"\xff\xd8" + b"".join(parts) + end


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("50000x50000", build_jpeg(TABLE, frame(50000, 50000), SCAN)),
        ("9000x9000", build_jpeg(TABLE, frame(9000, 9000), SCAN)),
        ("1x0 ", build_jpeg(TABLE, frame(1, 0), SCAN)),
        ("header makes no sense", build_jpeg(TABLE, frame(depth=12), SCAN)),
        ("header makes no sense", build_jpeg(TABLE, frame(channels=2), SCAN)),
        ("header makes no sense", build_jpeg(TABLE, frame(), frame(), SCAN)),
        ("header makes no sense", build_jpeg(TABLE, SCAN, frame())),
        ("header makes no sense", build_jpeg(frame(), SCAN, TABLE)),
        ("wrong length", build_jpeg(TABLE, jpeg.segment(b"\xc0", b"\x08"), SCAN)),
        ("browsers do not know", build_jpeg(TABLE, frame(kind=b"\xc3"), SCAN)),
        ("browsers do not know", build_jpeg(TABLE, frame(), SCAN, b"\xff\xd8")),
        ("holds no picture", build_jpeg(TABLE, frame())),
        ("is empty", build_jpeg(TABLE, frame(), SCAN[:-4])),
        ("scan in the JPEG makes no sense", build_jpeg(TABLE, frame(), jpeg.segment(jpeg.SOS, b"\x05") + b"data")),
        ("damaged", build_jpeg(TABLE, frame(), b"junk", SCAN)),
        ("cut off", build_jpeg(TABLE, frame(), SCAN, end=b"")),
        ("cut off", build_jpeg(TABLE, frame(), SCAN, end=b"\xff")),
        ("cut off", build_jpeg(b"\xff\xe0\xff\xff")),
        ("more than", build_jpeg(TABLE, frame(), *[jpeg.segment(jpeg.COM, b"")] * base.MAX_PARTS, SCAN)),
    ],
)
def test_bad_jpeg(reason, data):
    with pytest.raises((NotAPicture, ImageTooLarge), match=reason):
        inspect(data)


def test_jpeg_filling_restarts_and_later_segments():
    scan = SCAN + b"\xff\x00\xff\xd3\xff\xff\x00more\xff\xff"
    data = build_jpeg(b"\xff\xff" + TABLE, frame(), scan, jpeg.segment(jpeg.COM, CANARY), SCAN)
    assert inspect(data).size == Size(1, 1)
    stamped = stamp(data, PACKET)
    assert scan in stamped
    assert CANARY not in stamped


@pytest.mark.parametrize("piece", range(1, 9))
def test_a_jpegs_scan_end_does_not_depend_on_the_search_step(monkeypatch, piece):
    data = saved(drawing(), "JPEG", progressive=True, restart_marker_blocks=1)
    whole = [bytes(part.whole) for part in jpeg.parse(data).parts]
    monkeypatch.setattr(jpeg, "SEARCH_BYTES", piece)
    assert [bytes(part.whole) for part in jpeg.parse(data).parts] == whole
    assert [part.kind for part in jpeg.parse(data).parts].count(jpeg.SOS) > 1


def test_long_fillings_take_linear_time():
    data = build_jpeg(TABLE, frame(), SCAN + b"\xff" * 2_000_000 + b"\0", b"\xff" * 2_000_000)
    assert inspect(data).size == Size(1, 1)


def test_jfif_comes_first_and_loses_its_thumbnail():
    thumbnail = b"JFIF\0\x01\x02\0\0\x01\0\x01\x02\x02" + CANARY + b"\0"
    data = build_jpeg(jpeg.segment(jpeg.COM, b"x"), jpeg.segment(jpeg.APP0, thumbnail), TABLE, frame(), SCAN)
    stamped = stamp(data, PACKET)
    assert stamped.startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x02\0\0\x01\0\x01\0\0\xff\xe1")
    assert CANARY not in stamped


def test_the_adobe_segment_stays_without_its_tail():
    adobe = b"Adobe\0\x64\0\0\0\0\2"
    short = jpeg.segment(jpeg.APP14, b"Adobe" + CANARY[:3])
    data = build_jpeg(short, jpeg.segment(jpeg.APP14, adobe + CANARY), TABLE, frame(), SCAN)
    assert stamp(data, PACKET).count(b"Adobe") == 1
    assert jpeg.segment(jpeg.APP14, adobe) in stamp(data, PACKET)


def test_a_packet_that_no_jpeg_segment_holds():
    with pytest.raises(ValueError, match="does not fit"):
        stamp(JPEGS["baseline"], b"x" * 65_001)
    assert inspect(stamp(JPEGS["baseline"], b"x" * 65_000))


def lossy(width=2, height=2, tag=b"\0\0\0"):
    return b"VP8 ", tag + b"\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"data"


def lossless(width=2, height=2, high=0):
    return b"VP8L", b"\x2f" + struct.pack("<I", (width - 1) | (height - 1) << 14 | high << 28) + b"data"


def extended(width=2, height=2, flags=0):
    return b"VP8X", struct.pack("<I", flags) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")


def build_webp(*chunks):
    return webp.chunk(b"RIFF", b"WEBP" + b"".join(webp.chunk(*chunk) for chunk in chunks))


@pytest.mark.parametrize(
    ("reason", "data"),
    [
        ("9000x9000", build_webp(lossy(9000, 9000))),
        ("9000x9000", build_webp(lossless(9000, 9000))),
        ("differ in size", build_webp(extended(50000, 50000), lossy())),
        ("0x2 ", build_webp(lossy(0, 2))),
        ("differ in size", build_webp(extended(3, 2), lossy())),
        ("one picture", build_webp(extended(flags=2), lossy())),
        ("one picture", build_webp(extended())),
        ("one picture", build_webp(lossy(), lossless())),
        ("one picture", build_webp(lossy(), extended())),
        ("begins with", build_webp()),
        ("begins with", build_webp((b"ICCP", b""), lossy())),
        ("wrong length", build_webp((b"VP8X", b"\0"), lossy())),
        ("key frame", build_webp(lossy(tag=b"\1\0\0"))),
        ("cut off", build_webp(lossy(tag=b"\0\0\1"))),
        ("makes no sense", build_webp(lossless(high=2))),
        ("makes no sense", build_webp((b"VP8L", b"/"))),
        ("cut off", b"RIFF\x0e\0\0\0WEBPVP8 \0\0"),
        ("more than", build_webp(lossy(), *[(b"EXIF", b"")] * base.MAX_PARTS)),
    ],
)
def test_bad_webp(reason, data):
    with pytest.raises((NotAPicture, ImageTooLarge), match=reason):
        inspect(data)


def test_animated_files_from_pillow():
    frames = {"save_all": True, "append_images": [Image.new("RGB", (8, 8), "red")]}
    for kind in ("PNG", "WEBP"):
        with pytest.raises(NotAPicture, match="animated"):
            inspect(saved(Image.new("RGB", (8, 8)), kind, **frames))


@pytest.mark.parametrize("name", WEBPS)
def test_webp_flags_and_lengths(name):
    for xmp in (PACKET, PACKET + b" "):
        stamped = stamp(WEBPS[name], xmp)
        assert len(stamped) % 2 == 0
        assert int.from_bytes(stamped[4:8], "little") == len(stamped) - 8
        assert bool(stamped[20] & webp.HAS_ALPHA) == (name not in {"lossy", "lossless"})
        assert bool(stamped[20] & webp.HAS_PROFILE) == (b"ICCP" in stamped) == (name == "canaries")
        assert stamped[20] & webp.HAS_XMP


def test_unannounced_webp_chunks_stay_inactive():
    stamped = stamp(build_webp(lossy(), (b"ALPH", CANARY), (b"ICCP", CANARY)), PACKET)
    assert CANARY not in stamped


@pytest.mark.parametrize("announced", [True, False])
def test_a_webp_header_without_the_flag_for_alpha_keeps_alpha_inactive(announced):
    header = extended(flags=webp.HAS_ALPHA if announced else 0)
    stamped = stamp(build_webp(header, (b"ALPH", b"\0" * 4), lossy()), PACKET)
    assert (b"ALPH" in stamped) is bool(stamped[20] & webp.HAS_ALPHA) is announced


DEEP = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF/{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
SOURCE = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}DigitalSourceType"
DESCRIPTION = "{http://purl.org/dc/elements/1.1/}description"
EASEL = "{https://easel.invalid/ns/1.0/}"


def properties(xmp):
    assert fromstring(xmp).tag == "{adobe:ns:meta/}xmpmeta"
    return {child.tag: "".join(child.itertext()) for child in safe_fromstring(xmp).iterfind(DEEP + "/*")}


def test_packet():
    found = properties(xmp_packet(ai=True, facts={"prompt": "a <fox> & \"so'\r\n]]>", "model": "x/y", "2 b": "z"}))
    assert found.pop(SOURCE) == "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
    assert found == {
        "{http://ns.adobe.com/xap/1.0/}CreatorTool": "Easel",
        DESCRIPTION: "a <fox> & \"so'\r\n]]>",
        EASEL + "model": "x/y",
        EASEL + "_2_b": "z",
    }


def test_packet_with_a_credit():
    credit = Credit(creator="A & B", licence="CC BY-SA 4.0", url="https://licence.test/")
    found = properties(xmp_packet(ai=False, facts=None, credit=credit))
    assert found["{http://purl.org/dc/elements/1.1/}rights"] == (
        "Contains drawings by A & B, changed; CC BY-SA 4.0, https://licence.test/"
    )
    rights = "{http://ns.adobe.com/xap/1.0/rights/}"
    assert found[rights + "UsageTerms"] == "CC BY-SA 4.0"
    assert found[rights + "WebStatement"] == "https://licence.test/"


def test_packet_without_facts_or_ai():
    found = properties(xmp_packet(ai=False, facts=None))
    assert found[SOURCE].endswith("/algorithmicMedia")
    assert len(found) == 2


@settings(max_examples=200)
@given(st.dictionaries(st.text(max_size=9) | st.just("prompt"), st.text(st.characters(exclude_categories=()))))
def test_any_text_gives_a_sound_packet(facts):
    xmp = xmp_packet(ai=True, facts=facts)
    found = properties(xmp)
    sound = [
        c
        for c in facts.get("prompt", "")
        if c in "\t\n\r" or " " <= c < "\ud800" or "\ue000" <= c not in "\ufffe\uffff"
    ]
    assert found.get(DESCRIPTION, "") == "".join(sound)
    assert inspect(stamp(JPEGS["baseline"], xmp))


def test_a_packet_always_fits():
    xmp = xmp_packet(ai=True, facts={"prompt": "\U0001f98a" * 5000} | {f"fact{n}": '"' * 5000 for n in range(20)})
    assert properties(xmp)[DESCRIPTION] == "\U0001f98a" * MAX_VALUE
    assert len(xmp) < 62_000
