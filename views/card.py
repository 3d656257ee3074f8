"""The result: a receipt, the pictures and their buttons."""

from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import NamedTuple

import discord

from domain import Job, NotAsked, Size, State, Unexpected
from domain.outcomes import is_hosts_matter
from studio.display import ReadyPicture, Report
from views.card_ids import Verb, custom_id
from views.limits import ALT, MESSAGE
from views.wording.notes import arrival_words, note_words, waiting_words
from views.wording.outcomes import explain, explain_without_words
from views.wording.text import code, fitting, in_time, plain

SMALLER = 0.8
"""The share of the pixels asked for below which the receipt tells of it."""
CUT_OFF = tuple(".,:;)]'\"")
"""What Discord does not take for the end of a link, unless brackets stand around it; in those it shows no preview."""
LABELS: Mapping[Verb, tuple[str, str]] = {
    Verb.AGAIN: ("Again", "🔁"),
    Verb.UPSCALE: ("Upscale", "🔍"),
    Verb.RETRY: ("Retry", "🔁"),
    Verb.DELETE: ("Delete", "🗑️"),
}
WORDLESS = "-# Its words are left out: they could not be shown here."


class Card(NamedTuple):
    """A message for the outcome of a job. Its view is stopped: its buttons are answered by `views.buttons`."""

    content: str
    view: discord.ui.View | None
    pictures: Sequence[ReadyPicture]
    name: str
    alt: str

    def files(self) -> list[discord.File]:
        """Anew for each try: a sent file has been read to its end. A picture's link that finds no room comes in one."""
        data = [ready for ready in self.pictures if ready.data]
        files: list[discord.File] = [
            _File(BytesIO(ready.data), f"{self.name}-{number}.{ready.extension}", description=self.alt)
            for number, ready in enumerate(data, 1)
        ]
        links = [ready.link for ready in self.pictures if ready.link]
        if {line.strip("<>") for line in self.content.splitlines()}.issuperset(links):
            return files
        return [*files, _File(BytesIO("\n".join(links).encode()), f"{self.name}-links.txt")]


def preview_files(job: Job, preview: ReadyPicture) -> list[discord.File]:
    """An unfinished picture, in place of the one before it."""
    return [
        _File(
            BytesIO(preview.data), f"easel-{job.id}-unfinished.{preview.extension}", description="An unfinished picture"
        )
    ]


class _File(discord.File):
    """discord.py leaves each file in a cycle of references: once it is closed, at least its bytes are freed."""

    def close(self) -> None:
        super().close()
        self.fp.close()


def result_card(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int = 0) -> Card:
    """The pictures with their receipt, or the sentence that says why there are none."""
    lines = _receipt(job, pictures, provider, later) if pictures else _apology(job, provider)
    links = [_whole(each.link) for each in pictures if each.link]
    verbs = _verbs(job, pictures)
    return Card(
        content=_content(lines, links),
        view=buttons(job, verbs),
        pictures=pictures,
        name=f"easel-{job.id}",
        alt=_alt(job, provider),
    )


def wordless_card(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int = 0) -> Card:
    """The same without a word from outside: neither the member's nor a provider's or model's."""
    line = WORDLESS if pictures else explain_without_words(job.failure, provider)
    waiting = [f"-# {note}" for note in waiting_words(pictures, later)]
    links = [each.link for each in pictures if each.link]
    card = result_card(job, pictures, provider)
    return card._replace(content=_content([line, *waiting], links), alt="A picture")


def _whole(link: str) -> str:
    """A link that Discord neither shortens by its last sign nor shows as anything else; else with its preview."""
    return f"<{link}>" if link.endswith(CUT_OFF) else link


def drawing_line(job: Job, report: Report, provider: str) -> str:
    """What the message says until the picture is there."""
    facts = [f"{report.fraction:.0%}" if report.fraction else ""]
    facts.append(f"place {report.position} in line" if report.position else "")
    seconds = f"about {in_time(report.eta)}" if report.eta else ""
    if report.paused:
        facts.append(f"asked again in {seconds or 'a while'}")
    elif seconds:
        facts.append(f"{seconds} to go")
    told = " · ".join(filter(None, [provider, plain(job.model_title), *facts]))
    waits = report.paused or (report.position and not report.fraction)
    doing = "⏳ waiting…" if waits else "🖌️ drawing…"
    return f"{doing} {code(job.request.prompt)}\n-# {told}"


