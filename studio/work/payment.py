"""The rule that nothing is paid for twice, in one place.

What may follow a call that failed, by whether the provider has accepted it::

                 sent again    handed on to another    the member is told
    not taken    yes           yes                     that it failed
    unknown      never         never                   that it failed, and may have to be paid for
    taken        never         never                   that it failed; Retry asks for what is due, while that is known

- With a provider that costs nothing, nothing is ever due: whatever it has accepted counts as not taken.
- What an earlier run has asked for may have been accepted then, whatever a later one is told.
- A job that is found in the middle of a call, or whose remote job nobody knows any more, is not asked for again.
- Where a picture is there, nobody else is asked: it is delivered, and the rest is told as missing.

`providers.http.repeating` keeps to the same rule among the tries of one HTTP call.
"""

from domain import Acceptance, EaselError, Interrupted, Job, NotAsked, NotPossible, ProviderError, State, SwitchedOff
from providers.kit.base import Provider


def is_unsent(job: Job) -> bool:
    """Nobody has been asked for it, and somebody wants it."""
    return job.state is State.QUEUED and job.remote is None and not (job.drawn or job.cancelled)


def check_resumable(job: Job, provider: Provider) -> None:
    """Interrupted where an earlier run may have ordered what nobody can ask for."""
    is_unknown = job.state is State.SENDING or (job.state is State.WAITING and not job.remote)
    if is_unknown and provider.paid:
        raise Interrupted("stopped while the provider may have accepted the job")


def acceptance(job: Job, error: EaselError, provider: Provider | None, *, was_new: bool) -> Acceptance:
    """Whether a failed job has been accepted, and is due. was_new: no earlier run had asked for it."""
    if provider is not None and not provider.paid:
        return Acceptance.NOT_TAKEN
    if job.remote is not None:
        return Acceptance.TAKEN
    taken = _said_by(error)
    if taken is Acceptance.NOT_TAKEN and not was_new:
        return Acceptance.UNKNOWN
    if taken is Acceptance.UNKNOWN and job.state is State.WAITING:
        return Acceptance.TAKEN
    return taken


def _said_by(error: EaselError) -> Acceptance:
    if isinstance(error, ProviderError):
        return error.taken
    nothing_was_sent = isinstance(error, NotAsked | NotPossible | SwitchedOff)
    return Acceptance.NOT_TAKEN if nothing_was_sent else Acceptance.UNKNOWN


def may_be_asked_again(job: Job, taken: Acceptance) -> bool:
    """Whether the same call may be sent again, or another provider be asked."""
    return taken is Acceptance.NOT_TAKEN and not job.drawn
