"""The interface through which the studio delivers pictures; views/ implements it for Discord."""

from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple, Protocol

from domain import DeliveryRefusal, FailedDelivery, Job

MOST_PICTURES = 10
"""Discord's limit for attachments of one message; providers may return more."""


class ReadyPicture(NamedTuple):
    """A picture ready to be sent: a file within the size limit, or a link."""

    data: bytes = b""
    extension: str = ""
    link: str | None = None
    reduced: bool = False
    """Re-encoded to fit the upload limit."""
    first_frame_only: bool = False
    """Reduced to the first frame of an animation."""
    kept_key: str | None = None
    """Spool key of a picture that is too large for this channel, and so is not sent but kept."""
    exceeds_every_limit: bool = False
    """It is too large for any message anywhere."""


class Report(NamedTuple):
    """The progress of a job."""

    fraction: float | None = None
    position: int | None = None
    eta: float | None = None
    """Estimated seconds left."""
    preview: Callable[[], Awaitable[ReadyPicture | None]] | None = None
    """Prepares the unfinished picture, called only if it is shown; returns None for an invalid picture."""
    paused: bool = False
    """The job waits in the queue, because the provider has asked for a pause."""


class TemporarilyUndeliverable(Exception):
    """The channel accepts nothing at the moment; a retry may succeed."""


class Undeliverable(Exception):
    """The channel refuses the message, and a retry would not help."""

    def __init__(self, kind: DeliveryRefusal, code: int | None = None) -> None:
        """code: Discord's error code."""
        super().__init__(f"{kind} ({code})" if code else str(kind))
        self.kind = kind
        self.code = code


class Delivery(Protocol):
    """Sends outcomes and progress of jobs to their members."""

    async def deliver(self, job: Job, pictures: Sequence[ReadyPicture], later: int = 0) -> None:
        """Send the outcome, success or failure; raises Undeliverable or TemporarilyUndeliverable.

        later: how many more pictures wait for their owner, because one message takes no more.
        """

    async def explain_refusal(self, job: Job, refused: FailedDelivery) -> None:
        """Send the reason why the pictures were refused; raises Undeliverable or TemporarilyUndeliverable."""

    async def find_acknowledgement(self, job: Job) -> Job | None:
        """The job with the id of the message that acknowledged it, or unchanged if that cannot be found out.

        None if it was not acknowledged; raises TemporarilyUndeliverable.
        """

    def report(self, job: Job, report: Report) -> None:
        """Show progress in the background, best effort."""

    async def show(self, job: Job, report: Report) -> None:
        """Show progress now, and return once it is shown."""

    async def stop_reports(self, job: Job) -> None:
        """Drop the job's pending reports, and wait for the one that is being sent."""
