"""The rule that nothing is paid for twice, in one place.

What may follow a call that failed, by whether the provider has accepted it::

                 retried    fallback    the member is told
    not taken    yes        yes         that it failed
    unknown      never      never       that it failed, and may have been charged
    taken        never      never       that it failed; Retry fetches the remote job's result, while its id is known

- A free provider's failed calls count as not taken for a fallback; they are retried only if it says so itself.
- If an earlier process has called the provider, acceptance is unknown even if a later call is refused.
- A paid job that was interrupted during a call, or whose remote job's id is lost, is not sent again.
- Once one picture has arrived, there is no fallback: it is delivered, and the others are reported as missing.

`providers.http.calls` applies the same rule to the retries of one HTTP call.
"""

from domain import Acceptance, EaselError, Interrupted, Job, NotAsked, NotPossible, ProviderError, State, SwitchedOff
from providers.kit.base import Provider


def is_new(job: Job) -> bool:
    """Whether no provider has been asked for the job yet, and it is not cancelled."""
    return job.state is State.QUEUED and job.remote is None and not (job.drawn or job.cancelled)


def check_resumable(job: Job, provider: Provider) -> None:
    """Raise Interrupted if an earlier process may have sent a paid call whose remote job is unknown."""
    is_unknown = job.state is State.SENDING or (job.state is State.WAITING and not job.remote)
    if is_unknown and provider.is_paid:
        raise Interrupted("stopped while the provider may have accepted the job")


def acceptance(job: Job, error: EaselError, provider: Provider | None, *, was_new: bool) -> Acceptance:
    """Whether the provider has accepted a failed job. was_new: no earlier process had sent it."""
    if provider is not None and not provider.is_paid:
        return Acceptance.NOT_TAKEN
    if job.remote is not None:
        return Acceptance.TAKEN
    taken = _said_by(error)
    if taken is Acceptance.NOT_TAKEN and not was_new:
        return Acceptance.UNKNOWN
    if taken is Acceptance.UNKNOWN and job.state is State.WAITING:
        return Acceptance.TAKEN
    if taken is Acceptance.UNKNOWN and job.state is State.QUEUED and was_new and (job.drawn or not job.calls_done):
        return Acceptance.NOT_TAKEN  # before the first call, or between two: none is under way
    return taken


def _said_by(error: EaselError) -> Acceptance:
    if isinstance(error, ProviderError):
        return error.taken
    nothing_was_sent = isinstance(error, NotAsked | NotPossible | SwitchedOff)
    return Acceptance.NOT_TAKEN if nothing_was_sent else Acceptance.UNKNOWN


def may_be_asked_again(job: Job, taken: Acceptance) -> bool:
    """Whether the call may be retried, or sent to another provider."""
    return taken is Acceptance.NOT_TAKEN and not job.drawn
