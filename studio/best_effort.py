"""Errors of secondary work, such as a periodic task, are logged and do not fail the job."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def best_effort(message: str, *arguments: object, passing: tuple[type[Exception], ...] = ()) -> Generator[None]:
    """Log and suppress any error of the block, except those of the types in `passing`.

    message, arguments: the log line, as for `logging`.
    """
    try:
        yield
    except passing:
        raise
    except Exception:  # an edge: a bug in secondary work must not fail the job
        log.exception(message, *arguments)
