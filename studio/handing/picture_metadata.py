"""How a picture was made, for the metadata of its file."""

from domain import Drawn, Job
from domain.requests import COMMAND_NAMES, OPTIONS


def facts(job: Job, drawn: Drawn) -> dict[str, str]:
    """The metadata of a public picture's file, without options that were not set."""
    values = {"prompt": job.request.prompt, "provider": job.provider, "model": job.model, "size": drawn.size}
    options = {COMMAND_NAMES.get(option.name, option.name): option.value(job.request) for option in OPTIONS}
    told = values | options | {"seed": drawn.seed}
    return {name: str(value) for name, value in told.items() if value is not None}
