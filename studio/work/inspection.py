"""Inspects pictures after they are stored: a provider's bytes are stored first, so that a crash cannot lose them."""

import logging

from domain import BadResponse, Drawn
from storage.spool import SPOOL_ERRORS, Spool
from studio import images
from studio.lease import HeldJob

log = logging.getLogger(__name__)


async def inspect_unread(held: HeldJob, spool: Spool) -> None:
    """Inspect the job's uninspected pictures; BadResponse if one is no picture, which is then deleted."""
    failed = None
    for drawn in held.job.drawn:
        data = await spool.get(drawn.key) if drawn.way == "unread" and drawn.key else None
        if data is not None:
            try:
                await _inspect_one(held, spool, drawn, data)
            except BadResponse as error:
                failed = error
    if failed:
        raise failed


async def inspected(drawn: Drawn, data: bytes) -> tuple[Drawn, bytes]:
    """The picture's entry and bytes after inspection, under a key of its own if it was re-encoded; BadResponse."""
    received = await images.receive(data)
    key = drawn.key if received.data is data else f"{drawn.key}.png"
    return drawn.having(key=key, size=received.size, kind=received.kind, way=received.way), received.data


async def _inspect_one(held: HeldJob, spool: Spool, drawn: Drawn, data: bytes) -> None:
    try:
        entry, made = await inspected(drawn, data)
    except BadResponse:
        held.set(drawn=_replaced(held, drawn))
        await spool.delete([drawn.key or ""])
        raise
    if entry.key == drawn.key:
        held.set(drawn=_replaced(held, drawn, entry))  # the job's next step writes it
    else:
        await _replace(held, spool, drawn, entry, made)


async def _replace(held: HeldJob, spool: Spool, old: Drawn, new: Drawn, data: bytes) -> None:
    """Replace the original by the re-encoded picture once that is stored."""
    try:
        await spool.put_cached(new.key or "", data)
    except SPOOL_ERRORS as error:
        log.warning("job %s: %s is sent unconverted, %s", held.job.id, old.key, type(error).__name__)
        held.set(drawn=_replaced(held, old, new.having(key=old.key, way="file")))
    else:
        await held.update(drawn=_replaced(held, old, new))
        await spool.delete([old.key or ""])


def _replaced(held: HeldJob, old: Drawn, *new: Drawn) -> tuple[Drawn, ...]:
    """The job's pictures, with `old` replaced by `new`."""
    at = held.job.drawn.index(old)
    return (*held.job.drawn[:at], *new, *held.job.drawn[at + 1 :])
