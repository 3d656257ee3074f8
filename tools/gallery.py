"""`python -m tools.gallery`: renders the pictures that docs/gallery.md lists."""

import io
import re
from pathlib import Path

from PIL import Image

from domain import ImageRequest, Size, Sources
from providers.sketch.painting import paint

GALLERY_PAGE = Path("docs/gallery.md")
ENTRY = r"\((gallery/\S+)\)\n\n`/imagine prompt:(.+) size:(\S+) seed:(\d+)`"

if __name__ == "__main__":
    for name, prompt, size, seed in re.findall(ENTRY, GALLERY_PAGE.read_text(encoding="utf-8")):
        *_, data = paint(ImageRequest(prompt=prompt, size=Size.parse(size)), Sources(), int(seed))
        if isinstance(data, bytes):
            Image.open(io.BytesIO(data)).save(GALLERY_PAGE.parent / name, quality=84, method=6)
