"""What stands where a picture was refused: why, and how its owner gets it."""

from domain import Job, Refused
from views.card import Card, card_view
from views.card_actions import AGAIN, DELETE
from views.wording.delivery_refusals import delivery_refusal_sentence
from views.wording.text import code_span, escape

KEPT_FOR_OWNER = "-# It is kept for whoever asked for it, for 7 days at most. If they press Delete, it is thrown away."


def refusal_card(job: Job, refused: Refused, provider: str) -> Card:
    """With the words that were asked for."""
    card = refusal_card_without_external_text(job, refused)
    about = f"-# {provider} · {escape(job.model_title)}"
    return card._replace(content="\n".join([code_span(job.request.prompt), card.content, about]))


def refusal_card_without_external_text(job: Job, refused: Refused) -> Card:
    """Without a word from outside."""
    content = f"{delivery_refusal_sentence(refused)}\n{KEPT_FOR_OWNER}"
    return Card(content, view=card_view(job, [AGAIN, DELETE]), pictures=(), name="", alt="")
