"""Strikes secrets from text that comes from outside, however they are spelled there.

A search that costs little comes first: most texts hold no secret. Only where it finds one is a pattern compiled, in
which each character of the secret has its escapes. Every step is linear in the text.
"""

import re
from binascii import a2b_qp
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from html import unescape
from html.entities import html5
from typing import Any, NamedTuple, cast
from urllib.parse import unquote

import pybase64
from multidict import CIMultiDict

REDACTED = "***"
MIN_LENGTH = 8
"""Characters of a key; a shorter one is a placeholder for a server that needs none, such as `none` or `ollama`."""
MIN_PASSWORD_LENGTH = 4
"""Characters of the password in `user:password`; up to `MIN_LENGTH` it is struck as a whole word alone."""
MIN_CHARACTERS = 3
"""Different characters in a secret."""
MIN_LENGTH_IN_LONG_TEXT = 12
"""Characters of a secret that is struck in a picture in base64: a shorter one could occur by chance."""
LONG_TEXT = 64 * 1024
BEGINNING = 8000
"""Characters of a long text that are searched for all spellings; no more than its first 6,000 are shown anywhere."""
LAYERS = 3
"""How many encodings on top of each other are undone."""
ESCAPE_MARKS = "&%\\"
PADDED_NUMBER = re.compile("&#([xX]?)0+")
ENDLESS_NUMBER = re.compile("&#[0-9]{8,};?")
"""Beyond Unicode, and `unescape` raises ValueError from 4,300 digits on."""
JSON_ESCAPE = re.compile(r"\\+(?:u([0-9a-f]{4})|x([0-9a-f]{2})|(.))", re.IGNORECASE | re.DOTALL)
WORD = r"[\w/-]"
"""A character that joins a short password to a word or a path."""
ENTITY_NAMES: Mapping[str, Sequence[str]] = {
    char: [name.removesuffix(";") for name, its in html5.items() if its == char and name.endswith(";")]
    for char in map(chr, range(32, 127))
}
"""Names in HTML, by character."""


class Form(NamedTuple):
    """One form of a secret: the secret itself, or its base64."""

    text: str
    is_base64: bool = False

    @property
    def is_short(self) -> bool:
        return len(self.text) < MIN_LENGTH


