"""What a card's button knows: what to do, with which job, and with which of its pictures, cells or votes."""

from enum import StrEnum


class Verb(StrEnum):
    """What a button does."""

    AGAIN = "again"
    UPSCALE = "upscale"
    RETRY = "retry"
    DELETE = "delete"


TEMPLATE = (
    rf"easel:(?:2:)?(?P<verb>{'|'.join(Verb)})"
    r":(?P<job>[0-9]{1,20}(?:-[0-9]{1,3})?)(?::(?P<number>[0-9]{1,2}))?"
)
"""Cards of earlier versions have no 2."""


def custom_id(verb: Verb, job_id: str, number: int | None = None) -> str:
    """number: which of several, where the verb is about one."""
    return f"easel:2:{verb}:{job_id}" if number is None else f"easel:2:{verb}:{job_id}:{number}"
