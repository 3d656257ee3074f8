"""What the studio needs of whoever shows pictures; views/ has the one for Discord."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from domain import Job, Refusal, Refused

MOST_PICTURES = 10
"""Discord's limit for a message: a workflow may save any number of pictures, and a model answer with any."""


class Ready(NamedTuple):
    """A picture as it is sent: a file within the limit, or a link."""

    data: bytes = b""
    extension: str = ""
    link: str | None = None
    reduced: bool = False
    """Re-encoded to fit the upload limit."""
    stilled: bool = False
    """And only the first frame of one that moves."""
    kept: str | None = None
    """Nothing of it is sent, for it is too large for this place: it stays in the spool, under this key."""
    beyond: bool = False
    """And too large for every other place."""


class Report(NamedTuple):
    """How far a drawing is."""

    fraction: float | None = None
    position: int | None = None
    eta: float | None = None
    """Seconds to go."""
    preview: Callable[[], Awaitable[Ready | None]] | None = None
    """Prepares the unfinished picture, for few are shown; None where it is none."""
    paused: bool = False
    """Not begun: the provider has said when to come again."""


class NotNow(Exception):
    """The place takes nothing just now: the same may be tried later."""


class Undeliverable(Exception):
    """The place will not take it, now or later."""

    def __init__(self, kind: Refusal, code: int | None = None) -> None:
        """code: the place's own number for it."""
        super().__init__(f"{kind} ({code})" if code else str(kind))
        self.kind = kind
        self.code = code


class Delivery(Protocol):
    async def deliver(self, job: Job, pictures: Sequence[Ready], later: int = 0) -> None:
        """Show the outcome, good or bad; raises Undeliverable or NotNow.

        later: how many more wait for their owner, for a message takes no more.
        """

    async def excuse(self, job: Job, refused: Refused) -> None:
        """Say, where the pictures should have been, why they are not; raises Undeliverable or NotNow."""

    async def recall(self, job: Job) -> Job | None:
        """A job with the message that told its member to wait, or as it is where that cannot be known.

        None where nobody was told; NotNow.
        """

    def report(self, job: Job, report: Report) -> None:
        """Show how far it is, some time soon or not at all; nobody waits for it."""

    async def show(self, job: Job, report: Report) -> None:
        """Show it now: nobody else shows anything of the job until this returns."""

    async def settle(self, job: Job) -> None:
        """Show no more of its progress, and wait for what is just being shown: something else comes next."""