class Redactor:
    """Strikes given secrets; of `user:password` also the password alone."""

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        whole = [secret for secret in secrets if len(secret) >= MIN_LENGTH]
        passwords = [password for secret in secrets if len(password := secret.partition(":")[2]) >= MIN_PASSWORD_LENGTH]
        self._secrets = tuple(dict.fromkeys(filter(_is_varied, [*whole, *passwords])))

    def strike(self, text: str) -> str:
        """The text without secrets. Where they are encoded several times, the rest of the text is decoded, too."""
        if not self._found(text):
            return text
        for attempt in (_strike_plain, _strike_escaped, _strike_decoded):
            text = attempt(text, self._found(text))
            if not self._found(text):
                return text
        return REDACTED

    def strike_long(self, text: str) -> str:
        """Like `strike`; in a long text all spellings are looked for at its beginning only."""
        if len(text) <= LONG_TEXT:
            return self.strike(text)
        beginning = self.strike(text[:BEGINNING])
        return text if beginning == text[:BEGINNING] else beginning + text[BEGINNING:]

    def strike_json(self, value: Any) -> Any:
        """Decoded JSON without secrets in its strings and names."""
        if not self._secrets:
            return value
        searched = "\n".join(text if len(text) <= LONG_TEXT else text[:BEGINNING] for text in _strings(value))
        return self._rebuilt(value) if self._found(searched) else value

    def strike_headers(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        if not self._found("\n".join(headers.values())):
            return headers
        return CIMultiDict((name, self.strike(value)) for name, value in headers.items())

    def long_secrets(self) -> list[str]:
        """The secrets that are looked for in long texts, as they are."""
        return [secret for secret in self._secrets if len(secret) >= MIN_LENGTH_IN_LONG_TEXT]

    def _rebuilt(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.strike_long(value)
        if isinstance(value, list):
            return [self._rebuilt(each) for each in cast("list[Any]", value)]
        if isinstance(value, dict):
            fields = cast("dict[str, Any]", value)
            return {self.strike_long(name): self._rebuilt(each) for name, each in fields.items()}
        return value

    def _found(self, text: str) -> list[Form]:
        """The forms that a text shows, the longest first: one may begin with another."""
        if not self._secrets:
            return []
        layers = [text.lower(), *(decoded.lower() for decoded in _decodings(text))]
        return [form for form, needles in self._needles if any(_shows(layer, form, needles) for layer in layers)]

    @cached_property
    def _needles(self) -> list[tuple[Form, frozenset[str]]]:
        """What is searched for in decoded text, by form."""
        forms = dict.fromkeys(form for secret in self._secrets for form in _forms(secret))
        longest_first = sorted(forms, key=lambda form: len(form.text), reverse=True)
        return [(form, frozenset(_needles(form.text))) for form in longest_first]


def _is_varied(text: str) -> bool:
    """False for a placeholder such as AI Horde's anonymous key of ten zeros: ids have such runs, too."""
    return len(set(text)) >= MIN_CHARACTERS


NO_SECRETS = Redactor()


def _strings(value: Any) -> Iterator[str]:
    """All strings and names, without recursion: that would be slower."""
    left: list[Any] = [value]
    while left:
        each: Any = left.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, list):
            left += cast("list[Any]", each)
        elif isinstance(each, dict):
            fields = cast("dict[str, Any]", each)
            left += fields
            left += fields.values()


def _forms(secret: str) -> Iterator[Form]:
    """The secret, and what base64 makes of it, wherever it begins in the encoded bytes."""
    yield Form(secret)
    if "%" in secret:
        yield Form(unquote(secret))  # from a URL
    if " " in secret:
        yield Form(secret.replace(" ", "+"))  # in forms
    for encoding in ("utf-8", "latin-1"):
        data = secret.encode(encoding, "replace")
        for shift in range(3):
            coded = pybase64.b64encode(bytes(shift) + data).decode().rstrip("=")
            # The outer characters depend on the bytes around the secret.
            core = coded[(shift * 8 + 5) // 6 : (shift + len(data)) * 8 // 6]
            if len(core) >= MIN_LENGTH:
                yield Form(core, is_base64=True)
                yield Form(core.replace("+", "-").replace("/", "_"), is_base64=True)


def _shows(text: str, form: Form, needles: frozenset[str]) -> bool:
    found = [needle for needle in needles if needle in text]
    return bool(found) and (not form.is_short or any(_whole_word(needle).search(text) for needle in found))


@lru_cache(maxsize=256)
def _whole_word(text: str) -> re.Pattern[str]:
    return re.compile(f"(?<!{WORD}){re.escape(text)}(?!{WORD})", re.IGNORECASE)


def _needles(text: str) -> Iterator[str]:
    """A text as it may stand in what `_decodings` gives, in lower case."""
    single_bytes = text.encode("latin-1", "replace").decode(errors="replace")
    for each in (text, single_bytes, _folded(text), *_decodings(text)):
        yield each.lower()


def _folded(text: str) -> str:
    return text.replace("\\", "").replace(";", "")


def _decodings(text: str) -> Iterator[str]:
    """The text after one decoding, two, and so on: good enough to find a secret, by functions that work in C."""
    for _ in range(LAYERS):
        if not any(mark in text for mark in ESCAPE_MARKS):
            return
        text = _decoded_once(text)
        yield text


def _decoded_once(text: str) -> str:
    text = unescape_html(text)
    if "\\" in text:
        text = text.replace("\\u00", "%").replace("\\x", "%")
    if "%" in text:
        # Quoted-printable is percent-encoding with another mark, and the one that is decoded in C.
        quoted = text.replace("\r", " ").replace("=", "=3D").replace("%", "=")
        text = a2b_qp(quoted.encode(errors="replace")).decode(errors="replace")
    return _folded(text)


def unescape_html(text: str) -> str:
    """Like `html.unescape`, for any number of digits."""
    if "&" not in text:
        return text
    return unescape(ENDLESS_NUMBER.sub("", PADDED_NUMBER.sub(r"&#\1", text)))


def _strike_plain(text: str, forms: Sequence[Form]) -> str:
    for form in forms:
        text = _plain_pattern(form).sub(REDACTED, text)
    return text


def _strike_escaped(text: str, forms: Sequence[Form]) -> str:
    for form in forms:
        text = _escaped_pattern(form).sub(REDACTED, text)
    return text


def _strike_decoded(text: str, forms: Sequence[Form]) -> str:
    for _ in range(LAYERS):
        text = unquote(unescape_html(JSON_ESCAPE.sub(_unescaped, text)))
    return _strike_plain(text, forms)


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1] or found[2], 16)) if found[1] or found[2] else found[3]


@lru_cache(maxsize=256)
def _plain_pattern(form: Form) -> re.Pattern[str]:
    return _bounded(form, re.escape(form.text))


@lru_cache(maxsize=256)
def _escaped_pattern(form: Form) -> re.Pattern[str]:
    return _bounded(form, "".join(map(_any_spelling, form.text)))


def _bounded(form: Form, pattern: str) -> re.Pattern[str]:
    """With the characters of base64 that hold a part of the secret; a short secret as a whole word alone."""
    if form.is_base64:
        pattern = rf"[\w+/-]{{0,3}}{pattern}[\w+/-]{{0,3}}"
    elif form.is_short:
        pattern = f"(?<!{WORD}){pattern}(?!{WORD})"
    return re.compile(pattern, re.IGNORECASE)


def _any_spelling(char: str) -> str:
    """A pattern for a character: as it is, percent-encoded, escaped in JSON or in HTML."""
    code = f"{ord(char):x}"
    encodings = dict.fromkeys(char.encode(encoding, "replace") for encoding in ("utf-8", "latin-1"))
    percent = "|".join("".join(f"%(?:25){{0,3}}{byte:02x}" for byte in data) for data in encodings)
    names = "".join(f"|{name}" for name in ENTITY_NAMES.get(char, ()))
    return (
        rf"(?:\\{{0,4}}{re.escape(char)}|{percent}|\\{{1,4}}(?:u{code:0>4}|x{code:0>2})"
        rf"|&(?:amp;){{0,3}}(?:#0{{0,8}}{ord(char)}|#x0{{0,8}}{code}{names});?)"
    )
