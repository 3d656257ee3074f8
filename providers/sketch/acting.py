"""Laying the things of a cast onto the canvas: in its light and air, with shadows and reflections."""

import numpy as np
from PIL import Image, ImageFilter

from providers.sketch.actors import Actor, has_counter
from providers.sketch.canvas import Canvas, Plane, colour_of, mix, noise
from providers.sketch.ground import grow_grass, paint_meadow
from providers.sketch.patches import patch
from providers.sketch.rooms import paint_counter
from providers.sketch.stage import stage
from providers.sketch.things import ART, Layer

SHADOWS = {"day": (0.3, 0.42), "dawn": (0.5, 0.34), "sunset": (0.55, 0.36), "dusk": (0.3, 0.26), "night": (0.3, 0.3)}
"""How long they are, as a part of what throws them, and how dark."""
LANTERNS = frozenset(("fire", "candle", "lantern", "light", "fireworks", "pumpkin", "phoenix"))
SHINING = frozenset(("fire", "candle", "lantern", "fireworks", "rainbow", "lightning", "star", "sparkles", "shooting"))
"""First words of what shines on others, and of what is not darkened."""
SEEN_THROUGH = {"rainbow": 0.55, "ghost": 0.82}


def paint_cast(c: Canvas) -> None:
    """Everybody from back to front, those behind a counter before it."""
    counter = has_counter(c.scene)
    for actor in stage(c):
        if counter and actor.order > 0:
            paint_counter(c)
            counter = False
        _paint(c, actor)
    if counter:
        paint_counter(c)


def _paint(c: Canvas, actor: Actor) -> None:
    if actor.part.is_meadow:
        paint_meadow(c, actor.part)
    elif actor.image is None:
        _paint_own(c, actor)
    else:
        _paint_drawing(c, actor, _sized(c, actor, actor.image))


def _paint_drawing(c: Canvas, actor: Actor, image: Image.Image) -> None:
    if actor.under:
        _reflect(c, actor, image)
    elif actor.lies:
        _throw_shadow(c, actor, image)
    lay_drawing(c, actor, image)
    if actor.lies and not actor.under:
        grow_grass(c, actor, image)
    if actor.part.kind.split()[0] in LANTERNS:
        far = np.hypot((c.xs - actor.x) * c.aspect, c.ys - actor.foot + actor.tall * 0.5)
        c.lay(np.exp(-far / actor.tall * 1.1) * 0.55 * c.lamps, colour_of("ffb85a"))


