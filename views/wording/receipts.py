"""The words of a receipt and of the text that shows a job's progress."""

from domain import Job
from studio.display import Report
from views.wording.text import code_span, format_wait, say

WAITING = "⏳ waiting… {prompt}"
DRAWING = "🖌️ drawing… {prompt}"
PLACE = "place {position} in line"
ASKED_AGAIN = "tried again later"
ASKED_AGAIN_AT = "tried again in about {wait}"
TIME_LEFT = "about {wait} to go"
SEEDS = "seed {seeds}"
TOOK = "{seconds} s"
TOOK_WITH_DRAWING = "{seconds} s ({drawing} s of it drawing)"
DRAWING_SHARE = 0.9
"""Share of the whole time above which the drawing time is not worth telling."""
ALT_TEXT = "A picture drawn by {provider} ({model}) for the words: {prompt}"
ALT_PROMPT_CHARACTERS = 800


def progress_headline(job: Job, report: Report) -> str:
    waits = report.paused or (report.position and not report.fraction)
    return say(WAITING if waits else DRAWING, prompt=code_span(job.request.prompt))


def progress_facts(report: Report) -> list[str]:
    """Share done, place in the queue, time left; only what is known."""
    facts = [f"{report.fraction:.0%}"] if report.fraction else []
    if report.position:
        facts.append(say(PLACE, position=report.position))
    if report.eta:
        facts.append(say(ASKED_AGAIN_AT if report.paused else TIME_LEFT, wait=format_wait(report.eta)))
    elif report.paused:
        facts.append(say(ASKED_AGAIN))
    return facts


def seed_words(job: Job) -> str:
    """The seeds of a job's pictures; empty if none is known."""
    seeds = ", ".join(str(each.seed) for each in job.drawn if each.seed is not None)
    return say(SEEDS, seeds=seeds) if seeds else ""


def duration_words(job: Job) -> str:
    """From the first call to the last picture, with the drawing time that the provider reports."""
    if job.seconds is None:
        return ""
    own, whole = sum(each.seconds or 0 for each in job.drawn), f"{job.seconds:.1f}"
    if 0 < own <= DRAWING_SHARE * job.seconds:
        return say(TOOK_WITH_DRAWING, seconds=whole, drawing=f"{own:.1f}")
    return say(TOOK, seconds=whole)


def alt_text(job: Job, provider: str) -> str:
    prompt = code_span(job.request.prompt, ALT_PROMPT_CHARACTERS)[1:-1]
    return say(ALT_TEXT, provider=provider, model=job.model_title, prompt=prompt)
