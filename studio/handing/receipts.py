"""The facts of a picture, for its receipt and for its file."""

from domain import Drawn, Job


def facts(job: Job, drawn: Drawn) -> dict[str, str]:
    """What a public picture's file tells of how it was made; only what was set."""
    request = job.request
    told = {
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
    return {name: str(value) for name, value in told.items() if value is not None}
