"""Warnings that are logged once, though what they are about is read again and again."""

import logging
from functools import lru_cache

log = logging.getLogger(__name__)


@lru_cache(maxsize=256)
def warn_once(text: str) -> None:
    """Log a warning once per process: lists are reloaded every ten minutes."""
    log.warning(text)
