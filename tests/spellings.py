# pyright: basic
"""A secret in the spellings in which servers echo it, and a search that sees through all of them."""

import base64
import html
import re
from collections.abc import Callable
from urllib.parse import quote, unquote

STEM = "canary-5e1f"
SECRET = f"easel:{STEM}/K>y=a+b?c&d"
"""A user and a password; it has characters that every encoding escapes."""
PASSWORD = SECRET.partition(":")[2]
NAMES = {"/": "&sol;", "=": "&equals;", "+": "&plus;", "&": "&amp;", ">": "&gt;", "?": "&quest;", ":": "&colon;"}


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "upper case": str.upper,
    "percent": lambda text: quote(text, safe=""),
    "percent, lower case": lambda text: re.sub("%..", lambda found: found[0].lower(), quote(text, safe="")),
    "percent, partly": lambda text: text.replace("/", "%2F"),
    "percent, every character": lambda text: "".join(f"%{ord(each):02X}" for each in text),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON, slashes": lambda text: text.replace("/", "\\/"),
    "JSON, HTML-safe": lambda text: text.replace("=", "\\u003d").replace("&", "\\u0026").replace(">", "\\u003E"),
    "JSON, every character": lambda text: "".join(f"\\u{ord(each):04x}" for each in text),
    "JSON in JSON": lambda text: text.replace("=", "\\\\u003d").replace("/", "\\\\/"),
    "HTML, names": lambda text: "".join(NAMES.get(each, each) for each in text),
    "HTML, decimal": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML, padded": lambda text: "".join(f"&#000{ord(each)};" for each in text),
    "HTML, hexadecimal": lambda text: "".join(f"&#x{ord(each):x};" for each in text),
    "HTML, twice": lambda text: text.replace("=", "&amp;#61;").replace("/", "&amp;#x2F;").replace("&d", "&amp;amp;d"),
    "percent in HTML": lambda text: "".join(f"&#{ord(each)};" for each in quote(text, safe="")),
    "base64": _encoded,
    "base64, no padding": lambda text: _encoded(text).rstrip("="),
    "base64, URL": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "base64, percent": lambda text: quote(_encoded(text), safe=""),
    "base64 of a header": lambda text: _encoded(f"Bearer {text}"),
    "base64 of an object": lambda text: _encoded(f'{{"key": "{text}"}}'),
    "the password": lambda text: text.partition(":")[2] or text,
}
"""As they stand in the text of a JSON document: escapes are not escaped again."""


def _decoded(text: str) -> str:
    text = re.sub(r"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})", lambda it: chr(int(it[1] or it[2], 16)), text)
    return html.unescape(unquote(text.replace("\\", "")))


def _unpacked(text: str) -> str:
    """All that base64 in the text may hold, at each of four beginnings."""
    runs = [run[at:] for run in re.findall("[A-Za-z0-9_+/-]{8,}", text) for at in range(4)]
    plain = [run.translate({ord("-"): "+", ord("_"): "/"})[: len(run) // 4 * 4] for run in runs]
    return "".join(base64.b64decode(each).decode(errors="replace") for each in plain)


def shows(text: str, stem: str = STEM) -> bool:
    """Whether a text has the stem in any spelling."""
    layers = [text]
    for _ in range(4):
        layers.append(_decoded(layers[-1]))
    return any(stem in found.lower() for each in layers for found in (each, _unpacked(each)))
