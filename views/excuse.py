"""What stands where a picture was refused: why, and how its owner gets it."""

from domain import Job, Refused
from views.card import Card, buttons
from views.card_ids import Verb
from views.wording.places import why_refused
from views.wording.text import code, plain

KEPT = "-# It is kept for whoever asked for it, for 7 days at most. If they press Delete, it is thrown away."


def excuse_card(job: Job, refused: Refused, provider: str) -> Card:
    """With the words that were asked for."""
    card = wordless_excuse(job, refused)
    about = f"-# {provider} · {plain(job.model_title)}"
    return card._replace(content="\n".join([code(job.request.prompt), card.content, about]))


def wordless_excuse(job: Job, refused: Refused) -> Card:
    """Without a word from outside."""
    content = f"{why_refused(refused)}\n{KEPT}"
    return Card(content, view=buttons(job, [Verb.AGAIN, Verb.DELETE]), pictures=(), name="", alt="")
