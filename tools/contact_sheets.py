"""`python -m tools.contact_sheets FOLDER [STYLE]`: renders tools/sketch_prompts.txt, twelve prompts to a sheet."""

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw

from domain import ImageRequest, Size, Sources
from providers.sketch.painting import paint

PROMPTS = Path("tools/sketch_prompts.txt")
SIZE, TILE, COLUMNS, ROWS = Size(768, 768), 384, 4, 3


def render(prompt: str, seed: int, style: str) -> Image.Image:
    request = ImageRequest(prompt=prompt, size=SIZE, model=style)
    data = b"".join(stage for stage in paint(request, Sources(), seed) if isinstance(stage, bytes))
    return Image.open(io.BytesIO(data)).convert("RGB")


def sheet(prompts: list[str], first: int, style: str) -> Image.Image:
    image = Image.new("RGB", (COLUMNS * TILE, ROWS * (TILE + 16)), "white")
    for place, prompt in enumerate(prompts):
        at = place % COLUMNS * TILE, place // COLUMNS * (TILE + 16)
        image.paste(render(prompt, first + place, style).resize((TILE, TILE)), at)
        ImageDraw.Draw(image).text((at[0] + 4, at[1] + TILE + 2), f"{first + place}: {prompt}", "black")
    return image


if __name__ == "__main__":
    folder, style = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else "paint"
    folder.mkdir(parents=True, exist_ok=True)
    lines = PROMPTS.read_text(encoding="utf-8").splitlines()
    for number in range(0, len(lines), COLUMNS * ROWS):
        sheet(lines[number : number + COLUMNS * ROWS], number, style).save(folder / f"{style}-{number:02}.png")
