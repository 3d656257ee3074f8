"""The values of choices on offer: Discord takes 100 characters of one, and names may be longer."""

from collections.abc import Sequence
from hashlib import blake2b

VALUE_CHARACTERS = 100
DIGEST_BYTES = 8


def choice_value(name: str) -> str:
    """The name itself, or the beginning of a long one and a digest of all of it: always the same for one name."""
    if len(name) <= VALUE_CHARACTERS:
        return name
    digest = blake2b(name.encode(), digest_size=DIGEST_BYTES).hexdigest()
    return f"{name[: VALUE_CHARACTERS - len(digest) - 1]}…{digest}"


def named_by(value: str, names: Sequence[str]) -> str | None:
    """The name with that choice value; None if it is not among them."""
    return next((name for name in names if value in (name, choice_value(name))), None)
