"""How a picture was made, for the metadata of its file."""

from domain import Drawn, Job


def facts(job: Job, drawn: Drawn) -> dict[str, str]:
    """The metadata of a public picture's file, without options that were not set."""
    request = job.request
    values = {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "provider": job.provider,
        "model": job.model,
        "size": drawn.size,
        "seed": drawn.seed,
        "steps": request.steps,
        "guidance": request.guidance_scale,
        "scheduler": request.scheduler,
        "quality": request.quality,
        "style": request.style,
        "strength": request.strength,
    }
    return {name: str(value) for name, value in values.items() if value is not None}
