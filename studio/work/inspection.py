"""What a provider has sent is kept first, as it came, and looked at then: whatever happens meanwhile, it is there."""

import logging

from domain import BadResponse, Drawn
from storage.spool import SPOOL_ERRORS, Spool
from studio import images
from studio.lease import HeldJob

log = logging.getLogger(__name__)


async def inspect_unread(held: HeldJob, spool: Spool) -> None:
    """Put right what a row says of pictures that are kept unread. BadResponse where one is none: it is dropped."""
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
    """The picture and what is to be known of it; of a key of its own where that is not how it came; BadResponse."""
    made = await images.receive(data)
    told = {"size": made.size, "kind": made.kind, "way": made.way}
    key = drawn.key if made.data is data else f"{drawn.key}.png"
    return drawn.model_copy(update={**told, "key": key}), made.data


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
    """Only what is kept takes the place of what came."""
    try:
        await spool.put_cached(new.key or "", data)
    except SPOOL_ERRORS as error:
        log.warning("job %s: %s goes on as it came, %s", held.job.id, old.key, type(error).__name__)
        held.set(drawn=_replaced(held, old, new.model_copy(update={"key": old.key, "way": "file"})))
    else:
        await held.update(drawn=_replaced(held, old, new))
        await spool.delete([old.key or ""])


def _replaced(held: HeldJob, old: Drawn, *new: Drawn) -> tuple[Drawn, ...]:
    """What is drawn, with something else in the place of one."""
    at = held.job.drawn.index(old)
    return (*held.job.drawn[:at], *new, *held.job.drawn[at + 1 :])
