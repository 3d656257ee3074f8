"""The Dockerfile's instructions, and the files that .dockerignore lets into the image."""

import fnmatch
import json
import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

ROOT = Path(__file__).parent.parent


class Instruction(NamedTuple):
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Its words without options such as --from."""
        return [word for word in shlex.split(self.text) if not word.startswith("--")]

    @property
    def exec_form(self) -> list[str]:
        """The program and its arguments; ValueError for a line that a shell would read."""
        return json.loads(self.text)


def instructions() -> list[Instruction]:
    """In order, with continued lines joined and comments left out."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    return [Instruction(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def final_stage() -> list[Instruction]:
    all_of_them = instructions()
    last = max(number for number, each in enumerate(all_of_them) if each.name == "FROM")
    return all_of_them[last:]


def is_in_image(path: PurePosixPath) -> bool:
    """Whether .dockerignore lets the file into the image: its last line that fits decides."""
    fits = [line for line in _ignore_lines() if _fits(path, line.removeprefix("!"))]
    return not fits or fits[-1].startswith("!")


def image_files() -> Iterator[PurePosixPath]:
    found = (path for path in ROOT.rglob("*") if path.is_file() and ".venv" not in path.parts)
    yield from filter(is_in_image, (PurePosixPath(path.relative_to(ROOT)) for path in found))


def _ignore_lines() -> list[str]:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def _fits(path: PurePosixPath, pattern: str) -> bool:
    return any(_matches(each.parts, PurePosixPath(pattern).parts) for each in (path, *path.parents))


def _matches(parts: tuple[str, ...], pattern: tuple[str, ...]) -> bool:
    """As Docker matches: `*` stays within a folder, `**` is any number of folders."""
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches(parts[number:], pattern[1:]) for number in range(len(parts) + 1))
    return bool(parts) and fnmatch.fnmatchcase(parts[0], pattern[0]) and _matches(parts[1:], pattern[1:])
