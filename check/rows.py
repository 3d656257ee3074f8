"""A row of the table that `--check` prints."""

from typing import NamedTuple


class Row(NamedTuple):
    name: str
    state: str
    """works, off, note or fails."""
    result: str

    def __str__(self) -> str:
        return f"{self.name:14} {self.state:8} {self.result}"
