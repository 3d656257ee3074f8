"""Secondary work, such as recording an outage: its errors are logged, and do not fail the job."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def suppress_and_log(errors: tuple[type[Exception], ...], message: str, *arguments: object) -> Generator[None]:
    """Log and suppress the errors of these types; others are raised.

    message, arguments: the log line, as for `logging`.
    """
    try:
        yield
    except errors:
        log.exception(message, *arguments)


@contextmanager
def best_effort(message: str, *arguments: object, passing: tuple[type[Exception], ...] = ()) -> Generator[None]:
    """Log and suppress any error but those in `passing`; only for outer edges, where a bug must not end the others."""
    try:
        yield
    except passing:
        raise
    except Exception:  # an edge: whole jobs, periodic tasks and bytes from outside may fail in any way
        log.exception(message, *arguments)
