"""The message in place of a picture that Discord refused: why, and how its owner gets it."""

from domain import FailedDelivery, Job
from views.card import Card, card_view
from views.card_actions import AGAIN_ACTION, DELETE_ACTION
from views.wording.delivery_refusals import delivery_refusal_sentence
from views.wording.text import code_span, escape

KEPT_FOR_OWNER = "-# It is kept for the member who asked, for 7 days at most. If they press Delete, it is thrown away."


def refusal_card(job: Job, refused: FailedDelivery, provider: str) -> Card:
    """With the prompt."""
    card = refusal_card_without_external_text(job, refused)
    about = f"-# {provider} · {escape(job.model_title)}"
    return card._replace(content="\n".join([code_span(job.request.prompt), card.content, about]))


def refusal_card_without_external_text(job: Job, refused: FailedDelivery) -> Card:
    """Without text from the member, the provider or the model."""
    content = f"{delivery_refusal_sentence(refused)}\n{KEPT_FOR_OWNER}"
    return Card(content, view=card_view(job, [AGAIN_ACTION, DELETE_ACTION]), pictures=(), name="", alt="")
