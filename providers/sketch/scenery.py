"""Paints the layers of a scene from back to front, before any style is applied."""

from functools import partial

import numpy as np

from providers.sketch.canvas import Canvas, Plane, colour_of, cut, mix, step, strips
from providers.sketch.things import Layer

SOILS = {"desert": "e6b875", "city": "6b6b75"}
BEACH = 0.8
COVER = {"clear": 0.36, "rain": 0.72, "snow": 0.62, "fog": 0.4}  # how much of the sky the clouds fill
RIDGES = {"mountains": ((0.6, 0.4, 2.6), (0.36, 0.27, 3.4)), "sea": (), "city": ()}  # haze, height, number


def paint_sky(c: Canvas) -> None:
    """Paint the sky: an uneven gradient, stars, the sun or the moon with a glow."""
    level = np.clip(c.ys / c.horizon + (c.noise(2.5, 3, 2.5) - 0.5) * 0.14, 0, 1.1)
    for band in range(3):
        c.rgb[..., band] = np.interp(level, (0, 0.6, 1), (c.top[band], c.mid[band], c.low[band]))
    stars, night = Layer(c), c.scene.time == "night"
    for x, y, size in c.rng.random(({"night": 260, "dusk": 60}.get(c.scene.time, 0), 3)):
        r, y = (0.6 + 2.2 * size**6) / 1100, y * c.horizon * 0.9
        stars.shape(((x - r / c.aspect, y - r), (x + r / c.aspect, y + r)), colour_of("fff6e0"), True, True)
    stars.lay(fade=0.8)
    far = np.hypot((c.xs - c.sun_at[0]) * c.aspect, c.ys - c.sun_at[1])
    size = 0.06 * min(1.0, c.aspect)
    c.lay(np.exp(-far * 3.2) * 0.5, mix(c.low, c.sun, 0.5))
    if c.scene.weather not in ("rain", "snow"):
        c.lay(np.exp(-far / size * 0.55) * 0.75, c.sun)
        face = 1 - step(0.5, 0.62, c.noise(9, 2)) * 0.16 * night
        disc = colour_of("f8f2dc" if night else "fff0c0")
        c.lay(np.clip((size - far) * c.height * 0.6 + 0.5, 0, 1), lambda rows: disc * face[rows, :, None])


def paint_clouds(c: Canvas) -> None:
    """Paint two banks of clouds, flatter towards the horizon, lit from the sun's side."""
    cover = COVER.get(c.scene.weather, 0.56)
    rows = np.clip((c.ys[:, 0] / c.horizon) ** 1.9 * c.height * 0.92, 0, c.height - 1).astype(int)
    white, dark = mix(c.sun, c.low, 0.35), mix(c.mid, c.shade, 0.55)
    for cells, weight in ((2.2, 0.95), (4.5, 0.6)):
        bank = c.noise(cells, 6, 2.4)[rows]
        bright = np.clip(c.relief(bank, 2.6), 0, 1) * (0.3 if c.scene.weather == "rain" else 1)
        c.lay(step(1 - cover, 1.25 - cover * 0.75, bank) * weight, partial(_between, dark, white, bright))


def _between(a: Plane, b: Plane, amount: Plane, rows: slice) -> Plane:
    """Two colours, mixed at each pixel by its own amount."""
    return mix(a, b, amount[rows, :, None])


def _lit(c: Canvas, a: Plane, b: Plane, amount: Plane, light: Plane, rows: slice) -> Plane:
    """Like `_between`, lit by the light at each pixel."""
    return c.lit(_between(a, b, amount, rows), cut(light, rows))


def soil(c: Canvas) -> Plane:
    """The colour of the ground: as tinted, or under snow."""
    colour = colour_of(
        "edf2ff"
        if c.scene.weather == "snow"
        else SOILS.get(c.scene.place, "e2c894" if c.scene.cast and c.scene.place == "sea" else "6b8f42")
    )
    return mix(colour, colour_of(c.scene.tints.get("place", "000000")), 0.75 * ("place" in c.scene.tints))


