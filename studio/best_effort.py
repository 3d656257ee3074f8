"""Work that must not fail what it is part of, such as a chore, or what is noted beside a job."""

import logging
from collections.abc import Generator
from contextlib import contextmanager

log = logging.getLogger(__name__)


@contextmanager
def best_effort(message: str, *arguments: object, passing: tuple[type[Exception], ...] = ()) -> Generator[None]:
    """Log whatever error ends the block, and go on behind it; errors of the types in `passing` are raised.

    message, arguments: what the log says, as for `logging`.
    """
    try:
        yield
    except passing:
        raise
    except Exception:  # an edge: a bug in what is done beside a job must not cost the job
        log.exception(message, *arguments)
