"""The message for a job's outcome: receipt, pictures, buttons."""

from collections.abc import Sequence
from io import BytesIO
from typing import NamedTuple

import discord

from domain import Job, NotAsked, Size, Unexpected
from studio.display import ReadyPicture, Report
from views.card_actions import ACTIONS, CardAction, card_button
from views.limits import ALT_TEXT_CHARACTERS, MESSAGE_CHARACTERS
from views.wording.notes import (
    conversion_sentence,
    credit_sentence,
    failure_note,
    note_sentence,
    undelivered_sentences,
)
from views.wording.outcomes import explain, explain_without_external_text
from views.wording.prices import labelled_price
from views.wording.receipts import alt_text, duration_words, progress_facts, progress_headline, seed_words
from views.wording.text import code_span, escape, fit_lines, join_sentences, say

SMALLER_SHARE = 0.8
"""Share of the requested pixels below which the receipt has a note."""
UNLINKED_ENDINGS = tuple(".,:;)]'\"")
"""Discord does not count these as the end of a link, unless it is in brackets, where it has no preview."""
TEXT_LEFT_OUT = "-# Discord did not let me show its words, so they are left out."
SOME_SHOWN = "{shown} of {asked} pictures."
REDUCED = "Compressed to fit the upload limit here."
FIRST_FRAME_ONLY = "It is animated, but only its first frame fits here."
SMALLER = "Smaller than the {size} that {provider} was asked for."
LINK_EXPIRES = "The picture could not be fetched. This link to it will expire, so open it soon."
RETRY_FETCHES = "-# Retry asks for the same picture again; nothing is ordered twice."
UNNAMED_PICTURE = "A picture"
UNFINISHED_PICTURE = "An unfinished picture"


class Card(NamedTuple):
    """A message for the outcome of a job. Its view is stopped: its buttons are answered by `views.buttons`."""

    content: str
    view: discord.ui.View | None
    pictures: Sequence[ReadyPicture]
    name: str
    alt: str

    def files(self) -> list[discord.File]:
        """New file objects for each attempt, as sending reads them; links that the text has no room for are a file."""
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
    """The attachment that replaces the last unfinished picture."""
    return [
        _File(BytesIO(preview.data), f"easel-{job.id}-unfinished.{preview.extension}", description=UNFINISHED_PICTURE)
    ]


class _File(discord.File):
    """Frees its bytes when closed: discord.py keeps each file in a reference cycle."""

    def close(self) -> None:
        super().close()
        self.fp.close()


def result_card(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int = 0) -> Card:
    """The pictures with their receipt, or why there are none. later: how many more pictures do not fit."""
    lines = _receipt_lines(job, pictures, provider, later) if pictures else _failure_lines(job, provider)
    links = [_protect_link(each.link) for each in pictures if each.link]
    actions = [each for each in ACTIONS.values() if each.is_offered(job, pictures)]
    return Card(
        content=_fit_content(lines, links),
        view=card_view(job, actions),
        pictures=pictures,
        name=f"easel-{job.id}",
        alt=alt_text(job, provider)[:ALT_TEXT_CHARACTERS],
    )


def card_without_external_text(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int = 0) -> Card:
    """The same without text from the member, the provider or the model."""
    line = TEXT_LEFT_OUT if pictures else explain_without_external_text(job.failure, provider)
    waiting = [f"-# {note}" for note in undelivered_sentences(pictures, later)]
    links = [each.link for each in pictures if each.link]
    card = result_card(job, pictures, provider)
    return card._replace(content=_fit_content([line, *waiting], links), alt=UNNAMED_PICTURE)


def _protect_link(link: str) -> str:
    """The link, in brackets if Discord would cut off its last character."""
    return f"<{link}>" if link.endswith(UNLINKED_ENDINGS) else link


def progress_text(job: Job, report: Report, provider: str) -> str:
    """The reply's text while the job is waiting or being drawn."""
    details = " · ".join(filter(None, [provider, escape(job.model_title), *progress_facts(report)]))
    return f"{progress_headline(job, report)}\n-# {details}"


def _receipt_lines(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int) -> list[str]:
    sizes = ", ".join(dict.fromkeys(str(each.size) for each in job.drawn if each.size))
    facts = [
        provider,
        escape(job.model_title),
        sizes,
        seed_words(job),
        duration_words(job),
        labelled_price(job.cost, len(job.drawn)) if job.cost else "",
    ]
    lines = [code_span(job.request.prompt), "-# " + " · ".join(filter(None, facts))]
    return lines + [f"-# {note}" for note in _notes(job, pictures, provider, later)]


def _fit_content(lines: Sequence[str], links: Sequence[str]) -> str:
    """As many whole lines as fit into a message; links take precedence, as each is a picture."""
    kept = fit_lines(links, MESSAGE_CHARACTERS)
    text = fit_lines(lines, MESSAGE_CHARACTERS - sum(len(link) + 1 for link in kept))
    return "\n".join([*text, *kept])


def _notes(job: Job, pictures: Sequence[ReadyPicture], provider: str, later: int) -> list[str]:
    notes = [note_sentence(note) for note in job.notes]
    notes += dict.fromkeys(sentence for each in job.drawn if each.note and (sentence := note_sentence(each.note)))
    notes += dict.fromkeys(credit_sentence(each.credit) for each in job.drawn if each.credit)
    asked, shown = job.request.count, sum(not each.kept_key for each in pictures)
    if shown < asked and not (job.refused and job.refused.rest):
        why = explain(job.failure, provider) if job.failure else ""
        notes.append(join_sentences(say(SOME_SHOWN, shown=shown, asked=asked), why))
    notes += undelivered_sentences(pictures, later)
    if any(each.reduced for each in pictures):
        notes.append(REDUCED)
    if any(each.first_frame_only for each in pictures):
        notes.append(FIRST_FRAME_ONLY)
    notes += dict.fromkeys(sentence for each in job.drawn if (sentence := conversion_sentence(each)))
    if any(_is_smaller(each.size, job.request.size) for each in job.drawn):
        notes.append(say(SMALLER, size=job.request.size, provider=provider))
    if any(each.link for each in pictures):
        notes.append(LINK_EXPIRES)
    return notes


def _is_smaller(drawn: Size | None, asked: Size | None) -> bool:
    """Whether it has less than SMALLER_SHARE of the pixels; APIs round sizes by less."""
    if drawn is None or asked is None:
        return False
    return drawn.width * drawn.height < SMALLER_SHARE * asked.width * asked.height


def _failure_lines(job: Job, provider: str) -> list[str]:
    why = job.failure or Unexpected()
    was_asked = not isinstance(why, NotAsked)  # else the note already says so
    fallback_note = [f"-# {failure_note(note)}" for note in job.notes[:1] if job.tried and was_asked]
    kept = [RETRY_FETCHES] if job.remote is not None else []
    lines = [code_span(job.request.prompt), explain(why, provider), f"-# {provider} · {escape(job.model_title)}"]
    return [*lines, *kept, *fallback_note]


def card_view(job: Job, actions: Sequence[CardAction]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for action in actions:
        view.add_item(card_button(action, job.id))
    view.stop()  # discord.py would keep every card in memory
    return view