def paint_land(c: Canvas) -> None:
    """Paint ridges, and rows of trees or towers, paler with the distance."""
    place, tint = c.scene.place, c.scene.tints.get("place")
    for haze, tall, cells in RIDGES.get(place, ((0.75, 0.2, 1.6), (0.52, 0.13, 2.2), (0.28, 0.07, 2.8))):
        line, rock = c.line(cells, 3), c.noise(cells * 2.2, 5)
        peaks = 0.72 - np.abs(2 * line - 1) * 0.85 + (c.line(cells * 4) - 0.5) * 0.42 if place == "mountains" else line
        ridge = c.horizon + 0.02 - np.clip(peaks, 0.05, 1) * tall
        snow = step(0.28, 0.16, (c.ys - ridge) / tall + (rock - 0.5) * 0.55) * (place == "mountains")
        stone = colour_of("6a666a") if place == "mountains" else soil(c)
        light = c.relief(rock, tall * 8) + (c.relief(-ridge, 6) - 0.5)
        c.lay(c.below(ridge), partial(_lit, c, stone, colour_of("edf2ff"), snow, light), haze)
    if c.scene.cast and place in ("hills", "field", "lake"):
        _plant_trees(c)
    crowd = {"forest": "tree" if tint else "pine", "city": "tower"}.get(place)
    for depth, (haze, count) in enumerate(((0.72, 26), (0.46, 17), (0.2, 10)) if crowd else ()):
        layer = Layer(c)
        for x in (np.arange(count) + c.rng.random(count)) / count:
            foot, scale = c.horizon + 0.03 + 0.03 * depth, c.rng.uniform(0.7, 1.3) + 0.2 * depth
            layer.thing(crowd or "", x, foot, scale, tint=tint)
        layer.lay(haze)


def _plant_trees(c: Canvas) -> None:
    """A few trees far away."""
    layer = Layer(c)
    for x, size in c.rng.random((9, 2)):
        layer.thing(("tree", "pine")[int(size * 7) % 2], x, c.horizon + 0.03 + 0.01 * size, 0.18 + 0.16 * size)
    layer.lay(0.42)


def paint_water(c: Canvas) -> None:
    """Paint the water: a mirror image of all above the horizon, with glitter on waves and below the sun."""
    if not c.scene.water:
        return
    top = int(c.horizon * c.height)
    down = np.linspace(0, 1, c.height - top, dtype=np.float32)[:, None]
    waves = c.noise(15, 3, 5.5)[(down[:, 0] ** 0.42 * (c.height - 1)).astype(int)]
    rows = top - 1 - down * (c.height - top) * 0.92 + (waves - 0.5) * c.height * (0.02 + 0.22 * down)
    cols = np.arange(c.width) + (waves - 0.5) * c.width * 0.03
    mirror = c.rgb[np.clip(rows, 0, top - 1).astype(int), np.clip(cols, 0, c.width - 1).astype(int)] * 0.9
    body = colour_of(c.scene.tints.get("water", "225468")) * mix(c.shade, c.sun, 0.4)
    path = np.exp(-(((c.xs - c.sun_at[0]) / (0.035 + 0.13 * down)) ** 2)) * 0.8 + 0.1
    glitter = (path * step(0.46, 0.62, waves))[..., None]
    c.rgb[top:] = mix(mix(mirror, body, (0.22 + 0.42 * down)[..., None]), c.sun, glitter)


