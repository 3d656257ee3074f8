"""Where one member's refused words may shut out the whole bot, that member is held back for a while."""

from collections.abc import Mapping
from datetime import UTC, datetime

from domain import ContentRejected, Job
from providers.base import Provider
from storage.jobs import JobStore


class Conduct:
    """Read from the jobs table, so that all processes know of it, and a restart forgives nothing."""

    def __init__(self, providers: Mapping[str, Provider], jobs: JobStore) -> None:
        self._providers = providers
        self._jobs = jobs

    async def check(self, job: Job) -> None:
        """ContentRejected for a member whose words this provider has refused lately."""
        provider = self._providers[job.provider]
        bans = provider.bans
        if bans is None:
            return
        lately = await self._jobs.refusals(job.user_id, job.provider, datetime.now(UTC) - bans)
        if any(failure.kind == ContentRejected.__name__ and failure.field == "prompt" for failure in lately):
            minutes = f"{bans.total_seconds() / 60:.0f}"
            raise ContentRejected("held back after a refusal", field="member", takes=minutes, subject=provider.title)
