"""What /privacy says of a member's stored requests, before and after they are deleted."""

from domain.jobs import Finished
from views.wording.text import say, say_count

NOTHING_STORED = "Nothing of yours is stored here that could be deleted."
QUESTION = "**Delete what is stored about you?**"
ONE_GOES = "{count} finished request of yours goes: its words, its options and its files."
MANY_GO = "{count} finished requests of yours go: their words, their options and their files."
ONE_WAITS = "For {count} of them, a picture still waits for `/recover`: it is lost then."
MANY_WAIT = "For {count} of them, pictures still wait for `/recover`: they are lost then."
POSTED_STAY = "Pictures that were posted stay until **Delete** below them is pressed. This cannot be undone."
ONE_DELETED = "Deleted: {count} finished request of yours, with its words, its options and its files."
MANY_DELETED = "Deleted: {count} finished requests of yours, with their words, their options and their files."
PICTURE_DELETED = "A picture that waited for `/recover` went with it."
PICTURES_DELETED = "The pictures of {count} requests that waited for `/recover` went with them."
NOTHING_DELETED = "Nothing was deleted: no finished request of yours is stored here."
ONE_STAYS = "{count} request of yours is still under way and stays. When it is done, `/privacy` can delete it, too."
MANY_STAY = (
    "{count} requests of yours are still under way and stay. When they are done, `/privacy` can delete them, too."
)


def question_sentences(found: Finished, under_way: int) -> str:
    """What would go and what would stay, before it is confirmed."""
    if not found.requests:
        return _lines(say(NOTHING_STORED), _what_stays(under_way))
    waits = say_count(ONE_WAITS, MANY_WAIT, found.waiting) if found.waiting else ""
    goes = say_count(ONE_GOES, MANY_GO, found.requests)
    return _lines(say(QUESTION), goes, waits, _what_stays(under_way), say(POSTED_STAY))


def deleted_sentences(deleted: Finished, under_way: int) -> str:
    """What went, and what stays."""
    if not deleted.requests:
        return _lines(say(NOTHING_DELETED), _what_stays(under_way))
    waited = say_count(PICTURE_DELETED, PICTURES_DELETED, deleted.waiting) if deleted.waiting else ""
    return _lines(say_count(ONE_DELETED, MANY_DELETED, deleted.requests), waited, _what_stays(under_way))


def _what_stays(under_way: int) -> str:
    return say_count(ONE_STAYS, MANY_STAY, under_way) if under_way else ""


def _lines(*sentences: str) -> str:
    return "\n".join(filter(None, sentences))