def _sized(c: Canvas, actor: Actor, image: Image.Image) -> Image.Image:
    height = max(4, int(actor.tall * c.height))
    size = max(4, image.width * height // image.height), height
    image = image if image.size == size else image.resize(size, Image.Resampling.LANCZOS)
    return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if actor.flipped else image


def _paint_own(c: Canvas, actor: Actor) -> None:
    """What Sketch draws itself."""
    kind, tint = actor.part.kind, actor.part.tint
    scale = actor.tall / (float(ART[kind].split()[0]) * c.scale)
    if actor.under:
        mirror = Layer(c)
        mirror.thing(kind, actor.x, actor.foot, scale, -1, tint)
        mirror.lay(fade=0.4)
        del mirror
    elif actor.lies:
        _smudge(c, actor.x, actor.foot, actor.tall * 0.3 / c.aspect, actor.tall * 0.05, 0.4)
    layer = Layer(c)
    layer.thing(kind, actor.x, actor.foot, scale, tint=tint)
    layer.lay(actor.haze)


def _smudge(c: Canvas, x: float, y: float, wide: float, tall: float, dark: float) -> None:
    """The shadow where something touches the ground."""
    rows = slice(max(0, int((y - tall * 3) * c.height)), min(c.height, int((y + tall * 3) * c.height) + 1))
    away = ((c.xs - x) / wide) ** 2 + ((c.ys[rows] - y) / tall) ** 2
    c.rgb[rows] *= 1 - (np.exp(-away * 1.4) * dark)[..., None] * (1 - c.shade * 0.35)


def _throw_shadow(c: Canvas, actor: Actor, image: Image.Image) -> None:
    """Contact with the ground, and in clear weather the shadow that falls towards the viewer, away from the sun."""
    _smudge(c, actor.x, actor.foot - 0.006, image.width / c.width * 0.44, 0.012 + actor.tall * 0.02, 0.5)
    if c.scene.weather in ("rain", "fog", "snow") and c.scene.setting == "land":
        return
    long, dark = SHADOWS[c.scene.time]
    height = max(2, int(image.height * long))
    lean = int(height * 0.7 * np.sign(actor.x - c.sun_at[0] or 1))
    pad = abs(lean) + height // 6 + 4
    alpha = image.getchannel("A").transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((image.width, height))
    room = Image.new("L", (image.width + 2 * pad, height + pad // 2))
    room.paste(alpha, (pad, 0))
    leaning = (1, -lean / height, 0, 0, 1, 0)
    sheared = room.transform(room.size, Image.Transform.AFFINE, leaning, Image.Resampling.BILINEAR)
    soft = np.asarray(sheared.filter(ImageFilter.GaussianBlur(max(1.5, image.height / 55))), np.float32) / 255
    soft = soft * np.linspace(dark, dark / 4, len(soft), dtype=np.float32)[:, None]
    left, top = int(actor.x * c.width - image.width / 2) - pad, int(actor.foot * c.height) - 2
    place, (shadow,) = patch(c, left, top, soft)
    c.rgb[place] *= 1 - shadow[..., None] * (1 - c.shade * 0.35)


def lay_drawing(c: Canvas, actor: Actor, image: Image.Image) -> None:
    """A drawing in the scene's light."""
    pixels, kind = np.asarray(image), actor.part.kind.split()[0]
    own = pixels[..., :3].astype(np.float32) / 255
    colour = c.lit(mix(own.mean(-1, keepdims=True), own, 0.86) * 0.97, _light_on(c, image))
    dim = max(0.0, 0.8 - float(c.sun.mean()))
    colour = mix(mix(colour, own, 0.85 if kind in SHINING else 0.12 + 0.6 * dim), c.air, actor.haze)
    seen = _seen(c, actor, pixels[..., 3].astype(np.float32) / 255 * SEEN_THROUGH.get(kind, 1))
    left = int(actor.x * c.width - image.width / 2)
    top = int(actor.foot * c.height) - int(image.height * (1 - actor.under))
    place, (mask, colours) = patch(c, left, top, seen, colour)
    c.rgb[place] += (colours - c.rgb[place]) * mask[..., None]


def _light_on(c: Canvas, image: Image.Image) -> Plane:
    """How a flat drawing is lit as if it were round: by its outline, softened a little and much."""
    alpha, height = image.getchannel("A"), image.height
    light = np.linspace(0.8, 0.56, height, dtype=np.float32)[:, None]
    light = light + (noise(c.rng, (height, image.width), 5, 4) - 0.5) * 0.34
    for part, across, down in ((7, 0.55, 0.3), (24, 1.5, 0.5)):
        swell = np.asarray(alpha.filter(ImageFilter.GaussianBlur(max(1.0, height / part))), np.float32) / 255
        far = max(1, height // part)
        light += (swell - np.roll(swell, -c.side * far, 1)) * across + (swell - np.roll(swell, -far, 0)) * down
    return light


def _seen(c: Canvas, actor: Actor, alpha: Plane) -> Plane:
    """What is above the water, down to a line of small waves."""
    if not actor.under:
        return alpha
    height, width = alpha.shape
    along = np.arange(width, dtype=np.float32) / max(3, width / 30) + float(c.rng.random()) * 6
    rows: Plane = np.arange(height, dtype=np.float32)[:, None]
    depth: Plane = height * (1 - actor.under) + np.sin(along)[None, :] * height * 0.008 - rows
    return alpha * np.clip(depth + 0.5, 0, 1)


def _reflect(c: Canvas, actor: Actor, image: Image.Image) -> None:
    """Upside down in the water, broken by waves."""
    above = image.crop((0, 0, image.width, max(2, int(image.height * (1 - actor.under)))))
    turned = above.transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((image.width, max(2, int(above.height * 0.7))))
    pixels = np.asarray(turned).astype(np.float32) / 255
    rows = np.arange(len(pixels))
    waves = np.sin(rows / max(2, c.height / 130)) * np.linspace(0.5, 2.5, len(rows)) * c.width / 260
    columns: Plane = (np.arange(image.width)[None, :] + waves.astype(int)[:, None]) % image.width
    pixels = pixels[rows[:, None], columns]
    pixels[..., 3] *= np.linspace(0.5, 0.08, len(rows), dtype=np.float32)[:, None]
    left, top = int(actor.x * c.width - image.width / 2), int(actor.foot * c.height)
    place, (part,) = patch(c, left, top, pixels)
    colour = mix(c.lit(part[..., :3], np.float32(0.4)), c.rgb[place], 0.25)
    c.rgb[place] += (colour - c.rgb[place]) * part[..., 3:]
