"""The server's folders: how files are numbered, and what it answers for nodes that it has run before."""

import json
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

File = tuple[str, str, str]
"""Name, subfolder and type."""
TEMPORARY = ("ComfyUI_temp_abcde", "temp")
"""The prefix that the server makes up for pictures that are only shown, and their type."""


class Disk:
    def __init__(self) -> None:
        self.files: dict[File, bytes] = {}
        self._run: dict[str, list[File]] = {}

    def save(self, nodes: dict[str, Any], pictures: Sequence[bytes]) -> list[File]:
        """The files that were saved, or those that were when exactly these nodes ran before, wherever they are now."""
        signature = json.dumps(nodes, sort_keys=True)
        if signature not in self._run:
            prefix, kind = _prefix(nodes)
            self._run[signature] = [self._save(prefix, kind, picture) for picture in pictures]
        return self._run[signature]

    def tidy(self) -> None:
        """As a host does who deletes what lies there; the server does not notice."""
        self.files.clear()

    def _save(self, prefix: str, kind: str, picture: bytes) -> File:
        path = PurePosixPath(prefix)
        folder = str(path.parent) if path.parent.name else ""
        number = sum(name.startswith(f"{path.name}_") and where == folder for name, where, _ in self.files) + 1
        file = (f"{path.name}_{number:05}_.png", folder, kind)
        self.files[file] = picture
        return file


def _prefix(nodes: dict[str, Any]) -> tuple[str, str]:
    saving = [node["inputs"] for node in nodes.values() if isinstance(node["inputs"].get("filename_prefix"), str)]
    shown = any(node["class_type"] == "PreviewImage" for node in nodes.values())
    return (saving[0]["filename_prefix"], "output") if saving else TEMPORARY if shown else ("own", "output")
