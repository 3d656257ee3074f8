"""Pydantic types that parse environment variables."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo
from yarl import URL

DIGITS = re.compile(r"[0-9]{1,9}")
HOST = re.compile(r"[a-z0-9._:-]+")


class UnreadableError(ValueError):
    """An invalid variable; the message is the rest of a sentence that begins with its name, and never has its value."""


def parse_with(read: Callable[[str], object]) -> BeforeValidator:
    """Validator that parses strings and passes other values through."""

    def validate(value: Any) -> object:
        return read(value) if isinstance(value, str) else value

    return BeforeValidator(validate)


def one_of(*choices: object) -> BeforeValidator:
    """Validator for a choice, case-insensitive."""
    return _chosen({str(choice): choice for choice in choices})


def split_list(written: str) -> list[str]:
    """Split a comma-separated list."""
    return [entry.strip() for entry in written.split(",") if entry.strip()]


def number_range(field: FieldInfo) -> tuple[int, int] | None:
    """A field's minimum and maximum, if it has both."""
    low = next((each.ge for each in field.metadata if hasattr(each, "ge")), None)
    high = next((each.le for each in field.metadata if hasattr(each, "le")), None)
    return None if low is None or high is None else (low, high)


def _chosen(choices: Mapping[str, object]) -> BeforeValidator:
    def read(written: str) -> object:
        for name, value in choices.items():
            if name.casefold() == written.casefold():
                return value
        *names, last = choices
        raise UnreadableError(f"has to be {', '.join(names)} or {last}")

    return parse_with(read)


def _key(written: str) -> str:
    if not (written.isascii() and written.isprintable() and " " not in written):
        raise UnreadableError("holds characters that no key has; copy it again")
    return written


def _url(written: str) -> str:
    try:
        url = URL(written)
        extra = url.user or url.password or url.query_string or url.fragment
        valid = url.scheme in ("http", "https") and bool(url.host) and not extra
    except ValueError:
        valid = False
    if not valid:
        raise UnreadableError("is no URL such as https://api.example.com/v1")
    return written.rstrip("/")


def _digits(written: str) -> int:
    if not DIGITS.fullmatch(written):
        raise ValueError("not a number")
    return int(written)


def _pairs(written: str) -> tuple[tuple[str, str], ...]:
    parted = [entry.partition("=") for entry in split_list(written)]
    if any(not id.strip() for id, _, _ in parted):
        raise UnreadableError("is no list such as id=title, id=title")
    return tuple((id.strip(), title.strip() or id.strip()) for id, _, title in parted)


def _hosts(written: str) -> tuple[tuple[str, int | None], ...]:
    found = [_host(entry) for entry in split_list(written)]
    if None in found:
        hint = ", without http://" if "://" in written else ""
        raise UnreadableError(f"is no list of hosts such as images.lan, 192.168.1.20:9000{hint}")
    return tuple(host for host in found if host)


def _host(written: str) -> tuple[str, int | None] | None:
    """Host and optional port; None for an invalid entry."""
    try:
        url = URL(f"http://{written}")
        host = url.raw_host if url == url.origin() else None
    except ValueError:
        return None
    return (host, url.explicit_port) if host and HOST.fullmatch(host) else None


def _account(written: str) -> str:
    if not written.isprintable():
        raise UnreadableError("holds characters that cannot be typed; copy it again")
    return written


Account = Annotated[SecretStr, parse_with(_account)]
"""`user:password`; blanks and any letters are allowed."""
Secret = Annotated[SecretStr, parse_with(_key)]
"""A key or token; redacted in the log."""
KeyId = Annotated[str, parse_with(_key)]
"""Like a key, but not secret."""
Url = Annotated[str, parse_with(_url)]
"""A base URL, without its trailing slash."""
Integer = Annotated[int, parse_with(_digits)]
"""An integer; the field has its range."""
Switch = Annotated[bool, _chosen({"on": True, "off": False})]
Pairs = Annotated[tuple[tuple[str, str], ...], parse_with(_pairs)]
"""Ids and titles, from `id=title, id=title`; a title may be left out."""
Hosts = Annotated[tuple[tuple[str, int | None], ...], parse_with(_hosts)]
"""Hosts and ports, from `host, host:port`; None for any port."""
