"""What /recover says."""

from views.wording.text import say, say_count

NOTHING_UNDELIVERED = "Nothing of yours is waiting."
ONE_UNDELIVERED = "{count} request of yours could not be answered. This is what becomes of it now:"
UNDELIVERED = "{count} requests of yours could not be answered. This is what becomes of them now:"
MORE_UNDELIVERED = (
    "{count} requests of yours could not be answered. This is what becomes of {most} of them now; "
    "use `/recover` again for the others."
)
SENDING_NOTE = "-# on its way…"
ALREADY_SENDING = "It is on its way already."
PROMPTLESS = "One of your requests"
RECOVER_FAILED = "{count} could not be tried just now; use `/recover` again in a minute."


def recovery_summary(waiting: int, most: int) -> str:
    """How many jobs wait, of which at most so many are delivered now."""
    if waiting == 0:
        return say(NOTHING_UNDELIVERED)
    if waiting > most:
        return say(MORE_UNDELIVERED, count=waiting, most=most)
    return say_count(ONE_UNDELIVERED, UNDELIVERED, waiting)