def _receipt(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int) -> list[str]:
    drawn = job.drawn
    seeds = ", ".join(str(each.seed) for each in drawn if each.seed is not None)
    sizes = ", ".join(dict.fromkeys(str(each.size) for each in drawn if each.size))
    facts = [
        provider,
        plain(job.model_title),
        sizes,
        f"seed {seeds}" if seeds else "",
        _time(job),
        f"price {_times(len(drawn))}{plain(job.cost)}" if job.cost else "",
    ]
    lines = [code(job.request.prompt), "-# " + " · ".join(filter(None, facts))]
    return lines + [f"-# {note}" for note in _notes(job, pictures, provider, later)]


def _times(count: int) -> str:
    """A price may be that of a megapixel or a token: no sum is made of it."""
    return f"{count} \N{MULTIPLICATION SIGN} " if count > 1 else ""


def _time(job: Job) -> str:
    """From the first call to the last picture, and how much of it the provider says that it drew."""
    if job.seconds is None:
        return ""
    own = sum(each.seconds or 0 for each in job.drawn)
    drawing = f" ({own:.1f} s of it drawing)" if 0 < own <= 0.9 * job.seconds else ""
    return f"{job.seconds:.1f} s{drawing}"


def _content(lines: Sequence[str], links: Sequence[str]) -> str:
    """In whole lines, as far as they fit: the links first, for each of them is a picture."""
    kept = fitting(links, MESSAGE)
    text = fitting(lines, MESSAGE - sum(len(link) + 1 for link in kept))
    return "\n".join([*text, *kept])


def _notes(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int) -> list[str]:
    notes = [note_words(note) for note in job.notes]
    asked, shown = job.request.count, sum(not each.kept_key for each in pictures)
    if shown < asked and not (job.refused and job.refused.rest):
        why = f" {explain(job.failure, provider)}" if job.failure else ""
        notes.append(f"{shown} of {asked}.{why}")
    notes += waiting_words(pictures, later)
    if any(each.reduced for each in pictures):
        notes.append("Re-encoded to fit this place's upload limit.")
    if any(each.first_frame_only for each in pictures):
        notes.append("It moves, but only its first frame fits.")
    notes += dict.fromkeys(sentence for each in job.drawn if (sentence := arrival_words(each)))
    if any(_is_smaller(each.size, job.request.size) for each in job.drawn):
        notes.append(f"Smaller than the {job.request.size} that {provider} was asked for.")
    if any(each.link for each in pictures):
        notes.append("The picture could not be fetched; this link to it will expire.")
    return notes


def _is_smaller(drawn: Size | None, asked: Size | None) -> bool:
    """By more than the difference between an API's own size for a ratio and ours."""
    if drawn is None or asked is None:
        return False
    return drawn.width * drawn.height < SMALLER * asked.width * asked.height


def _apology(job: Job, provider: str) -> list[str]:
    why = job.failure or Unexpected()
    asked = not isinstance(why, NotAsked)  # the note says so
    before = [f"-# {note_words(note)}" for note in job.notes[:1] if job.tried and asked]
    kept = ["-# Retry asks for the same picture again, and orders nothing twice."] if job.remote is not None else []
    lines = [code(job.request.prompt), explain(why, provider), f"-# {provider} · {plain(job.model_title)}"]
    return [*lines, *kept, *before]


def _verbs(job: Job, pictures: Sequence[ReadyPicture]) -> list[Verb]:
    """Retry also below some of the pictures, where the rest is paid for and may yet come."""
    retry = job.remote is not None or (not pictures and _worth_retrying(job))
    shown = all(each.way != "file" for each in job.drawn)
    single = len(pictures) == 1 and bool(pictures[0].data) and shown and not job.request.upscale
    can = {Verb.AGAIN: bool(pictures), Verb.UPSCALE: single and job.upscales, Verb.RETRY: retry, Verb.DELETE: True}
    return [verb for verb in Verb if can[verb]]


def _worth_retrying(job: Job) -> bool:
    """Not what was refused, nor what only the host can mend."""
    return job.failure is None or not (job.failure.state is State.REFUSED or is_hosts_matter(job.failure))


def buttons(job: Job, verbs: Sequence[Verb]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for verb in verbs:
        view.add_item(button(verb, job.id))
    view.stop()  # or discord.py would keep every card in memory for ever
    return view


def button(verb: Verb, job_id: str) -> "discord.ui.Button[discord.ui.View]":
    label, emoji = LABELS[verb]
    return discord.ui.Button(label=label, emoji=emoji, custom_id=custom_id(verb, job_id))


def _alt(job: Job, provider: str) -> str:
    alt = f"A picture drawn by {provider} ({job.model_title}) for the words: {code(job.request.prompt, 800)[1:-1]}"
    return alt[:ALT]
