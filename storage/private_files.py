"""Rights of the files in DATA_DIR: for the bot's own user alone."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

FOLDER_MODE, FILE_MODE = 0o700, 0o600
OWN_FILES = ("easel.lock", "easel.db", "easel.db-wal", "easel.db-shm", "easel.db-journal")
SPOOL_FOLDER = "spool"


def make_private(folder: Path) -> None:
    """Take all rights on the folder, and on Easel's files in it, from other users; files made later get none.

    Windows has other rights, which the folder inherits. A folder that is another user's stays as it is.
    """
    if os.name == "nt":
        return
    os.umask(0o077)
    for path in _own(folder):
        with suppress(OSError):
            mode = FOLDER_MODE if path.is_dir() else FILE_MODE
            if path.stat().st_mode & 0o777 != mode and not path.is_symlink():
                path.chmod(mode)


def _own(folder: Path) -> Iterator[Path]:
    """A host may keep other files in the same folder: they are not Easel's."""
    yield folder
    yield from (path for name in OWN_FILES if (path := folder / name).exists())
    if (spool := folder / SPOOL_FOLDER).is_dir():
        yield spool
        yield from spool.rglob("*")