def paint_ground(c: Canvas) -> None:
    """Paint the near ground; by the water only a headland, if things stand on it."""
    standing = sum(kind not in ("bird", "balloon", "boat") for kind in c.scene.things)
    if c.scene.cast:
        standing = sum(part.where in ("ground", "table") for part in c.scene.cast)
    bumps, rock = (c.line(3, 4) - 0.5) * 0.06, c.noise(10, 5, 1.6)
    c.shore = c.horizon + 0.045 + bumps
    if c.scene.water:
        away = np.clip(((c.xs - c.hero) * c.side - 0.05) / (0.3 + 0.16 * standing) + bumps, 0, 1)
        c.shore = c.horizon + 0.06 + 0.42 * away**1.4 + bumps * (0.6 + away)
        if c.scene.cast:  # a beach all along the front
            c.shore = BEACH + bumps
    if c.scene.water and not standing:
        return
    deep = np.clip((c.ys - c.shore) / 0.4, 0, 1)
    grain = mix(c.noise(3, 4, 4), c.noise(26, 3, 1.6), 0.5 * deep)
    bare = step(0, 0.5, deep + (rock - 0.5) * 0.6) * step(0.02, 0.1, c.shore - c.shore.min()) * c.scene.water
    light, rough, earth, stone = grain * 1.25 - 0.1 - deep * 0.16, c.relief(rock, 4.5), soil(c), colour_of("6b6062")

    def colour(rows: slice) -> Plane:
        return mix(c.lit(earth, light[rows]), c.lit(stone, rough[rows]), bare[rows, :, None])

    c.lay(c.below(c.shore), colour)


def paint_things(c: Canvas) -> None:
    """Paint the things: the first one in front, further ones and further copies around it, smaller."""
    layer, mirrors, spots = Layer(c), Layer(c), list[tuple[float, str, float, float]]()
    for order, (kind, number) in enumerate(c.scene.things.items()):
        for copy in range(number):
            x = c.side * (0, 0.4, 0.2, 0.5, 0.1, 0.3)[order] + (0.11 + 0.07 * copy) * (copy > 0) * (-1) ** copy
            x = float(np.clip(c.hero + x, 0.07, 0.93)) if copy < 9 else c.rng.random()
            scale, back = 0.84**order * (c.rng.uniform(0.5, 0.8) if copy else 1), c.rng.random()
            foot = float(c.shore[0, int(x * c.width)])
            if kind in ("bird", "balloon"):
                foot = 0.16 + 0.3 * back if copy or kind == "bird" else 0.5
            elif kind == "boat" and c.scene.water:
                foot = c.horizon + (0.1 * back if copy else 0.16)
                mirrors.thing(kind, x, foot, scale, -1, c.scene.tints.get(kind))
            else:
                foot += 0.02 if c.scene.water else 0.4 * back if number > 9 else 0.06 if copy else 0.12
            spots.append((foot, kind, x, scale))
    mirrors.lay(fade=0.4)
    del mirrors
    for foot, kind, x, scale in sorted(spots):
        layer.thing(kind, x, foot, scale, tint=c.scene.tints.get(kind))
        if kind == "lighthouse" and c.lamps == 1:  # its beam: two cones that fade with distance
            away, dy = np.abs(c.xs - x) * c.aspect, c.ys - foot + 0.473 * scale * c.scale
            cone = np.exp(-(((dy + 0.09 * away) / (0.012 + 0.085 * away)) ** 2) - away * 1.5)
            c.lay(cone * 0.6, colour_of("ffe69e"))
    layer.lay()


def paint_air(c: Canvas) -> None:
    """Paint fog, rain or snow in front of the scene, and darken the corners."""
    inside = c.scene.setting != "land"
    veil = 0 if inside else {"fog": 0.75, "rain": 0.22, "snow": 0.3}.get(c.scene.weather, 0)
    c.lay(veil * np.exp(-(((c.ys - c.horizon) / 0.26) ** 2)) * (0.4 + 0.6 * c.noise(2, 3, 4)), c.air)
    layer, rain = Layer(c), c.scene.weather == "rain"
    for x, y, near in c.rng.random((600 if c.scene.weather in ("rain", "snow") and not inside else 0, 3)):
        wide, tall = (0.0015, 0.02 + 0.05 * near**2) if rain else (0.002 + 0.012 * near**5,) * 2
        layer.shape(((x, y), (x + wide / c.aspect, y + tall)), colour_of("f4f8ff"), oval=True)
    layer.lay(fade=0.35 if rain else 0.85)
    for rows in strips(c.height):
        corners = np.clip(np.hypot((c.xs - 0.5) * 1.25, c.ys[rows] - 0.48) - 0.42, 0, 1)
        darkened = c.rgb[rows] * (1 - 0.62 * corners[..., None])
        c.rgb[rows] = mix(darkened, step(0, 1, darkened), 0.3)
