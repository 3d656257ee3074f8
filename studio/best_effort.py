"""Secondary work, such as recording an outage: its errors are logged, and do not fail the job."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def best_effort(message: str, *arguments: object, passing: tuple[type[Exception], ...] = ()) -> Generator[None]:
    """Log and suppress any error but those in `passing`; message, arguments: the log line, as for `logging`."""
    try:
        yield
    except passing:
        raise
    except Exception:  # an edge: a bug in secondary work costs no picture, and ends no other job
        log.exception(message, *arguments)
