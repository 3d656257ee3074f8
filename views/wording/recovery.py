"""What /recover says."""

from views.wording.text import say, say_count

NOTHING_UNDELIVERED = "Nothing of yours is waiting."
ONE_UNDELIVERED = "{count} request of yours could not be delivered. I am trying again now:"
UNDELIVERED = "{count} requests of yours could not be delivered. I am trying again now:"
MORE_UNDELIVERED = (
    "{count} requests of yours could not be delivered. I am trying {most} of them again now; "
    "use `/recover` again for the others."
)
SENDING_NOTE = "-# on its way…"
ALREADY_SENDING = "It is on its way already."
PROMPTLESS = "One of your requests"
RECOVER_FAILED = "Requests that could not be tried: {count}. Use `/recover` again in a minute."


def recovery_summary(waiting: int, most: int) -> str:
    """How many jobs wait, of which at most so many are delivered now."""
    if waiting == 0:
        return say(NOTHING_UNDELIVERED)
    if waiting > most:
        return say(MORE_UNDELIVERED, count=waiting, most=most)
    return say_count(ONE_UNDELIVERED, UNDELIVERED, waiting)
