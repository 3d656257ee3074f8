"""Repaints a picture in a style. detail: from coarse to 1, fine; loose: from tidy to 1, loose."""

from math import cos, sin

import numpy as np
from PIL import Image, ImageFilter

from providers.sketch.canvas import Plane, colour_of, filled, image_of, mix, noise, soften, step

PAPER, BLACK = colour_of("fbf8f0"), colour_of("171621")
BAYER = np.array(((0, 8, 2, 10), (12, 4, 14, 6), (3, 11, 1, 9), (15, 7, 13, 5)), np.float32) / 16 - 0.47
ANGLES = 24


def oil(picture: Plane, rng: np.random.Generator, detail: float, loose: float) -> Plane:
    """Brush strokes along the contours, from broad to fine; fine ones only where the picture still differs."""
    (height, width), target = picture.shape[:2], image_of(picture)
    side, small = (height * width) ** 0.5, target.convert("L").reduce(8).filter(ImageFilter.GaussianBlur(1.5))
    down, right = np.gradient(np.asarray(small, np.float32) / 255)
    drift = np.exp(6j * (noise(rng, down.shape, 2.2, 2) - 0.5)) * 0.0008  # where there is no edge to follow
    flow = np.angle(drift - (right + 1j * down) ** 2) / (2 * np.pi)
    wet = target.copy()
    wet.putalpha(128)
    for depth, parts in enumerate((20, 36, 60 + 40 * detail, 110 + 130 * detail)):
        brush = max(2.0, side / parts)
        marks, gap, spread = _marks(brush, rng), brush * 0.7, 10 * loose / (1 + depth * 0.35)
        grid = int(width / gap), int(height / gap)
        now, want = (np.asarray(i.convert("RGB").resize(grid), np.float32) for i in (wet, target))
        limit = (9 + 5 * depth if depth else -1) * rng.uniform(0.5, 1.5, now.shape[:2])
        spots = rng.permutation(np.argwhere(np.abs(now - want).max(-1) > limit))
        y, x = ((spots + rng.random(spots.shape)) * gap).astype(int).T
        turn = flow[y * len(flow) // height, x * flow.shape[1] // width] * ANGLES + rng.normal(0, 1.6 * loose, len(x))
        kinds = turn.round() % ANGLES + ANGLES * rng.integers(3, size=len(x))
        soft = np.asarray(target.filter(ImageFilter.GaussianBlur(brush / 3)))[y, x].astype(np.float32)
        inks = np.clip(soft + rng.normal(0, spread, (len(x), 1)) + rng.normal(0, spread / 2, (len(x), 3)), 0, 255)
        strokes: list[list[int]] = (
            np.column_stack((x, y, kinds, inks, rng.uniform(50, 220, len(x)))).astype(int).tolist()
        )
        for left, top, kind, *ink in strokes:
            wet.paste(tuple(ink), (left - marks[kind].width // 2, top - marks[kind].height // 2), marks[kind])
    painted = np.asarray(wet)
    thick = painted[..., 3].astype(np.float32) / 255
    slope = (thick - np.roll(thick, 1, (0, 1)))[..., None]

    def strip(rows: slice) -> Plane:
        colour = mix(painted[rows, :, :3].astype(np.float32) / 255, picture[rows], 0.12 + 0.16 * detail)
        return colour * (1 + 0.42 * slope[rows]) + 0.04 * slope[rows]

    return filled(picture.shape, strip)


def _marks(brush: float, rng: np.random.Generator) -> list[Image.Image]:
    """Three marks of a bristle brush, each rotated to all angles."""
    along, across = np.linspace(0, 1, max(4, round(brush * 2.6))), np.linspace(-1, 1, max(2, round(brush)))[:, None]
    hairs = np.clip(rng.normal(0.85, 0.25, (3, len(across), 1)), 0.15, 1) * (1 - np.abs(across) ** 3 * 0.9)
    start, end = rng.uniform(0, 0.16, hairs.shape), rng.uniform(0.8, 1, hairs.shape)
    marks = hairs * np.clip((along - start) * 12, 0, 1) * np.clip((end - along) * 7, 0, 1)
    turns = [-180 * angle / ANGLES for angle in range(ANGLES)]
    return [image_of(mark).rotate(turn, Image.Resampling.BILINEAR, expand=True) for mark in marks for turn in turns]


def watercolour(picture: Plane, rng: np.random.Generator, detail: float, loose: float) -> Plane:
    """Washes on rough paper: uneven edges, where pigment gathers, and a blank margin."""
    (height, width), side = picture.shape[:2], (picture.size / 3) ** 0.5
    flat = side / (90 + 110 * detail)
    small = image_of(picture).resize((int(width / flat * 3), int(height / flat * 3)), Image.Resampling.BOX)
    washed = np.asarray(small.filter(ImageFilter.MedianFilter(5)).resize((width, height), Image.Resampling.BICUBIC))
    down, right = ((noise(rng, picture.shape, 60, 3) - 0.5) * flat * loose for _ in "yx")
    y, x = np.ogrid[: np.float32(height), : np.float32(width)]
    wash = washed[np.clip(y + down, 0, height - 1).astype(np.int16), np.clip(x + right, 0, width - 1).astype(np.int16)]
    grain = noise(rng, picture.shape, side / 5, 2)
    change = np.zeros((height, width), np.float32)
    for band in (wash[..., n].astype(np.float32) for n in range(3)):
        change += np.abs(band - np.roll(band, 1, (0, 1)))
    edge = soften(change * (5 / 3 / 255), side / 900)
    pigment = 0.55 + 0.6 * noise(rng, picture.shape, 3) + grain * 0.14 + np.clip(edge, 0, 0.4)
    inside = np.minimum(np.minimum(x, width - x), np.minimum(y, height - y)) / min(width, height)
    reached = step(0.022, 0.034, inside + (noise(rng, picture.shape, 9) - 0.5) * 0.05)
    amount, tooth = (pigment * reached)[..., None], ((grain - np.roll(grain, 1, (0, 1))) * 0.05)[..., None]

    def strip(rows: slice) -> Plane:
        clear = np.clip((wash[rows] / np.float32(255)) ** 0.8 * 0.9 + 0.1, 0.05, 1)
        return PAPER * clear ** amount[rows] + tooth[rows]

    return filled(picture.shape, strip)


def ink(picture: Plane, rng: np.random.Generator, detail: float, loose: float) -> Plane:
    """Pen lines along edges, hatching in the shadows, and a thin wash of colour."""
    (height, width), side, grey = picture.shape[:2], (picture.size / 3) ** 0.5, picture.mean(-1)
    low, high = np.quantile(grey[::8, ::8], (0.03, 0.95))
    tone = soften((grey - float(low)) / max(0.05, float(high - low)), side / 500)
    lines = step(0.010, 0.032, soften(grey, side / 420) - soften(grey, max(0.6, side / 1100)) + 0.004)
    (y, x), pitch = np.ogrid[: np.float32(height), : np.float32(width)], side / (105 + 95 * detail)
    shake = (noise(rng, picture.shape, 5, 2) - 0.5) * side / 40 * loose
    for angle, limit in ((0.72, 0.56), (-0.55, 0.26), (0.1, 0.12)):
        wave = np.abs(((x * sin(angle) + y * cos(angle) + shake) / pitch) % 1 - 0.5) * 2
        weight = np.clip((limit - tone) / limit, 0, 1) * 0.62
        lines = np.maximum(lines, np.clip((weight - wave) * pitch * 0.5 + 0.25, 0, 1) * (weight > 0.02) * 0.85)

    def strip(rows: slice) -> Plane:
        washed = PAPER * mix(1, np.clip(picture[rows] * 0.8 + 0.3, 0, 1), 0.72)
        return mix(washed, BLACK, lines[rows, :, None] * 0.92)

    return filled(picture.shape, strip)


def pixel(picture: Plane, _: np.random.Generator, detail: float, loose: float) -> Plane:
    """Large pixels in few colours, with ordered dithering."""
    (height, width), block = picture.shape[:2], max(2, round(max(picture.shape) / (96 + 96 * detail)))
    small = image_of(picture).resize((-(-width // block), -(-height // block)), Image.Resampling.BOX)
    pattern = np.tile(BAYER, (small.height // 4 + 1, small.width // 4 + 1))[: small.height, : small.width, None]
    dithered = image_of((np.asarray(small, np.float32) + pattern * 16 * loose) / 255)
    few = dithered.quantize(palette=small.quantize(32, Image.Quantize.MAXCOVERAGE, kmeans=2), dither=Image.Dither.NONE)
    return np.asarray(few.convert("RGB"), np.float32).repeat(block, 0).repeat(block, 1)[:height, :width] / 255


PAINTERS = {"paint": oil, "watercolour": watercolour, "ink": ink, "pixel": pixel}
